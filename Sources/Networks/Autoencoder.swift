import Layers
import Torch

/// Stable Diffusion's autoencoder (diffusers' `AutoencoderKL`, whose tensor names it uses).
public struct Autoencoder: Sendable {
    public let configuration: AutoencoderConfiguration
    public let device: Device
    private let encoder: Encoder
    private let decoder: Decoder
    private let quantConv: Conv2d?
    private let postQuantConv: Conv2d?

    public init(_ p: Parameters, _ c: AutoencoderConfiguration) {
        configuration = c
        device = p.device
        encoder = Encoder(p["encoder"], c)
        decoder = Decoder(p["decoder"], c)
        quantConv = c.usesQuantConv ? Conv2d(p["quant_conv"], 2 * c.latentChannels, 2 * c.latentChannels, kernel: 1) : nil
        postQuantConv = c.usesPostQuantConv ? Conv2d(p["post_quant_conv"], c.latentChannels, c.latentChannels, kernel: 1) : nil
    }

    /// Images `[B, 3, H, W]` in [−1, 1] → their posterior over unscaled latents `[B, C, H/f, W/f]`.
    public func posterior(_ images: Tensor) -> Posterior {
        let moments = encoder(images.contiguous(.channelsLast))
        let parts = (quantConv.map { $0(moments) } ?? moments).chunks(2, axis: 1)
        return Posterior(mean: parts[0], logVariance: parts[1].clamped(-30, 20))
    }

    /// Unscaled latents → images `[B, 3, H, W]`, about [−1, 1].
    public func decode(unscaled latents: Tensor) -> Tensor {
        let z = latents.contiguous(.channelsLast)
        return decoder(postQuantConv.map { $0(z) } ?? z)
    }

    /// Latents as the denoiser sees them: (z − shift) · scale.
    public func scaled(_ latents: Tensor) -> Tensor {
        (configuration.shiftFactor == 0 ? latents : latents - configuration.shiftFactor) * configuration.scalingFactor
    }

    /// The denoiser's latents → images `[B, 3, H, W]`, about [−1, 1].
    public func decode(_ latents: Tensor) -> Tensor {
        let z = latents / configuration.scalingFactor
        return decode(unscaled: configuration.shiftFactor == 0 ? z : z + configuration.shiftFactor)
    }

    /// A diagonal normal distribution.
    public struct Posterior {
        public let mean: Tensor
        /// Clamped to [−30, 20].
        public let logVariance: Tensor

        public var mode: Tensor { mean }
        /// mean + σ·noise for standard normal `noise` of the same shape.
        public func sample(_ noise: Tensor) -> Tensor { mean + (logVariance * 0.5).exponential * noise }
    }
}

extension AutoencoderConfiguration {
    // `act_fn` is the residual blocks' alone: diffusers' last activation, before `conv_out`, is SiLU whatever the file says.
    fileprivate var resnet: ResnetBlock.Options {
        ResnetBlock.Options(groups: groups, epsilon: 1e-6, activation: activation, timeChannels: nil)
    }
}

private struct Encoder {
    let convIn: Conv2d
    let levels: [(resnets: [ResnetBlock], downsample: Downsample?)]
    let middle: MiddleBlock
    let normOut: GroupNorm
    let convOut: Conv2d

    init(_ p: Parameters, _ c: AutoencoderConfiguration) {
        let last = c.channels.count - 1
        convIn = Conv2d(p["conv_in"], c.inChannels, c.channels[0], kernel: 3, padding: 1)
        levels = (0...last).map { level in
            let scope = p["down_blocks"][level]
            let inputs = c.channels[max(level - 1, 0)]
            let outputs = c.channels[level]
            return (
                (0..<c.layersPerBlock).map { ResnetBlock(scope["resnets"][$0], $0 == 0 ? inputs : outputs, outputs, c.resnet) },
                level < last ? Downsample(scope["downsamplers"][0], outputs, padding: 0) : nil
            )
        }
        middle = MiddleBlock(p["mid_block"], c)
        normOut = GroupNorm(p["conv_norm_out"], groups: c.groups, channels: c.channels[last], epsilon: 1e-6)
        convOut = Conv2d(p["conv_out"], c.channels[last], 2 * c.latentChannels, kernel: 3, padding: 1)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        var h = convIn(x)
        for level in levels {
            for resnet in level.resnets { h = resnet(h, time: nil) }
            if let downsample = level.downsample { h = downsample(h) }
        }
        return convOut(normOut(middle(h), then: .silu))
    }
}

private struct Decoder {
    let convIn: Conv2d
    let middle: MiddleBlock
    let levels: [(resnets: [ResnetBlock], upsample: Upsample?)]
    let normOut: GroupNorm
    let convOut: Conv2d

    init(_ p: Parameters, _ c: AutoencoderConfiguration) {
        let last = c.channels.count - 1
        convIn = Conv2d(p["conv_in"], c.latentChannels, c.channels[last], kernel: 3, padding: 1)
        middle = MiddleBlock(p["mid_block"], c)
        levels = (0...last).map { i in
            let scope = p["up_blocks"][i]
            let inputs = c.channels[min(last - i + 1, last)]
            let outputs = c.channels[last - i]
            return (
                (0...c.layersPerBlock).map { ResnetBlock(scope["resnets"][$0], $0 == 0 ? inputs : outputs, outputs, c.resnet) },
                i < last ? Upsample(scope["upsamplers"][0], outputs) : nil
            )
        }
        normOut = GroupNorm(p["conv_norm_out"], groups: c.groups, channels: c.channels[0], epsilon: 1e-6)
        convOut = Conv2d(p["conv_out"], c.channels[0], c.outChannels, kernel: 3, padding: 1)
    }

    func callAsFunction(_ z: Tensor) -> Tensor {
        var h = middle(convIn(z))
        for level in levels {
            for resnet in level.resnets { h = resnet(h, time: nil) }
            if let upsample = level.upsample { h = upsample(h, height: 2 * h.size(2), width: 2 * h.size(3)) }
        }
        return convOut(normOut(h, then: .silu))
    }
}

/// Residual block, single-head attention over pixels, residual block.
private struct MiddleBlock {
    let resnets: [ResnetBlock]
    let norm: GroupNorm?
    let attention: Attention?

    init(_ p: Parameters, _ c: AutoencoderConfiguration) {
        let channels = c.channels[c.channels.count - 1]
        resnets = (0..<2).map { ResnetBlock(p["resnets"][$0], channels, channels, c.resnet) }
        let scope = p["attentions"][0]
        norm = c.attendsInMiddle ? GroupNorm(scope["group_norm"], groups: c.groups, channels: channels, epsilon: 1e-6) : nil
        attention = c.attendsInMiddle ? Attention(scope, channels: channels, contextChannels: channels, heads: 1, bias: true) : nil
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        var h = resnets[0](x, time: nil)
        if let norm, let attention {
            let (batch, channels, height, width) = (h.size(0), h.size(1), h.size(2), h.size(3))
            let pixels = norm(h).permuted([0, 2, 3, 1]).reshaped([batch, height * width, channels])
            h = h + attention(pixels).reshaped([batch, height, width, channels]).permuted([0, 3, 1, 2])
        }
        return resnets[1](h, time: nil)
    }
}
