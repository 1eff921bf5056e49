import Networks
import Storage

/// The shapes of a network's tensors under the names that a single file has, from which its configuration is read: the file brings none.
struct OriginalShapes {
    let file: String
    let shapes: [String: [Int]]

    private func wrong(_ message: String) -> ConfigurationError { ConfigurationError(file: file, message: message) }

    private func has(_ name: String) -> Bool { shapes[name] != nil }

    /// Size of an axis; every size of a tensor that decides on a configuration lies within what a configuration may say.
    private func size(_ name: String, _ axis: Int) throws -> Int {
        guard let shape = shapes[name] else { throw wrong("is no Stable Diffusion 1.x or 2.x: the tensor \(name) is missing") }
        guard shape.indices.contains(axis), (1...65536).contains(shape[axis]) else { throw wrong("the shape of \(name) is \(shape)") }
        return shape[axis]
    }

    /// How many of `name(0)`, `name(1)`, … there are, up to a limit that no model comes near.
    private func count(_ name: (Int) -> String) -> Int { (0..<1000).first { !has(name($0)) } ?? 1000 }

    func unet() throws -> UNetConfiguration {
        var c = UNetConfiguration()
        c.inChannels = try size("input_blocks.0.0.weight", 1)
        c.outChannels = try size("out.2.weight", 0)
        c.crossAttentionChannels = try size("middle_block.1.transformer_blocks.0.attn2.to_k.weight", 1)
        c.usesLinearProjection = shapes["middle_block.1.proj_in.weight"]?.count == 2
        (c.channels, c.layersPerBlock, c.downAttention, c.transformerDepth) = ([], [], [], [])
        func halves(_ block: Int) -> Bool { has("input_blocks.\(block).0.op.weight") }
        for block in (1..<1000).prefix(while: { halves($0) || has("input_blocks.\($0).0.out_layers.3.weight") }) where !halves(block) {
            // A level begins, with the first block or after one that halves the size.
            if block == 1 || halves(block - 1) {
                c.channels.append(try size("input_blocks.\(block).0.out_layers.3.weight", 0))
                c.layersPerBlock.append(0)
                c.downAttention.append(has("input_blocks.\(block).1.norm.weight"))
                let depth = count { "input_blocks.\(block).1.transformer_blocks.\($0).norm1.weight" }
                c.transformerDepth.append(depth > 0 ? depth : count { "middle_block.1.transformer_blocks.\($0).norm1.weight" })
            }
            c.layersPerBlock[c.layersPerBlock.count - 1] += 1
        }
        guard (1...8).contains(c.channels.count) else { throw wrong("is no Stable Diffusion 1.x or 2.x: the UNet has \(c.channels.count) levels") }
        var output = 0
        c.upAttention = c.layersPerBlock.reversed().map { layers in
            defer { output += layers + 1 }
            return has("output_blocks.\(output).1.norm.weight")
        }
        guard c.channels.allSatisfy({ $0.isMultiple(of: 64) }) else { throw wrong("the UNet's channels are \(c.channels), not multiples of 64") }
        // Stable Diffusion 1.x has 8 heads everywhere, 2.x heads of 64 channels; the tensors do not tell.
        c.heads = c.usesLinearProjection ? c.channels.map { $0 / 64 } : c.channels.map { _ in 8 }
        c.onlyCrossAttention = c.channels.map { _ in false }
        return c
    }

    func autoencoder(_ naming: SingleFilePart.Naming = .original) throws -> AutoencoderConfiguration {
        func block(_ level: Int, _ layer: Int) -> String {
            naming == .original ? "encoder.down.\(level).block.\(layer).conv1.weight" : "encoder.down_blocks.\(level).resnets.\(layer).conv1.weight"
        }
        var c = AutoencoderConfiguration()
        c.inChannels = try size("encoder.conv_in.weight", 1)
        c.outChannels = try size("decoder.conv_out.weight", 0)
        c.latentChannels = try size("decoder.conv_in.weight", 1)
        let levels = count { block($0, 0) }
        guard (1...8).contains(levels) else { throw wrong("is no Stable Diffusion 1.x or 2.x: the autoencoder has \(levels) levels") }
        c.channels = try (0..<levels).map { try size(block($0, 0), 0) }
        guard c.channels.allSatisfy({ $0.isMultiple(of: 32) }) else { throw wrong("the autoencoder's channels are \(c.channels), not multiples of 32") }
        c.layersPerBlock = count { block(0, $0) }
        c.usesQuantConv = has("quant_conv.weight")
        c.usesPostQuantConv = has("post_quant_conv.weight")
        let attention = naming == .original ? "encoder.mid.attn_1" : "encoder.mid_block.attentions.0"
        c.attendsInMiddle = has("\(attention).norm.weight") || has("\(attention).group_norm.weight")
        return c
    }

    /// - Parameter leavesOutLast: whether the states before the last layer are taken, as Stable Diffusion 2.x does
    func textEncoder(_ naming: SingleFilePart.Naming = .current, leavesOutLast: Bool = true) throws -> CLIPTextConfiguration {
        var c = CLIPTextConfiguration()
        if naming == .openCLIP {
            c.vocabularySize = try size("token_embedding.weight", 0)
            c.width = try size("token_embedding.weight", 1)
            c.maximumLength = try size("positional_embedding", 0)
            c.layers = count { "transformer.resblocks.\($0).ln_1.weight" } - (leavesOutLast ? 1 : 0)
            guard c.layers > 0 else { throw wrong("is no Stable Diffusion 2.x: the text encoder has \(c.layers + 1) layers") }
            c.hiddenWidth = try size("transformer.resblocks.0.mlp.c_fc.weight", 0)
        } else {
            // transformers 5 leaves `text_model.` out, and so do some who merge models.
            let model = has("embeddings.token_embedding.weight") ? "" : "text_model."
            c.vocabularySize = try size("\(model)embeddings.token_embedding.weight", 0)
            c.width = try size("\(model)embeddings.token_embedding.weight", 1)
            c.maximumLength = try size("\(model)embeddings.position_embedding.weight", 0)
            c.layers = count { "\(model)encoder.layers.\($0).layer_norm1.weight" }
            c.hiddenWidth = try size("\(model)encoder.layers.0.mlp.fc1.weight", 0)
        }
        guard c.width.isMultiple(of: 64) else { throw wrong("the text encoder is \(c.width) wide, no multiple of 64") }
        c.heads = c.width / 64
        // Stable Diffusion 2.x's comes from open_clip, under whatever names.
        if naming == .openCLIP || c.width == 1024 { c.activation = .gelu }
        return c
    }
}
