import Foundation
import Networks
import Torch

extension LoRA.File {
    /// What a file says of itself, without a model.
    public struct Facts: Encodable, Sendable {
        /// LoRA, or LoCon where convolutions over several pixels have adapters, too.
        public let kind: String
        /// Whose names the tensors have.
        public let naming: [String]
        public let ranks: [Int]
        /// For whatever rank: what the change B·A is multiplied by, times the rank.
        public let alphas: [Double]
        public let unetLayers: Int
        public let textEncoderLayers: Int
    }

    public var facts: Facts {
        let all = layers.values.flatMap(\.values)
        // The quotient alpha / r is known; its product with r carries rounding that nobody stated.
        let alphas = all.map { (($0.scale * Double($0.rank)) * 1e6).rounded() / 1e6 }
        return Facts(
            kind: all.contains { $0.down.shape.dropFirst(2).contains { $0 > 1 } } ? "LoCon" : "LoRA", naming: spellings.sorted(),
            ranks: Set(all.map(\.rank)).sorted(), alphas: Set(alphas).sorted(), unetLayers: layers[.unet]?.count ?? 0,
            textEncoderLayers: layers[.textEncoder]?.count ?? 0)
    }

    /// Numbers of the adapters.
    public var parameters: Int { layers.values.flatMap(\.values).reduce(0) { $0 + $1.down.count + $1.up.count } }

    /// Whether a file looks like adapters by its names: of whichever kind, to be read or refused.
    public static func isOne(_ file: SafeTensorsFile) -> Bool {
        file.names.contains { AdapterName($0) != nil } || OtherAdapters.kind(file) != nil
    }

    /// Writes the adapters under other names. Throws where a layer's name belongs to no UNet of Stable Diffusion's structure.
    public func write(_ naming: LoRA.Naming, to destination: URL) throws {
        var written: [LoRA.WrittenLayer] = []
        for part in [LoRA.Part.unet, .textEncoder] {
            for (path, layer) in try current(part, OriginalNames.unet(UNetConfiguration())) {
                guard part == .textEncoder || !AdapterName.isOriginal(path) else { throw wrong(layer.name, "is no layer of Stable Diffusion's UNet") }
                try checkFinite(layer)
                written.append(LoRA.WrittenLayer(part: part, path: path, down: layer.down, up: layer.up, scale: layer.scale))
            }
        }
        try LoRA.write(written, naming, to: destination)
    }
}
