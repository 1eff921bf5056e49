import Networks

/// What the name of a tensor in a file of adapters says, whichever program wrote it.
///
/// Sources: diffusers' `loaders/lora_pipeline.py`, `loaders/lora_conversion_utils.py` and `utils/state_dict_utils.py` (0.12 to 0.42), sd-scripts'
/// `networks/lora.py`, PEFT's `utils/save_and_load.py`, OneTrainer's `modules/util/convert/lora`.
struct AdapterName {
    enum Role {
        /// A, `[r, in]`.
        case down
        /// B, `[out, r]`.
        case up
        case alpha
    }

    /// Whose names they are.
    enum Spelling: String {
        case kohya
        /// Blocks of a UNet as latent-diffusion has them.
        case latentDiffusion = "latent-diffusion"
        case peft
        case diffusers
        /// diffusers' of 0.12 to 0.21.
        case processors = "attention-processors"
        case oneTrainer = "onetrainer"
    }

    let part: LoRA.Part
    /// Of the layer, with dots: under diffusers' names or, of a UNet, latent-diffusion's; a text encoder's begins with `text_model.`.
    let path: String
    let role: Role
    let spelling: Spelling

    /// Nil for a name that is no part of a LoRA.
    init?(_ name: String) {
        guard let (stem, role, end) = Self.split(name), let (part, rest, isFlat, start) = Self.part(of: stem) else { return nil }
        self.part = part
        self.role = role
        let path = isFlat ? UnderscoredPath.dotted(rest) : Self.today(rest, part)
        self.path = part == .textEncoder && ["encoder.", "embeddings.", "final_layer_norm"].contains(where: path.hasPrefix) ? "text_model." + path : path
        spelling = start ?? (Self.isOriginal(path) && part == .unet ? .latentDiffusion : isFlat ? .kohya : end)
    }

    private static let ends: [(String, Role, Spelling)] = [
        (".lora_A.weight", .down, .peft), (".lora_B.weight", .up, .peft), (".lora_A", .down, .peft), (".lora_B", .up, .peft),
        (".lora_down.weight", .down, .kohya), (".lora_up.weight", .up, .kohya), (".lora.down.weight", .down, .diffusers),
        (".lora.up.weight", .up, .diffusers), (".lora_linear_layer.down.weight", .down, .diffusers), (".lora_linear_layer.up.weight", .up, .diffusers),
        ("_lora.down.weight", .down, .processors), ("_lora.up.weight", .up, .processors), ("_lora.alpha", .alpha, .processors), (".alpha", .alpha, .kohya),
    ]

    /// The name before its end, and what the end means.
    private static func split(_ name: String) -> (stem: String, Role, Spelling)? {
        if let (end, role, spelling) = ends.first(where: { name.hasSuffix($0.0) }) { return (String(name.dropLast(end.count)), role, spelling) }
        // PEFT's own models have the adapter's name in between: `lora_A.default.weight`.
        let words = name.split(separator: ".", omittingEmptySubsequences: false)
        guard words.count > 3, words.last == "weight", let role: Role = ["lora_A": .down, "lora_B": .up][words[words.count - 3]] else { return nil }
        return (words.dropLast(3).joined(separator: "."), role, .peft)
    }

    private static let prefixes: [(String, LoRA.Part, isFlat: Bool, Spelling?)] = [
        ("lora_unet_", .unet, true, nil), ("lora_te_", .textEncoder, true, nil), ("lora_te1_", .textEncoder, true, nil),
        ("lora_unet.", .unet, false, .oneTrainer), ("lora_te.", .textEncoder, false, .oneTrainer), ("clip_l.", .textEncoder, false, .oneTrainer),
        ("diffusion_model.", .unet, false, nil), ("unet.", .unet, false, nil), ("text_encoder.", .textEncoder, false, nil),
    ]
    private static let wrapper = "base_model.model."
    private static let unetRoots = ["down_blocks", "mid_block", "up_blocks", "conv_in", "conv_out", "time_embedding"] + originalRoots
    private static let originalRoots = ["input_blocks", "middle_block", "output_blocks", "time_embed", "out"]
    private static let textRoots = ["text_model", "encoder"]

    /// The part that a name belongs to, and the rest of the name.
    private static func part(of stem: String) -> (LoRA.Part, String, isFlat: Bool, Spelling?)? {
        let stem = [wrapper, "module."].first(where: stem.hasPrefix).map { String(stem.dropFirst($0.count)) } ?? stem
        if let (prefix, part, isFlat, spelling) = prefixes.first(where: { stem.hasPrefix($0.0) }) {
            let rest = String(stem.dropFirst(prefix.count))
            return (part, rest.hasPrefix(wrapper) ? String(rest.dropFirst(wrapper.count)) : rest, isFlat, spelling)
        }
        // What was saved from one network has no prefix: its first word tells which.
        let root = String(stem.prefix { $0 != "." })
        if unetRoots.contains(root) { return (.unet, stem, false, nil) }
        return textRoots.contains(root) ? (.textEncoder, stem, false, nil) : nil
    }

    /// A path with dots under today's names: attention processors, which diffusers had until 0.21, stood within the attention, `to_out` in them for `to_out.0`, and
    /// in a text encoder the UNet's names for the projections.
    private static func today(_ path: String, _ part: LoRA.Part) -> String {
        var path = path.replacingOccurrences(of: ".processor.", with: ".")
        // AnimateDiff's own names of layers of motion modules.
        if part == .unet { path = MotionNames.current(path) ?? path }
        if part == .unet { return path.hasSuffix(".to_out") ? path + ".0" : path }
        let names = [".to_q": ".q_proj", ".to_k": ".k_proj", ".to_v": ".v_proj", ".to_out": ".out_proj"]
        guard let (old, new) = names.first(where: { path.hasSuffix(".self_attn" + $0.key) }) else { return path }
        return path.dropLast(old.count) + new
    }

    /// Whether a path within a UNet is one of latent-diffusion's.
    static func isOriginal(_ path: String) -> Bool { originalRoots.contains(String(path.prefix { $0 != "." })) }
}

/// kohya's spelling of a layer's path: underscores for dots, which names themselves hold.
enum UnderscoredPath {
    /// Names with underscores in the paths of Stable Diffusion 1.x's and 2.x's networks, the longer of two that begin alike first.
    private static let names: [[Substring]] = [
        "down_blocks", "mid_block", "up_blocks", "motion_modules",
        "transformer_blocks", "time_emb_proj", "time_embedding", "linear_1", "linear_2", "conv_in", "conv_out",
        "conv_shortcut", "proj_in", "proj_out", "to_q", "to_k", "to_v", "to_out", "add_embedding",
        "input_blocks", "middle_block", "output_blocks", "time_embed", "in_layers", "out_layers", "emb_layers", "skip_connection", "label_emb",
        "text_model", "self_attn", "q_proj", "k_proj", "v_proj", "out_proj", "token_embedding", "position_embedding", "final_layer_norm", "text_projection",
    ].map { $0.split(separator: "_") }

    static func underscored(_ path: String) -> String { path.replacingOccurrences(of: ".", with: "_") }

    static func dotted(_ text: String) -> String {
        var rest = text.split(separator: "_", omittingEmptySubsequences: false)[...]
        var words: [String] = []
        while !rest.isEmpty {
            let length = names.first { rest.starts(with: $0) }?.count ?? 1
            words.append(rest.prefix(length).joined(separator: "_"))
            rest = rest.dropFirst(length)
        }
        return words.joined(separator: ".")
    }
}

extension OriginalNames {
    /// Of a UNet that is known by the paths of its layers.
    static func unet(layers: some Sequence<String>) -> OriginalNames {
        var resnets: [String: Set<Substring>] = [:]
        var attentions: Set<String> = []
        for path in layers {
            let words = path.split(separator: ".")
            guard words.count > 3 else { continue }
            let level = "\(words[0]).\(words[1])"
            if words[2] == "resnets" { resnets[level, default: []].insert(words[3]) }
            if words[2] == "attentions" { attentions.insert(level) }
        }
        var configuration = UNetConfiguration()
        let levels = resnets.keys.count { $0.hasPrefix("down_blocks.") }
        guard levels > 0 else { return unet(configuration) }
        configuration.channels = Array(repeating: 1, count: levels)
        configuration.layersPerBlock = (0..<levels).map { resnets["down_blocks.\($0)"]?.count ?? 1 }
        configuration.downAttention = (0..<levels).map { attentions.contains("down_blocks.\($0)") }
        configuration.upAttention = (0..<levels).map { attentions.contains("up_blocks.\($0)") }
        return unet(configuration)
    }
}
