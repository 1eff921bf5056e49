import Foundation
import Layers
import Storage

/// `unet/config.json` of a `UNetMotionModel`.
extension UNetConfiguration {
    /// What diffusers calls the network of a model that draws clips.
    public static let motionClassName = "UNetMotionModel"

    /// What diffusers calls this network.
    public var className: String { motion == nil ? Self.className : Self.motionClassName }

    /// Of the last normalisation: where clips are drawn diffusers knows but one.
    var outputActivation: Activation { motion == nil ? activation : .silu }

    init(motion url: URL) throws {
        self.init()
        var reader = try ConfigurationReader(url)
        try reader.refuseNull(["norm_num_groups"])
        let sides = try reader.perBlock("sample_size", count: 2, 64, in: 1...65536)
        sampleSize = sides[0]
        sampleWidth = sides[1] == sides[0] ? nil : sides[1]
        inChannels = try reader.integer("in_channels", 4, in: 1...256)
        outChannels = try reader.integer("out_channels", 4, in: 1...256)
        channels = try reader.integers("block_out_channels", channels, in: 1...65536)
        let levels = channels.count
        guard (1...8).contains(levels) else { throw reader.wrong("block_out_channels", "a list of 1 to 8 numbers") }
        downAttention = try Self.attention(
            &reader, "down_block_types", levels, ["CrossAttnDownBlockMotion": true, "DownBlockMotion": false],
            ["CrossAttnDownBlockMotion", "CrossAttnDownBlockMotion", "CrossAttnDownBlockMotion", "DownBlockMotion"])
        upAttention = try Self.attention(
            &reader, "up_block_types", levels, ["CrossAttnUpBlockMotion": true, "UpBlockMotion": false],
            ["UpBlockMotion", "CrossAttnUpBlockMotion", "CrossAttnUpBlockMotion", "CrossAttnUpBlockMotion"])
        onlyCrossAttention = Array(repeating: false, count: levels)
        layersPerBlock = try reader.perBlock("layers_per_block", count: levels, 2, in: 1...16)
        downsamplePadding = try reader.integer("downsample_padding", 1, in: 0...1)
        middleScale = try reader.number("mid_block_scale_factor", 1, in: 1e-6...1e6)
        activation = try Self.activation(&reader, "act_fn") ?? .silu
        groups = try reader.integer("norm_num_groups", 32, in: 1...65536)
        epsilon = try reader.number("norm_eps", 1e-5, in: 0...1)
        crossAttentionChannels = try reader.integer("cross_attention_dim", 1280, in: 1...65536)
        transformerDepth = try reader.perBlock("transformer_layers_per_block", count: levels, 1, in: 1...32)
        heads = try reader.perBlock("num_attention_heads", count: levels, 8, in: 1...4096)
        usesLinearProjection = try reader.bool("use_linear_projection", false)
        motion = try Self.motion(&reader, layersPerBlock)
        // diffusers reads `reverse_motion_num_attention_heads` and forgets it.
        try reader.refuse([
            "reverse_transformer_layers_per_block": .null, "reverse_motion_num_attention_heads": .null, "mid_block_layers": .number(1),
            "transformer_layers_per_mid_block": .number(Double(transformerDepth[levels - 1])), "encoder_hid_dim": .null, "encoder_hid_dim_type": .null,
            "addition_embed_type": .null, "projection_class_embeddings_input_dim": .null, "time_cond_proj_dim": .null,
            "class_embed_type": .null, "num_class_embeds": .null, "dual_cross_attention": .bool(false), "only_cross_attention": .bool(false),
            "resnet_time_scale_shift": .string("default"), "upcast_attention": .bool(false),
        ])
        reader.ignore(["addition_time_embed_dim"])
        try reader.finish()
        try check(reader, heads: "num_attention_heads")
        for (count, heads) in zip(channels, motion!.heads) where count % heads != 0 || count % 2 != 0 {
            throw reader.wrong("motion_num_attention_heads", "a divisor of block_out_channels, which are even")
        }
    }

    private static func motion(_ reader: inout ConfigurationReader, _ layers: [Int]) throws -> MotionConfiguration {
        let key = "temporal_transformer_layers_per_block"
        let heads = try reader.perBlock("motion_num_attention_heads", count: layers.count, 8, in: 1...4096)
        let depth = try reader.perLayer(key, counts: layers, in: 1...32)
        let upDepth = try reader.perLayer("reverse_\(key)", counts: layers.reversed().map { $0 + 1 }, in: 1...32)
        var motion = MotionConfiguration(
            layers: layers, heads: heads, depth: layers.map { _ in 1 },
            maximumFrames: try reader.integer("motion_max_seq_length", 32, in: 1...65536))
        motion.depth = depth ?? motion.depth
        if let upDepth {
            motion.upDepth = upDepth
        } else {
            guard motion.depth.allSatisfy({ Set($0).count == 1 }) else { throw reader.wrong("reverse_\(key)", "given where the layers of a block differ") }
            motion.upDepth = zip(motion.depth, layers).reversed().map { Array(repeating: $0[0], count: $1 + 1) }
        }
        let middle = try reader.perLayer("temporal_transformer_layers_per_mid_block", counts: [1], in: 1...32)?[0][0] ?? 1
        motion.middleDepth = try reader.bool("use_motion_mid_block", true) ? middle : nil
        return motion
    }

    func motionJSON(_ motion: MotionConfiguration) -> JSONValue {
        func number(_ value: Int) -> JSONValue { .number(Double(value)) }
        let isUniform =
            motion.depth.allSatisfy { Set($0).count == 1 } && motion.upDepth.reversed().map { $0[0] } == motion.depth.map { $0[0] }
            && motion.upDepth.allSatisfy { Set($0).count == 1 }
        return .object([
            "_class_name": .string(Self.motionClassName), "sample_size": sampleWidth.map { .integers([sampleSize, $0]) } ?? number(sampleSize),
            "in_channels": number(inChannels), "out_channels": number(outChannels), "block_out_channels": .integers(channels),
            "layers_per_block": Self.perBlock(layersPerBlock),
            "down_block_types": .strings(downAttention.map { $0 ? "CrossAttnDownBlockMotion" : "DownBlockMotion" }),
            "up_block_types": .strings(upAttention.map { $0 ? "CrossAttnUpBlockMotion" : "UpBlockMotion" }),
            "downsample_padding": number(downsamplePadding), "mid_block_scale_factor": .number(middleScale), "act_fn": .string(activation.rawValue),
            "norm_num_groups": number(groups), "norm_eps": .number(epsilon), "cross_attention_dim": number(crossAttentionChannels),
            "transformer_layers_per_block": Self.perBlock(transformerDepth), "num_attention_heads": Self.perBlock(heads),
            "use_linear_projection": .bool(usesLinearProjection), "motion_num_attention_heads": Self.perBlock(motion.heads),
            "motion_max_seq_length": number(motion.maximumFrames), "use_motion_mid_block": .bool(motion.middleDepth != nil),
            "temporal_transformer_layers_per_mid_block": number(motion.middleDepth ?? 1), "mid_block_layers": number(1),
            "temporal_transformer_layers_per_block": isUniform
                ? Self.perBlock(motion.depth.map { $0[0] }) : .array(motion.depth.map { .integers($0) }),
            "reverse_temporal_transformer_layers_per_block": isUniform ? .null : .array(motion.upDepth.map { .integers($0) }),
        ])
    }
}
