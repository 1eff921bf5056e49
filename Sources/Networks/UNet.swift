import Layers
import Torch

/// The denoising network of Stable Diffusion (diffusers' `UNet2DConditionModel`, whose tensor names it uses), and with `configuration.motion` the one that
/// draws clips (`UNetMotionModel`): the same, with a transformer over frames after every layer.
public struct UNet: Sendable {
    public let configuration: UNetConfiguration
    /// Whether residual blocks and transformers of the finer half of the levels are run again for the gradient, of which nothing but their inputs is
    /// kept then. The coarser half computes as long and keeps little.
    public var recomputesBlocks = false
    /// In which it computes; its answer is float32 always.
    public var precision = Precision.f32
    public let device: Device
    private let convIn: Conv2d
    private let timeEmbedding: TimeEmbedding
    private let timeActivation: Activation?
    private let down: [DownBlock]
    private let middle: MiddleBlock?
    private let up: [UpBlock]
    private let normOut: GroupNorm
    private let convOut: Conv2d

    public init(_ p: Parameters, _ c: UNetConfiguration) {
        configuration = c
        device = p.device
        let last = c.channels.count - 1
        convIn = Conv2d(p["conv_in"], c.inChannels, c.channels[0], kernel: 3, padding: 1)
        timeEmbedding = TimeEmbedding(
            p["time_embedding"], channels: c.channels[0], outputs: c.timeEmbeddingChannels, activation: c.activation,
            flipSinToCos: c.flipSinToCos, frequencyShift: c.frequencyShift)
        timeActivation = c.timeActivation
        down = (0...last).map { i in
            DownBlock(
                p["down_blocks"][i], c, level: i, inputs: c.channels[max(i - 1, 0)], attends: c.downAttention[i], downsamples: i < last)
        }
        middle = c.middle == .absent ? nil : MiddleBlock(p["mid_block"], c)
        // The way up mirrors the way down, with one layer more at each level for the skip of its downsampling (or of `conv_in`).
        up = (0...last).map { i in
            let level = last - i
            return UpBlock(
                p["up_blocks"][i], c, level: level, previous: c.channels[min(level + 1, last)], skipInputs: c.channels[max(level - 1, 0)],
                attends: c.upAttention[i], upsamples: i < last)
        }
        normOut = GroupNorm(p["conv_norm_out"], groups: c.groups, channels: c.channels[0], epsilon: c.epsilon)
        convOut = Conv2d(p["conv_out"], c.channels[0], c.outChannels, kernel: 3, padding: 1)
    }

    /// - Parameters:
    ///   - x: noised latents `[B, C, h, w]`, of clips `[B, C, F, h, w]`
    ///   - timesteps: `[B]`, or `[1]` shared by the batch; on any device
    ///   - context: text states `[B, L, D]`, of clips those of all frames
    /// - Returns: the model output (ε or v) in the shape of `x`
    /// - Precondition: clips are no longer than `configuration.motion` says
    public func callAsFunction(_ x: Tensor, timesteps: Tensor, context: Tensor) -> Tensor {
        precision.run(on: x.device) {
            guard let motion = configuration.motion else { return answer(x, timesteps, context, frames: 1) }
            precondition(x.rank == 5 && x.size(2) <= motion.maximumFrames, "clips of \(x.shape), of \(motion.maximumFrames) frames at most")
            let frames = x.size(2)
            // The frames of a clip one after another are a batch.
            let pictures = answer(x.permuted([0, 2, 1, 3, 4]).flattened(from: 0, through: 1), timesteps, context, frames: frames)
            return pictures.reshaped([x.size(0), frames] + pictures.shape.dropFirst()).permuted([0, 2, 1, 3, 4]).contiguous()
        }.to(.float32)
    }

    private func answer(_ x: Tensor, _ timesteps: Tensor, _ context: Tensor, frames: Int) -> Tensor {
        let x = (configuration.centersInput ? x * 2 - 1 : x).contiguous(.channelsLast)
        var embedding = timeEmbedding(timesteps.to(x.device))
        if let timeActivation { embedding = timeActivation(embedding) }
        var time = configuration.activation(embedding)
        if frames > 1, time.size(0) > 1 { time = time.repeated(frames, axis: 0) }
        var h = convIn(x)
        var skips = [h]
        func run(_ level: Int) -> BlockRun {
            BlockRun(time: time, context: context, frames: frames, recomputes: recomputesBlocks && level < (down.count + 1) / 2)
        }
        for (level, block) in down.enumerated() { h = block(h, run(level), skips: &skips) }
        if let middle { h = middle(h, run(down.count)) }
        for (level, block) in zip(down.indices.reversed(), up) { h = block(h, run(level), skips: &skips) }
        return convOut(normOut(h, then: configuration.outputActivation))
    }
}

extension UNetConfiguration {
    fileprivate func resnet(outputScale: Double = 1) -> ResnetBlock.Options {
        ResnetBlock.Options(
            groups: groups, epsilon: epsilon, activation: activation, timeChannels: timeEmbeddingChannels, timeScaleShift: timeScaleShift,
            outputScale: outputScale)
    }

    fileprivate func transformer(level: Int, onlyCrossAttention: Bool) -> SpatialTransformer.Options {
        SpatialTransformer.Options(
            groups: groups, depth: transformerDepth[level], heads: heads[level], contextChannels: crossAttentionChannels,
            usesLinearProjection: usesLinearProjection, onlyCrossAttention: onlyCrossAttention)
    }

    /// The motion modules of a block's layers; none for an image model.
    /// - Parameters:
    ///   - p: the block's scope
    ///   - depths: of each layer's module
    fileprivate func motionModules(_ p: Parameters, _ channels: Int, level: Int, depths: [Int]?) -> [MotionModule] {
        guard let motion, let depths else { return [] }
        return depths.enumerated().map { layer, depth in
            let options = MotionModule.Options(groups: groups, depth: depth, heads: motion.heads[level], maximumFrames: motion.maximumFrames)
            return MotionModule(p["motion_modules"][layer], channels, options)
        }
    }
}

/// What the blocks of one pass share, and how their parts are run.
private struct BlockRun {
    let time: Tensor
    let context: Tensor
    let frames: Int
    let recomputes: Bool

    /// One layer of a block. Where it has a motion module it is run again as a whole; no gradient of the text states is computed then.
    func layer(_ x: Tensor, _ resnet: ResnetBlock, _ attention: SpatialTransformer?, _ motion: MotionModule?) -> Tensor {
        guard let motion else {
            let h = self(resnet, x)
            return attention.map { self($0, h) } ?? h
        }
        return part(x, time) { [context, frames] x, time in
            let h = resnet(x, time: time)
            return motion(attention.map { $0(h, context: context) } ?? h, frames: frames)
        }
    }

    func callAsFunction(_ resnet: ResnetBlock, _ x: Tensor) -> Tensor { part(x, time) { resnet($0, time: $1) } }
    func callAsFunction(_ transformer: SpatialTransformer, _ x: Tensor) -> Tensor { part(x, context) { transformer($0, context: $1) } }

    private func part(_ x: Tensor, _ y: Tensor, _ body: @escaping (Tensor, Tensor) -> Tensor) -> Tensor {
        recomputes ? Tensor.recomputed(x, y, body) : body(x, y)
    }
}

/// `DownBlock2D` and `CrossAttnDownBlock2D`.
private struct DownBlock {
    let resnets: [ResnetBlock]
    let attentions: [SpatialTransformer]
    let motions: [MotionModule]
    let downsample: Downsample?

    init(_ p: Parameters, _ c: UNetConfiguration, level: Int, inputs: Int, attends: Bool, downsamples: Bool) {
        let layers = 0..<c.layersPerBlock[level]
        let outputs = c.channels[level]
        resnets = layers.map { ResnetBlock(p["resnets"][$0], $0 == 0 ? inputs : outputs, outputs, c.resnet()) }
        attentions =
            attends
            ? layers.map {
                SpatialTransformer(p["attentions"][$0], outputs, c.transformer(level: level, onlyCrossAttention: c.onlyCrossAttention[level]))
            } : []
        motions = c.motionModules(p, outputs, level: level, depths: c.motion?.depth[level])
        downsample = downsamples ? Downsample(p["downsamplers"][0], outputs, padding: c.downsamplePadding) : nil
    }

    func callAsFunction(_ x: Tensor, _ run: BlockRun, skips: inout [Tensor]) -> Tensor {
        var h = x
        for i in resnets.indices {
            h = run.layer(h, resnets[i], attentions.isEmpty ? nil : attentions[i], motions.isEmpty ? nil : motions[i])
            skips.append(h)
        }
        if let downsample {
            h = downsample(h)
            skips.append(h)
        }
        return h
    }
}

/// `UNetMidBlock2DCrossAttn` (residual, transformer, residual) and `UNetMidBlock2D` without attention (one residual block).
private struct MiddleBlock {
    let resnets: [ResnetBlock]
    let attention: SpatialTransformer?
    let motion: MotionModule?

    init(_ p: Parameters, _ c: UNetConfiguration) {
        let level = c.channels.count - 1
        let channels = c.channels[level]
        let attends = c.middle == .crossAttention
        resnets = (0..<(attends ? 2 : 1)).map { ResnetBlock(p["resnets"][$0], channels, channels, c.resnet(outputScale: c.middleScale)) }
        attention =
            attends ? SpatialTransformer(p["attentions"][0], channels, c.transformer(level: level, onlyCrossAttention: false)) : nil
        motion = c.motionModules(p, channels, level: level, depths: c.motion?.middleDepth.map { [$0] }).first
    }

    func callAsFunction(_ x: Tensor, _ run: BlockRun) -> Tensor {
        var h = run.layer(x, resnets[0], attention, motion)
        if resnets.count > 1 { h = run(resnets[1], h) }
        return h
    }
}

/// `UpBlock2D` and `CrossAttnUpBlock2D`.
private struct UpBlock {
    let resnets: [ResnetBlock]
    let attentions: [SpatialTransformer]
    let motions: [MotionModule]
    let upsample: Upsample?

    /// - Parameters:
    ///   - previous: channels that come from the level below
    ///   - skipInputs: channels of the skip that the last layer meets, those that entered this level on the way down
    init(_ p: Parameters, _ c: UNetConfiguration, level: Int, previous: Int, skipInputs: Int, attends: Bool, upsamples: Bool) {
        let layers = 0...c.layersPerBlock[level]
        let outputs = c.channels[level]
        resnets = layers.map { i in
            let skip = i == layers.upperBound ? skipInputs : outputs
            return ResnetBlock(p["resnets"][i], (i == 0 ? previous : outputs) + skip, outputs, c.resnet())
        }
        attentions =
            attends
            ? layers.map {
                SpatialTransformer(p["attentions"][$0], outputs, c.transformer(level: level, onlyCrossAttention: c.onlyCrossAttention[level]))
            } : []
        motions = c.motionModules(p, outputs, level: level, depths: c.motion?.upDepth[c.channels.count - 1 - level])
        upsample = upsamples ? Upsample(p["upsamplers"][0], outputs) : nil
    }

    func callAsFunction(_ x: Tensor, _ run: BlockRun, skips: inout [Tensor]) -> Tensor {
        var h = x
        for i in resnets.indices {
            h = run.layer(
                Tensor.concatenated([h, skips.removeLast()], axis: 1), resnets[i], attentions.isEmpty ? nil : attentions[i],
                motions.isEmpty ? nil : motions[i])
        }
        // The size of the skip that waits above: twice this one, or one less where the way down rounded up.
        guard let upsample, let above = skips.last else { return h }
        return upsample(h, height: above.size(2), width: above.size(3))
    }
}
