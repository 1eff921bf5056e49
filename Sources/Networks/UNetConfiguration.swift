import Foundation
import Layers
import Storage

/// `unet/config.json` of a `UNet2DConditionModel`: the options of Stable Diffusion 1.x and 2.x; or of a `UNetMotionModel`, which draws clips with them.
public struct UNetConfiguration: Sendable, Equatable {
    public var sampleSize = 64
    /// Where it is not the height, which is `sampleSize`.
    public var sampleWidth: Int?
    public var inChannels = 4
    public var outChannels = 4
    public var centersInput = false
    public var flipSinToCos = true
    public var frequencyShift = 0.0
    /// For each level whether its blocks attend to the text.
    public var downAttention = [true, true, true, false]
    public var upAttention = [false, true, true, true]
    public var middle = Middle.crossAttention
    public var onlyCrossAttention = [false, false, false, false]
    public var channels = [320, 640, 1280, 1280]
    public var layersPerBlock = [2, 2, 2, 2]
    public var downsamplePadding = 1
    public var middleScale = 1.0
    public var activation = Activation.silu
    public var groups = 32
    public var epsilon = 1e-5
    public var crossAttentionChannels = 768
    public var transformerDepth = [1, 1, 1, 1]
    /// Number of heads by level. The files call it `attention_head_dim`, a name that diffusers keeps for compatibility.
    public var heads = [8, 8, 8, 8]
    public var usesLinearProjection = false
    public var timeScaleShift = TimeScaleShift.default
    public var timeChannels: Int?
    public var timeActivation: Activation?
    /// Nil for a model of pictures.
    public var motion: MotionConfiguration?

    public enum Middle: Sendable, Equatable {
        case crossAttention
        case plain
        case absent
    }

    /// What diffusers calls the network of an image model.
    public static let className = "UNet2DConditionModel"

    public init() {}

    /// Of the latents that it was made for.
    public var sampleSides: (height: Int, width: Int) { (sampleSize, sampleWidth ?? sampleSize) }

    /// Channels of the time embedding.
    public var timeEmbeddingChannels: Int { timeChannels ?? channels[0] * 4 }

    /// Reads a `config.json` of either class.
    public init(_ url: URL) throws {
        guard try ConfigurationReader.object(url)["_class_name"] != .string(Self.motionClassName) else {
            self = try UNetConfiguration(motion: url)
            return
        }
        var reader = try ConfigurationReader(url)
        try reader.refuseNull(["norm_num_groups"])
        let sides = try reader.perBlock("sample_size", count: 2, 64, in: 1...65536)
        sampleSize = sides[0]
        sampleWidth = sides[1] == sides[0] ? nil : sides[1]
        inChannels = try reader.integer("in_channels", 4, in: 1...256)
        outChannels = try reader.integer("out_channels", 4, in: 1...256)
        centersInput = try reader.bool("center_input_sample", false)
        flipSinToCos = try reader.bool("flip_sin_to_cos", true)
        frequencyShift = try reader.number("freq_shift", 0, in: 0...1)
        channels = try reader.integers("block_out_channels", channels, in: 1...65536)
        let levels = channels.count
        guard (1...8).contains(levels) else { throw reader.wrong("block_out_channels", "a list of 1 to 8 numbers") }
        downAttention = try Self.attention(
            &reader, "down_block_types", levels, ["CrossAttnDownBlock2D": true, "DownBlock2D": false],
            ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"])
        upAttention = try Self.attention(
            &reader, "up_block_types", levels, ["CrossAttnUpBlock2D": true, "UpBlock2D": false],
            ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"])
        middle = try Self.middle(&reader)
        onlyCrossAttention = try Self.flags(&reader, "only_cross_attention", levels)
        layersPerBlock = try reader.perBlock("layers_per_block", count: levels, 2, in: 1...16)
        downsamplePadding = try reader.integer("downsample_padding", 1, in: 0...1)
        middleScale = try reader.number("mid_block_scale_factor", 1, in: 1e-6...1e6)
        activation = try Self.activation(&reader, "act_fn") ?? .silu
        groups = try reader.integer("norm_num_groups", 32, in: 1...65536)
        epsilon = try reader.number("norm_eps", 1e-5, in: 0...1)
        crossAttentionChannels = try reader.integer("cross_attention_dim", 1280, in: 1...65536)
        transformerDepth = try reader.perBlock("transformer_layers_per_block", count: levels, 1, in: 1...32)
        heads = try reader.perBlock("attention_head_dim", count: levels, 8, in: 1...4096)
        usesLinearProjection = try reader.bool("use_linear_projection", false)
        let shift = try reader.string("resnet_time_scale_shift", "default")
        guard let timeScaleShift = TimeScaleShift(rawValue: shift) else { throw reader.wrong("resnet_time_scale_shift", "default or scale_shift") }
        self.timeScaleShift = timeScaleShift
        timeChannels = try reader.integerOrNil("time_embedding_dim", in: 1...65536)
        timeActivation = try Self.activation(&reader, "time_embedding_act_fn")
        try reader.refuse([
            "dual_cross_attention": .bool(false), "class_embed_type": .null, "addition_embed_type": .null, "num_class_embeds": .null,
            "encoder_hid_dim": .null, "encoder_hid_dim_type": .null, "resnet_skip_time_act": .bool(false), "resnet_out_scale_factor": .number(1),
            "time_embedding_type": .string("positional"), "timestep_post_act": .null, "time_cond_proj_dim": .null, "conv_in_kernel": .number(3),
            "conv_out_kernel": .number(3), "projection_class_embeddings_input_dim": .null, "attention_type": .string("default"),
            "class_embeddings_concat": .bool(false), "cross_attention_norm": .null, "reverse_transformer_layers_per_block": .null,
            // diffusers refuses it as well, until `attention_head_dim` means what it says.
            "dropout": .number(0), "num_attention_heads": .null,
        ])
        // The first two tell nothing once the options they belong to are refused; diffusers gives the third to a block that we refuse
        // and not to ours; attention is float32 anyway.
        reader.ignore(["addition_embed_type_num_heads", "addition_time_embed_dim", "mid_block_only_cross_attention", "upcast_attention"])
        try reader.finish()
        try check(reader)
    }

    func check(_ reader: ConfigurationReader, heads key: String = "attention_head_dim") throws {
        for (level, count) in channels.enumerated() {
            guard count % groups == 0 else { throw reader.wrong("norm_num_groups", "a divisor of each of block_out_channels") }
            let attends = downAttention[level] || upAttention[channels.count - 1 - level] || (level == channels.count - 1 && middle == .crossAttention)
            guard !attends || count % heads[level] == 0 else {
                throw reader.wrong(key, "a divisor of block_out_channels (it counts the heads)")
            }
        }
        guard channels[0] % 2 == 0 else { throw reader.wrong("block_out_channels", "even in its first entry") }
    }

    static func attention(
        _ reader: inout ConfigurationReader, _ key: String, _ levels: Int, _ kinds: [String: Bool], _ fallback: [String]
    ) throws -> [Bool] {
        let names = try reader.strings(key, fallback)
        guard names.count == levels else { throw reader.wrong(key, "as long as block_out_channels") }
        return try names.map {
            guard let attends = kinds[$0] else { throw ConfigurationError(file: reader.file, message: "\(key): block \($0) is not supported") }
            return attends
        }
    }

    private static func middle(_ reader: inout ConfigurationReader) throws -> Middle {
        // An absent key stands for the default, an explicit null for a network without a middle.
        if reader.hasNull("mid_block_type") { return .absent }
        switch try reader.string("mid_block_type", "UNetMidBlock2DCrossAttn") {
        case "UNetMidBlock2DCrossAttn": return .crossAttention
        case "UNetMidBlock2D": return .plain
        default: throw reader.wrong("mid_block_type", "UNetMidBlock2DCrossAttn, UNetMidBlock2D or null")
        }
    }

    private static func flags(_ reader: inout ConfigurationReader, _ key: String, _ levels: Int) throws -> [Bool] {
        guard let list = try reader.boolsIfList(key) else { return Array(repeating: try reader.bool(key, false), count: levels) }
        guard list.count == levels else { throw reader.wrong(key, "one flag or one for each of block_out_channels") }
        return list
    }

    static func activation(_ reader: inout ConfigurationReader, _ key: String) throws -> Activation? {
        let name = try reader.string(key, "")
        if name.isEmpty { return nil }
        guard let activation = Activation(rawValue: name), activation != .quickGELU else { throw reader.wrong(key, "silu, swish, mish, gelu or relu") }
        return activation
    }

    /// One number where it is the same for all: some of diffusers' code takes no list.
    static func perBlock(_ values: [Int]) -> JSONValue { Set(values).count == 1 ? .number(Double(values[0])) : .integers(values) }

    public var json: JSONValue { motion.map(motionJSON) ?? imageJSON }

    private var imageJSON: JSONValue {
        .object([
            "_class_name": .string(Self.className), "sample_size": sampleWidth.map { .integers([sampleSize, $0]) } ?? .number(Double(sampleSize)),
            "in_channels": .number(Double(inChannels)),
            "out_channels": .number(Double(outChannels)), "center_input_sample": .bool(centersInput), "flip_sin_to_cos": .bool(flipSinToCos),
            "freq_shift": .number(frequencyShift), "block_out_channels": .integers(channels), "layers_per_block": Self.perBlock(layersPerBlock),
            "down_block_types": .strings(downAttention.map { $0 ? "CrossAttnDownBlock2D" : "DownBlock2D" }),
            "up_block_types": .strings(upAttention.map { $0 ? "CrossAttnUpBlock2D" : "UpBlock2D" }),
            "mid_block_type": middle == .absent ? .null : .string(middle == .plain ? "UNetMidBlock2D" : "UNetMidBlock2DCrossAttn"),
            "only_cross_attention": .array(onlyCrossAttention.map { .bool($0) }),
            "downsample_padding": .number(Double(downsamplePadding)), "mid_block_scale_factor": .number(middleScale),
            "act_fn": .string(activation.rawValue), "norm_num_groups": .number(Double(groups)), "norm_eps": .number(epsilon),
            "cross_attention_dim": .number(Double(crossAttentionChannels)), "transformer_layers_per_block": Self.perBlock(transformerDepth),
            "attention_head_dim": Self.perBlock(heads), "use_linear_projection": .bool(usesLinearProjection),
            "resnet_time_scale_shift": .string(timeScaleShift.rawValue), "time_embedding_dim": timeChannels.map { .number(Double($0)) } ?? .null,
            "time_embedding_act_fn": timeActivation.map { .string($0.rawValue) } ?? .null,
        ])
    }
}
