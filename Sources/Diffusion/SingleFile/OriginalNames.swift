import Networks

/// The names of a network's tensors in latent-diffusion's code, which models in a single file have, beside diffusers' names, which are ours.
///
/// Source: `ldm/modules/diffusionmodules/{openaimodel,model}.py` of CompVis/latent-diffusion. The map lists modules; the rest of a name is the same
/// on both sides.
struct OriginalNames {
    private let current: [String: String]
    private let original: [String: String]

    /// - Parameters:
    ///   - modules: pairs of the original and today's name
    ///   - others: names that some programs write in place of the original ones
    private init(_ modules: [(String, String)], others: [(String, String)] = []) {
        current = Dictionary(uniqueKeysWithValues: modules + others)
        original = Dictionary(uniqueKeysWithValues: modules.map { ($1, $0) })
    }

    /// Today's name of a tensor; nil where no module of that name is known.
    func current(_ name: String) -> String? { Self.renamed(name, current) }

    /// The original name of a tensor of ours.
    func original(_ name: String) -> String? { Self.renamed(name, original) }

    /// By the longest module that the name begins with.
    private static func renamed(_ name: String, _ modules: [String: String]) -> String? {
        var end = name.endIndex
        while let dot = name[..<end].lastIndex(of: ".") {
            if let other = modules[String(name[..<dot])] { return other + name[dot...] }
            end = dot
        }
        return nil
    }

    static func unet(_ c: UNetConfiguration) -> OriginalNames {
        var modules = [
            ("time_embed.0", "time_embedding.linear_1"), ("time_embed.2", "time_embedding.linear_2"), ("input_blocks.0.0", "conv_in"),
            ("out.0", "conv_norm_out"), ("out.2", "conv_out"),
        ]
        func resnet(_ original: String, _ current: String) {
            let parts = [
                ("in_layers.0", "norm1"), ("in_layers.2", "conv1"), ("emb_layers.1", "time_emb_proj"), ("out_layers.0", "norm2"),
                ("out_layers.3", "conv2"), ("skip_connection", "conv_shortcut"),
            ]
            modules += parts.map { ("\(original).\($0)", "\(current).\($1)") }
        }
        let last = c.channels.count - 1
        // Blocks count through all levels; each level but the last ends in one that changes the size.
        var input = 1
        for level in 0...last {
            for layer in 0..<c.layersPerBlock[level] {
                resnet("input_blocks.\(input).0", "down_blocks.\(level).resnets.\(layer)")
                if c.downAttention[level] { modules.append(("input_blocks.\(input).1", "down_blocks.\(level).attentions.\(layer)")) }
                input += 1
            }
            guard level < last else { continue }
            modules.append(("input_blocks.\(input).0.op", "down_blocks.\(level).downsamplers.0.conv"))
            input += 1
        }
        resnet("middle_block.0", "mid_block.resnets.0")
        modules.append(("middle_block.1", "mid_block.attentions.0"))
        resnet("middle_block.2", "mid_block.resnets.1")
        var output = 0
        for block in 0...last {
            let layers = c.layersPerBlock[last - block]
            for layer in 0...layers {
                resnet("output_blocks.\(output).0", "up_blocks.\(block).resnets.\(layer)")
                if c.upAttention[block] { modules.append(("output_blocks.\(output).1", "up_blocks.\(block).attentions.\(layer)")) }
                if layer == layers, block < last {
                    modules.append(("output_blocks.\(output).\(c.upAttention[block] ? 2 : 1).conv", "up_blocks.\(block).upsamplers.0.conv"))
                }
                output += 1
            }
        }
        return OriginalNames(modules)
    }

    static func autoencoder(_ c: AutoencoderConfiguration) -> OriginalNames {
        var modules = [("quant_conv", "quant_conv"), ("post_quant_conv", "post_quant_conv")]
        var others: [(String, String)] = []
        func resnet(_ original: String, _ current: String) {
            modules += ["norm1", "conv1", "norm2", "conv2"].map { ("\(original).\($0)", "\(current).\($0)") }
            modules.append(("\(original).nin_shortcut", "\(current).conv_shortcut"))
        }
        for half in ["encoder", "decoder"] {
            modules += [("conv_in", "conv_in"), ("norm_out", "conv_norm_out"), ("conv_out", "conv_out")].map { ("\(half).\($0)", "\(half).\($1)") }
            resnet("\(half).mid.block_1", "\(half).mid_block.resnets.0")
            resnet("\(half).mid.block_2", "\(half).mid_block.resnets.1")
            let attention = [("norm", "group_norm"), ("q", "to_q"), ("k", "to_k"), ("v", "to_v"), ("proj_out", "to_out.0")]
            modules += attention.map { ("\(half).mid.attn_1.\($0)", "\(half).mid_block.attentions.0.\($1)") }
            // diffusers' own conversion to a single file left today's names in, or those before them.
            let converted = [("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0")] + attention.map { ($1, $1) }
            others += converted.map { ("\(half).mid.attn_1.\($0)", "\(half).mid_block.attentions.0.\($1)") }
        }
        let last = c.channels.count - 1
        for level in 0...last {
            for layer in 0..<c.layersPerBlock { resnet("encoder.down.\(level).block.\(layer)", "encoder.down_blocks.\(level).resnets.\(layer)") }
            // The original counts the decoder's levels by their size, not by their turn.
            for layer in 0...c.layersPerBlock { resnet("decoder.up.\(last - level).block.\(layer)", "decoder.up_blocks.\(level).resnets.\(layer)") }
            guard level < last else { continue }
            modules.append(("encoder.down.\(level).downsample.conv", "encoder.down_blocks.\(level).downsamplers.0.conv"))
            modules.append(("decoder.up.\(last - level).upsample.conv", "decoder.up_blocks.\(level).upsamplers.0.conv"))
        }
        return OriginalNames(modules, others: others)
    }
}
