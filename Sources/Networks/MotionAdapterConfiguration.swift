import Foundation
import Storage

/// `motion_adapter/config.json`: the motion modules of a `UNetMotionModel` by themselves, as diffusers' `MotionAdapter` keeps them.
public struct MotionAdapterConfiguration: Sendable, Equatable {
    public var channels = [320, 640, 1280, 1280]
    public var layersPerBlock = [2, 2, 2, 2]
    /// Transformer blocks of a layer, by level.
    public var depth = [1, 1, 1, 1]
    /// Nil where the middle has no motion module.
    public var middleDepth: Int? = 1
    /// Number of heads by level.
    public var heads = [8, 8, 8, 8]
    public var groups = 32
    public var maximumFrames = 32

    /// What diffusers calls it.
    public static let className = "MotionAdapter"

    public init(_ url: URL) throws {
        var reader = try ConfigurationReader(url)
        channels = try reader.integers("block_out_channels", channels, in: 1...65536)
        let levels = channels.count
        guard (1...8).contains(levels) else { throw reader.wrong("block_out_channels", "a list of 1 to 8 numbers") }
        layersPerBlock = try reader.perBlock("motion_layers_per_block", count: levels, 2, in: 1...16)
        depth = try reader.perBlock("motion_transformer_layers_per_block", count: levels, 1, in: 1...32)
        let middle = try reader.perLayer("motion_transformer_layers_per_mid_block", counts: [1], in: 1...32)?[0][0] ?? 1
        middleDepth = try reader.bool("use_motion_mid_block", true) ? middle : nil
        heads = try reader.perBlock("motion_num_attention_heads", count: levels, 8, in: 1...4096)
        groups = try reader.integer("motion_norm_num_groups", 32, in: 1...65536)
        maximumFrames = try reader.integer("motion_max_seq_length", 32, in: 1...65536)
        if let count = try reader.integerOrNil("conv_in_channels"), count > 0 {
            throw ConfigurationError(
                file: url.path, message: "conv_in_channels is \(count): it belongs to a model that also takes pictures (PIA), which is not supported")
        }
        try reader.refuse([
            "motion_mid_block_layers_per_block": .number(1), "motion_activation_fn": .string("geglu"), "motion_attention_bias": .bool(false),
        ])
        // Of older files; diffusers takes no notice of it.
        reader.ignore(["motion_cross_attention_dim"])
        try reader.finish()
    }

    /// That of a network which draws clips. Throws where the file cannot say what it has.
    public init(of unet: UNetConfiguration) throws {
        guard let motion = unet.motion else { throw MotionError.noMotion }
        let depth = motion.depth.map { Set($0) }
        guard zip(depth, motion.upDepth.reversed()).allSatisfy({ $0.count == 1 && $0 == Set($1) }) else { throw MotionError.noAdapter }
        self.depth = depth.map { $0.first! }
        (channels, layersPerBlock, groups) = (unet.channels, unet.layersPerBlock, unet.groups)
        (middleDepth, heads, maximumFrames) = (motion.middleDepth, motion.heads, motion.maximumFrames)
    }

    public var json: JSONValue {
        func number(_ value: Int) -> JSONValue { .number(Double(value)) }
        return .object([
            "_class_name": .string(Self.className), "block_out_channels": .integers(channels),
            "motion_layers_per_block": UNetConfiguration.perBlock(layersPerBlock),
            "motion_transformer_layers_per_block": UNetConfiguration.perBlock(depth), "motion_mid_block_layers_per_block": number(1),
            "motion_transformer_layers_per_mid_block": number(middleDepth ?? 1), "motion_num_attention_heads": UNetConfiguration.perBlock(heads),
            "motion_norm_num_groups": number(groups), "motion_max_seq_length": number(maximumFrames), "use_motion_mid_block": .bool(middleDepth != nil),
            "conv_in_channels": .null,
        ])
    }
}
