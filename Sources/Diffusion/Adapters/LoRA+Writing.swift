import Foundation
import Layers
import Storage
import Torch

extension LoRA {
    /// A layer's matrices as they go into a file.
    struct WrittenLayer {
        let part: Part
        /// Under diffusers' name.
        let path: String
        let down: Tensor
        let up: Tensor
        let scale: Double

        var rank: Int { down.size(0) }
        var alpha: Double { scale * Double(rank) }
        /// Whether it is a convolution over more than one pixel.
        var isWide: Bool { down.shape.dropFirst(2).contains { $0 > 1 } }
    }

    /// Writes a file of adapters that other programs read.
    /// - Parameters:
    ///   - textEncoder: adapters of the text encoder, which came with those that a run went on from
    ///   - metadata: further entries of the header
    ///   - forMapping: as in `SafeTensors.write`, like `isSealed`
    public static func write(
        _ adapters: LowRankAdapters, textEncoder: LowRankAdapters? = nil, naming: Naming = .kohya, metadata: [String: String] = [:],
        forMapping: Bool = false, isSealed: Bool = false, to url: URL
    ) throws {
        let layers = [(Part.unet, adapters), (.textEncoder, textEncoder)].flatMap { part, adapters in
            (adapters?.layers ?? []).map { WrittenLayer(part: part, path: $0.path, down: $0.down.detached, up: $0.up.detached, scale: adapters!.scale) }
        }
        try write(layers, naming, metadata: metadata, forMapping: forMapping, isSealed: isSealed, to: url)
    }

    static func write(
        _ layers: [WrittenLayer], _ naming: Naming, metadata: [String: String] = [:], forMapping: Bool = false, isSealed: Bool = false, to url: URL
    ) throws {
        // diffusers reads alphas that differ from layer to layer wrongly: where they say no more than the ranks do, they are left out.
        let saysAlpha = Set(layers.map(\.alpha)).count == 1 || layers.contains { $0.scale != 1 }
        let tensors = layers.flatMap { naming == .kohya ? kohya($0, saysAlpha: saysAlpha) : diffusers($0) }
        let own = naming == .kohya ? kohyaHeader(layers) : [:]
        try SafeTensors.write(
            tensors, metadata: own.merging(["format": "pt"]) { $1 }.merging(metadata) { $1 }, forMapping: forMapping, isSealed: isSealed, to: url)
    }

    /// Matrices as they are, and alpha beside them; every program takes it for the rank where there is none.
    private static func kohya(_ layer: WrittenLayer, saysAlpha: Bool) -> [(name: String, value: Tensor)] {
        let name = (layer.part == .unet ? "lora_unet_" : "lora_te_") + UnderscoredPath.underscored(layer.path)
        let alpha = (name: name + ".alpha", value: Tensor([Float(layer.alpha)], shape: []))
        return [(name + ".lora_down.weight", layer.down), (name + ".lora_up.weight", layer.up)] + (saysAlpha ? [alpha] : [])
    }

    /// The scale is multiplied into B, for diffusers reads no alpha under these names, and its own header not before 0.34. B is then float32: in half
    /// precision a small product would lose digits.
    private static func diffusers(_ layer: WrittenLayer) -> [(name: String, value: Tensor)] {
        let name = (layer.part == .unet ? "unet." : "text_encoder.") + layer.path
        let up = layer.scale == 1 ? layer.up : noGradients { layer.up.to(.float32) * layer.scale }
        return [(name + LowRankAdapters.down, layer.down), (name + LowRankAdapters.up, up)]
    }

    /// The word of sd-scripts' tools for ranks, or alphas, that differ from layer to layer.
    static let dynamic = "Dynamic"

    /// What sd-scripts writes of rank and alpha, and programs show of a file. It tells nothing of where the run was.
    private static func kohyaHeader(_ layers: [WrittenLayer]) -> [String: String] {
        func single(_ values: [Double]) -> String? { Set(values).count == 1 ? JSONValue.number(values[0]).text : nil }
        let (narrow, wide) = (layers.filter { !$0.isWide }, layers.filter(\.isWide))
        let main = narrow.isEmpty ? wide : narrow
        var header = [
            "ss_network_module": "networks.lora", "ss_network_dim": single(main.map { Double($0.rank) }) ?? dynamic,
            "ss_network_alpha": single(main.map(\.alpha)) ?? dynamic,
        ]
        if !narrow.isEmpty, let rank = single(wide.map { Double($0.rank) }), let alpha = single(wide.map(\.alpha)) {
            header["ss_network_args"] = #"{"conv_dim": "\#(rank)", "conv_alpha": "\#(alpha)"}"#
        }
        // AUTOMATIC1111 lists a LoRA under Stable Diffusion 2 by this flag, and any other with a header under 1.
        let context = layers.first { $0.part == .unet && $0.path.hasSuffix(".attn2.to_k") }?.down.size(1)
        header["ss_v2"] = context == 1024 ? "True" : "False"
        return header
    }
}

extension LowRankAdapters {
    /// The two matrices of every layer, in the order of their paths.
    fileprivate var layers: [(path: String, down: Tensor, up: Tensor)] {
        tensors.keys.filter { $0.hasSuffix(Self.down) }.sorted().compactMap { name in
            let path = String(name.dropLast(Self.down.count))
            return tensors[name].flatMap { down in tensors[path + Self.up].map { (path, down, $0) } }
        }
    }
}
