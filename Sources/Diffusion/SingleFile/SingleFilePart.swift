import Layers
import Networks
import Torch

/// The tensors of one network in a single file, under whichever of the published namings the file has.
package struct SingleFilePart: Sendable {
    package enum Network: String, Sendable, CaseIterable {
        case textEncoder = "text encoder"
        case autoencoder = "autoencoder (VAE)"
        case unet = "UNet"
    }

    enum Naming: Sendable {
        /// latent-diffusion's.
        case original
        /// diffusers' and transformers', today's or older.
        case current
        case openCLIP
    }

    let network: Network
    let naming: Naming
    /// Whether the names begin with nothing that tells the part: the file is this part and no more.
    let isBare: Bool
    let file: SafeTensorsFile
    /// Names within the part, and the whole names in the file.
    let names: [String: String]

    private static let candidates: [Network: [(prefix: String, naming: Naming, marks: [String])]] = [
        .unet: [
            ("model.diffusion_model.", .original, ["input_blocks."]), ("model.diffusion_model.", .current, ["down_blocks."]),
            ("model.diffusion_model.", .original, [""]), ("diffusion_model.", .original, ["input_blocks."]), ("unet.", .current, ["down_blocks."]),
            ("", .original, ["input_blocks.0.0."]), ("", .current, ["down_blocks.0."]),
        ],
        .autoencoder: [
            ("first_stage_model.", .current, ["decoder.mid_block."]), ("first_stage_model.", .original, [""]), ("vae.", .current, ["decoder.mid_block."]),
            ("vae.", .original, ["decoder.mid."]), ("", .current, ["decoder.mid_block."]), ("", .original, ["decoder.mid."]),
        ],
        .textEncoder: [
            ("cond_stage_model.model.", .openCLIP, ["transformer.resblocks.", "token_embedding."]),
            ("cond_stage_model.", .openCLIP, ["transformer.resblocks."]), ("cond_stage_model.transformer.", .current, [""]),
            ("cond_stage_model.", .current, ["text_model.", "embeddings."]), ("text_encoder.", .current, ["text_model.", "embeddings."]),
            ("model.", .openCLIP, ["transformer.resblocks."]), ("", .openCLIP, ["transformer.resblocks."]),
            ("", .current, ["text_model.", "embeddings.token_embedding."]),
        ],
    ]

    /// What a network's names begin with where nothing stands before them.
    private static let roots: [Network: Set<String>] = [
        .unet: [
            "time_embed", "input_blocks", "middle_block", "output_blocks", "out", "id_predictor", "label_emb", "conv_in", "time_embedding", "down_blocks",
            "mid_block", "up_blocks", "conv_norm_out", "conv_out", "add_embedding", "class_embedding",
        ],
        .autoencoder: ["encoder", "decoder", "quant_conv", "post_quant_conv", "loss", "model_ema"],
        .textEncoder: [
            "text_model", "embeddings", "encoder", "final_layer_norm", "text_projection", "logit_scale", "token_embedding", "positional_embedding",
            "transformer", "ln_final", "attn_mask", "visual", "vision_model", "visual_projection",
        ],
    ]

    /// The part of that kind; nil where the file has none.
    /// - Parameter names: of the file's tensors, without what wraps them all, and the whole names
    init?(_ network: Network, of file: SafeTensorsFile, names: [String: String]) {
        let found = Self.candidates[network]!.first { prefix, _, marks in names.keys.contains { name in marks.contains { name.hasPrefix(prefix + $0) } } }
        guard let (prefix, naming, _) = found else { return nil }
        let roots = prefix.isEmpty ? Self.roots[network] : nil
        var own: [String: String] = [:]
        for (name, whole) in names where name.hasPrefix(prefix) {
            let rest = String(name.dropFirst(prefix.count))
            if roots?.contains(String(rest.prefix { $0 != "." })) ?? true { own[rest] = whole }
        }
        (self.network, self.naming, self.file, self.names) = (network, naming, file, own)
        isBare = prefix.isEmpty
    }

    /// Whether programs leave a tensor of that name behind, without a use in drawing.
    func isLeftOver(_ name: String) -> Bool {
        switch network {
        case .unet: name.hasPrefix("id_predictor.")
        case .autoencoder: name.hasPrefix("loss.") || name.hasPrefix("model_ema.")
        case .textEncoder:
            PublishedNames.isNoWeight(name) || Self.unusedInText.contains { name == $0 || name == "text_model.\($0)" }
                || name.hasPrefix("visual.") || name.hasPrefix("vision_model.")
        }
    }

    private static let unusedInText = ["logit_scale", "attn_mask", "text_projection", "text_projection.weight", "visual_projection.weight"]

    /// Shapes by the names within the part.
    var shapes: OriginalShapes { OriginalShapes(file: file.url.path, shapes: names.mapValues { file.shape(of: $0) ?? [] }) }

    // MARK: Under today's names

    func unet(_ configuration: UNetConfiguration) -> [String: Renamed] {
        let original = naming == .original ? OriginalNames.unet(configuration) : nil
        return renamed { name in [original.map { $0.current(name) } ?? name].compactMap { $0 } }
    }

    func autoencoder(_ configuration: AutoencoderConfiguration) -> [String: Renamed] {
        let original = naming == .original ? OriginalNames.autoencoder(configuration) : nil
        return renamed { name in [original.map { $0.current(name) } ?? PublishedNames.autoencoder.current(name)].compactMap { $0 } }
    }

    func textEncoder(_ configuration: CLIPTextConfiguration) -> [String: Renamed] {
        guard naming == .openCLIP else { return renamed { [PublishedNames.textEncoder.current($0)] } }
        // Stable Diffusion 2.x takes the states before the last layer, which the file brings along.
        return renamed(without: { OpenCLIPNames.block($0).map { $0.number == configuration.layers } ?? false }, OpenCLIPNames.current)
    }

    /// A tensor of the file, or a third of one, as today's network has it.
    struct Renamed {
        let file: SafeTensorsFile
        let inFile: String
        let third: Int?
        /// Whether it was a 1×1 convolution that is a matrix today.
        let flattens: Bool

        var shape: [Int] {
            var shape = file.shape(of: inFile) ?? []
            if third != nil, let first = shape.first { shape[0] = first / 3 }
            return flattens ? Array(shape.prefix(2)) : shape
        }

        func tensor() throws -> Tensor {
            var tensor = try file.tensor(inFile)
            if let third, let size = file.shape(of: inFile)?.first, size % 3 == 0 { tensor = tensor[third * (size / 3)..<(third + 1) * (size / 3)] }
            return flattens ? tensor.flattened(from: 1) : tensor
        }
    }

    /// A name that is not known stays as it is in the file, and is reported as no part of the network; so does one whose place is taken.
    private func renamed(without isUnused: (String) -> Bool = { _ in false }, _ current: (String) -> [String]) -> [String: Renamed] {
        var found: [String: Renamed] = [:]
        for (name, inFile) in names.sorted(by: { $0.key < $1.key }) where !isLeftOver(name) && !isUnused(name) {
            let targets = current(name)
            if targets.count == 1, found[targets[0]] == nil {
                let isMatrix = network == .autoencoder && targets[0].contains(".attentions.") && file.shape(of: inFile)?.count == 4
                found[targets[0]] = Renamed(file: file, inFile: inFile, third: nil, flattens: isMatrix)
            } else if targets.count == 3, targets.allSatisfy({ found[$0] == nil }) {
                for (third, target) in targets.enumerated() { found[target] = Renamed(file: file, inFile: inFile, third: third, flattens: false) }
            } else {
                found[inFile] = Renamed(file: file, inFile: inFile, third: nil, flattens: false)
            }
        }
        return found
    }
}

extension [String: SingleFilePart.Renamed] {
    func store(from file: SafeTensorsFile, on placement: Placement) throws -> ParameterStore {
        ParameterStore(try mapValues { try $0.tensor() }, from: file.url.path, on: placement)
    }

    /// Names and shapes alone.
    func outline(from file: SafeTensorsFile) -> ParameterStore { ParameterStore(shapes: mapValues(\.shape), from: file.url.path) }
}
