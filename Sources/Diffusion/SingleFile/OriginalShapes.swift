import Layers

/// The shapes of a network's tensors under their original names, from which its configuration is read: a single file brings none.
struct OriginalShapes {
    let file: String
    let shapes: [String: [Int]]

    private func wrong(_ message: String) -> ConfigurationError { ConfigurationError(file: file, message: message) }

    private func has(_ name: String) -> Bool { shapes[name] != nil }

    /// Size of an axis; every size of a tensor that decides on a configuration lies within what a configuration may say.
    private func size(_ name: String, _ axis: Int) throws -> Int {
        guard let shape = shapes[name] else { throw wrong("is no Stable Diffusion 1.x: the tensor \(name) is missing") }
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
        guard (1...8).contains(c.channels.count) else { throw wrong("is no Stable Diffusion 1.x: the UNet has \(c.channels.count) levels") }
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

    func autoencoder() throws -> AutoencoderConfiguration {
        var c = AutoencoderConfiguration()
        c.inChannels = try size("encoder.conv_in.weight", 1)
        c.outChannels = try size("decoder.conv_out.weight", 0)
        c.latentChannels = try size("decoder.conv_in.weight", 1)
        let levels = count { "encoder.down.\($0).block.0.conv1.weight" }
        guard (1...8).contains(levels) else { throw wrong("is no Stable Diffusion 1.x: the autoencoder has \(levels) levels") }
        c.channels = try (0..<levels).map { try size("encoder.down.\($0).block.0.conv1.weight", 0) }
        guard c.channels.allSatisfy({ $0.isMultiple(of: 32) }) else { throw wrong("the autoencoder's channels are \(c.channels), not multiples of 32") }
        c.layersPerBlock = count { "encoder.down.0.block.\($0).conv1.weight" }
        c.usesQuantConv = has("quant_conv.weight")
        c.usesPostQuantConv = has("post_quant_conv.weight")
        c.attendsInMiddle = has("encoder.mid.attn_1.norm.weight")
        return c
    }

    /// Of a text encoder, whose names are transformers'.
    func textEncoder() throws -> CLIPTextConfiguration {
        var c = CLIPTextConfiguration()
        c.vocabularySize = try size("text_model.embeddings.token_embedding.weight", 0)
        c.width = try size("text_model.embeddings.token_embedding.weight", 1)
        c.maximumLength = try size("text_model.embeddings.position_embedding.weight", 0)
        c.layers = count { "text_model.encoder.layers.\($0).layer_norm1.weight" }
        c.hiddenWidth = try size("text_model.encoder.layers.0.mlp.fc1.weight", 0)
        guard c.width.isMultiple(of: 64) else { throw wrong("the text encoder is \(c.width) wide, no multiple of 64") }
        c.heads = c.width / 64
        return c
    }
}
