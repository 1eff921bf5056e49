import Layers
import Torch

/// How the time embedding enters a residual block.
public enum TimeScaleShift: String, Sendable {
    /// Added after the first convolution.
    case `default`
    /// Scales and shifts the second normalisation.
    case scaleShift = "scale_shift"
}

/// The residual block of diffusers (`ResnetBlock2D`), of the UNet with a time embedding and of the autoencoder without.
struct ResnetBlock {
    let norm1: GroupNorm
    let conv1: Conv2d
    let timeProjection: Linear?
    let norm2: GroupNorm
    let conv2: Conv2d
    let shortcut: Conv2d?
    let activation: Activation
    let timeScaleShift: TimeScaleShift
    let outputScale: Double

    struct Options {
        var groups: Int
        var epsilon: Double
        var activation: Activation
        var timeChannels: Int?
        var timeScaleShift = TimeScaleShift.default
        var outputScale = 1.0
    }

    init(_ p: Parameters, _ inputs: Int, _ outputs: Int, _ options: Options) {
        norm1 = GroupNorm(p["norm1"], groups: options.groups, channels: inputs, epsilon: options.epsilon)
        conv1 = Conv2d(p["conv1"], inputs, outputs, kernel: 3, padding: 1)
        timeProjection = options.timeChannels.map {
            Linear(p["time_emb_proj"], $0, options.timeScaleShift == .scaleShift ? 2 * outputs : outputs)
        }
        norm2 = GroupNorm(p["norm2"], groups: options.groups, channels: outputs, epsilon: options.epsilon)
        conv2 = Conv2d(p["conv2"], outputs, outputs, kernel: 3, padding: 1)
        shortcut = inputs == outputs ? nil : Conv2d(p["conv_shortcut"], inputs, outputs, kernel: 1)
        activation = options.activation
        timeScaleShift = options.timeScaleShift
        outputScale = options.outputScale
    }

    /// - Parameters:
    ///   - x: `[B, in, H, W]`
    ///   - time: the activated time embedding `[B, timeChannels]`, or `[1, timeChannels]` for one timestep shared by the batch
    func callAsFunction(_ x: Tensor, time: Tensor?) -> Tensor {
        var h = conv1(norm1(x, then: activation))
        let projected = time.flatMap { t in timeProjection.map { $0(t).unsqueezed(-1).unsqueezed(-1) } }
        switch (timeScaleShift, projected) {
        case (.default, let projected?):
            h = norm2(h + projected, then: activation)
        case (.scaleShift, let projected?):
            let parts = projected.chunks(2, axis: 1)
            h = activation(norm2(h) * (parts[0] + 1) + parts[1])
        case (_, nil):
            h = norm2(h, then: activation)
        }
        h = conv2(h)
        let sum = (shortcut.map { $0(x) } ?? x) + h
        return outputScale == 1 ? sum : sum / outputScale
    }
}

/// Halves height and width by a strided convolution.
struct Downsample {
    let conv: Conv2d
    let padding: Int

    init(_ p: Parameters, _ channels: Int, padding: Int) {
        conv = Conv2d(p["conv"], channels, channels, kernel: 3, stride: 2, padding: padding)
        self.padding = padding
    }

    /// Without padding of its own, one row and column of zeros are added at the bottom and the right, as latent-diffusion's autoencoder does.
    func callAsFunction(_ x: Tensor) -> Tensor { conv(padding == 0 ? x.padded([0, 1, 0, 1]) : x) }
}

/// Repeats pixels to the given size, then convolves.
struct Upsample {
    let conv: Conv2d

    init(_ p: Parameters, _ channels: Int) { conv = Conv2d(p["conv"], channels, channels, kernel: 3, padding: 1) }

    func callAsFunction(_ x: Tensor, height: Int, width: Int) -> Tensor { conv(x.upsampledNearest(height: height, width: width)) }
}
