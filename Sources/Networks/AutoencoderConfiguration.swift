import Foundation
import Layers
import Storage

/// `vae/config.json` of an `AutoencoderKL`.
public struct AutoencoderConfiguration: Sendable, Equatable {
    public var inChannels = 3
    public var outChannels = 3
    public var channels = [128, 256, 512, 512]
    public var layersPerBlock = 2
    public var latentChannels = 4
    public var groups = 32
    public var activation = Activation.silu
    public var sampleSize = 512
    public var scalingFactor = 0.18215
    public var shiftFactor = 0.0
    public var usesQuantConv = true
    public var usesPostQuantConv = true
    public var attendsInMiddle = true

    /// What diffusers calls the network.
    public static let className = "AutoencoderKL"

    public init() {}

    /// Pixels along one side of a latent.
    public var downsampling: Int { 1 << (channels.count - 1) }

    public init(_ url: URL) throws {
        var reader = try ConfigurationReader(url)
        inChannels = try reader.integer("in_channels", 3, in: 1...256)
        outChannels = try reader.integer("out_channels", 3, in: 1...256)
        channels = try reader.integers("block_out_channels", [64], in: 1...65536)
        guard (1...8).contains(channels.count) else { throw reader.wrong("block_out_channels", "a list of 1 to 8 numbers") }
        for (key, kind) in [("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")] {
            let names = try reader.strings(key, [kind])
            guard names.count == channels.count else { throw reader.wrong(key, "as long as block_out_channels") }
            if let other = names.first(where: { $0 != kind }) {
                throw ConfigurationError(file: reader.file, message: "\(key): block \(other) is not supported")
            }
        }
        layersPerBlock = try reader.integer("layers_per_block", 1, in: 1...16)
        latentChannels = try reader.integer("latent_channels", 4, in: 1...256)
        groups = try reader.integer("norm_num_groups", 32, in: 1...65536)
        let name = try reader.string("act_fn", "silu")
        guard let activation = Activation(rawValue: name), activation != .quickGELU else { throw reader.wrong("act_fn", "silu, swish, mish, gelu or relu") }
        self.activation = activation
        sampleSize = try reader.integer("sample_size", 32, in: 1...65536)
        scalingFactor = try reader.number("scaling_factor", 0.18215, in: 1e-6...1e6)
        shiftFactor = try reader.number("shift_factor", 0, in: -1e6...1e6)
        usesQuantConv = try reader.bool("use_quant_conv", true)
        usesPostQuantConv = try reader.bool("use_post_quant_conv", true)
        attendsInMiddle = try reader.bool("mid_block_add_attention", true)
        guard channels.allSatisfy({ $0 % groups == 0 }) else { throw reader.wrong("norm_num_groups", "a divisor of each of block_out_channels") }
        try reader.refuse(["latents_mean": .null, "latents_std": .null])
        reader.ignore(["force_upcast"])  // everything here is float32
        try reader.finish()
    }

    public var json: JSONValue {
        .object([
            "_class_name": .string(Self.className), "in_channels": .number(Double(inChannels)), "out_channels": .number(Double(outChannels)),
            "block_out_channels": .integers(channels), "layers_per_block": .number(Double(layersPerBlock)),
            "down_block_types": .strings(channels.map { _ in "DownEncoderBlock2D" }), "up_block_types": .strings(channels.map { _ in "UpDecoderBlock2D" }),
            "latent_channels": .number(Double(latentChannels)), "norm_num_groups": .number(Double(groups)), "act_fn": .string(activation.rawValue),
            "sample_size": .number(Double(sampleSize)), "scaling_factor": .number(scalingFactor),
            "shift_factor": shiftFactor == 0 ? .null : .number(shiftFactor), "use_quant_conv": .bool(usesQuantConv),
            "use_post_quant_conv": .bool(usesPostQuantConv), "mid_block_add_attention": .bool(attendsInMiddle),
        ])
    }
}
