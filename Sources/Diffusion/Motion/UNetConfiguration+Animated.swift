import Networks
import Storage

extension UNetConfiguration {
    /// That of the network which motion modules make of this one, as diffusers' `UNetMotionModel.from_unet2d` does. Throws where they are another model's, or
    /// where a network that draws clips cannot say what this one does.
    public func animated(by file: MotionFile) throws -> UNetConfiguration {
        func refused(_ message: String) -> ConfigurationError { ConfigurationError(file: file.url.path, message: message) }
        guard file.channels == channels else {
            throw refused("its motion modules are for levels of \(file.channels) channels, the model's UNet has \(channels)")
        }
        guard file.layersPerBlock == layersPerBlock else {
            throw refused("it has \(file.layersPerBlock) motion modules a level, the model's UNet \(layersPerBlock) layers")
        }
        if let count = file.groups, count != groups {
            throw refused("it normalises in \(count) groups (motion_norm_num_groups), the model's UNet in \(groups)")
        }
        for (count, heads) in zip(channels, file.motion.heads) where count % heads != 0 || count % 2 != 0 {
            throw refused("\(heads) heads (motion_num_attention_heads) do not divide \(count) channels evenly")
        }
        guard middle == .crossAttention else { throw refused("the model's UNet has no attention in its middle: it cannot be animated") }
        let unsaid: [(Bool, String)] = [
            (centersInput, "center_input_sample"), (!flipSinToCos, "flip_sin_to_cos"), (frequencyShift != 0, "freq_shift"),
            (onlyCrossAttention.contains(true), "only_cross_attention"), (timeScaleShift != .default, "resnet_time_scale_shift"),
            (timeChannels != nil && timeChannels != 4 * channels[0], "time_embedding_dim"), (timeActivation != nil, "time_embedding_act_fn"),
        ]
        if let option = unsaid.first(where: \.0)?.1 { throw refused("the model's UNet has an option that networks of clips do not know: \(option)") }
        var animated = self
        animated.motion = file.motion
        return animated
    }
}
