import Layers
import Torch

/// The shape of an ``I3D``; as it stands, that of the published network for Kinetics-400.
public struct I3DConfiguration: Sendable, Equatable {
    /// Channels of the three convolutions at the start.
    public var stem = [64, 64, 192]
    /// Channels of the nine mixed blocks, each: the 1×1×1 branch; the two of the second branch; the two of the third; that behind the pool.
    public var mixed = [
        [64, 96, 128, 16, 32, 32], [128, 128, 192, 32, 96, 64], [192, 96, 208, 16, 48, 64], [160, 112, 224, 24, 64, 64], [128, 128, 256, 24, 64, 64],
        [112, 144, 288, 32, 64, 64], [256, 160, 320, 32, 128, 128], [256, 160, 320, 32, 128, 128], [384, 192, 384, 48, 128, 128],
    ]
    public var classes = 400
    /// Frames that the last pool covers at a time.
    public var pooledFrames = 2
    /// Of the normalisations: 1e-3 in the network's TensorFlow original, 1e-5 where VideoGPT's code runs it.
    public var epsilon = 1e-3
    /// Whether the normalisations have a factor (`bn.weight`) of their own; the original has none.
    public var hasScale = false

    public init() {}
}

/// The Inflated 3D ConvNet for colour clips (Carreira and Zisserman, arXiv 1705.07750), with the tensor names of its common PyTorch port:
/// `Conv3d_1a_7x7.conv3d.weight`, `Mixed_3b.b1a.bn.running_mean`, `logits.conv3d.bias`. Its logits are the features of FVD (Unterthiner et al., arXiv 1812.01717).
public struct I3D: Sendable {
    public let configuration: I3DConfiguration
    public let device: Device
    /// `Conv3d_1a_7x7`, `Conv3d_2b_1x1`, `Conv3d_2c_3x3`.
    private let stem: [Unit]
    private let mixed: [Mixed]
    private let weight: Tensor
    private let bias: Tensor

    /// Side of the pictures it was trained with: what the last pool covers.
    public static let side = 224
    /// With fewer frames nothing is left for the last pool.
    public static let fewestFrames = 9
    /// Of the mixed blocks, in order.
    private static let blocks = ["3b", "3c", "4b", "4c", "4d", "4e", "4f", "5b", "5c"]

    public init(_ p: Parameters, _ c: I3DConfiguration) {
        precondition(c.stem.count == 3 && c.mixed.count == Self.blocks.count && c.mixed.allSatisfy { $0.count == 6 }, "no shape of an I3D")
        configuration = c
        device = p.device
        stem = [
            Unit(p["Conv3d_1a_7x7"], 3, c.stem[0], kernel: 7, stride: 2, c), Unit(p["Conv3d_2b_1x1"], c.stem[0], c.stem[1], kernel: 1, c),
            Unit(p["Conv3d_2c_3x3"], c.stem[1], c.stem[2], kernel: 3, c),
        ]
        var channels = c.stem[2]
        var blocks: [Mixed] = []
        for (name, sizes) in zip(Self.blocks, c.mixed) {
            blocks.append(Mixed(p["Mixed_" + name], channels, sizes, c))
            channels = sizes[0] + sizes[2] + sizes[4] + sizes[5]
        }
        mixed = blocks
        weight = p["logits"]["conv3d"]("weight", [c.classes, channels, 1, 1, 1], .fanIn(channels))
        bias = p["logits"]["conv3d"]("bias", [c.classes], .fanIn(channels))
    }

    /// Clips `[B, 3, T, 224, 224]` in [−1, 1] of at least ``fewestFrames`` → logits `[B, classes]`, averaged over the time that is left.
    public func callAsFunction(_ clips: Tensor) -> Tensor {
        var x = stem[0](clips)
        x = Self.pooled(x, kernel: [1, 3, 3], stride: [1, 2, 2])
        x = stem[2](stem[1](x))
        x = Self.pooled(x, kernel: [1, 3, 3], stride: [1, 2, 2])
        for (index, block) in mixed.enumerated() {
            if index == 2 { x = Self.pooled(x, kernel: [3, 3, 3], stride: [2, 2, 2]) }
            if index == 7 { x = Self.pooled(x, kernel: [2, 2, 2], stride: [2, 2, 2]) }
            x = block(x)
        }
        x = x.averagePool3d(kernel: [configuration.pooledFrames, 7, 7], stride: [1, 1, 1])
        return x.conv3d(weight, bias).mean([2, 3, 4])
    }

    /// TensorFlow's SAME padding of `[B, C, T, H, W]`: as many zeros as give ⌈length / stride⌉ results, the odd one at the end.
    static func padded(_ x: Tensor, kernel: [Int], stride: [Int]) -> Tensor {
        let amounts = (0..<3).reversed().flatMap { axis in
            let (length, stride) = (x.size(axis + 2), stride[axis])
            let total = max(((length + stride - 1) / stride - 1) * stride + kernel[axis] - length, 0)
            return [total / 2, total - total / 2]
        }
        return amounts.allSatisfy { $0 == 0 } ? x : x.padded(amounts)
    }

    /// Zeros at the border change no maximum of what an activation has left, none of which is negative.
    private static func pooled(_ x: Tensor, kernel: [Int], stride: [Int]) -> Tensor {
        padded(x, kernel: kernel, stride: stride).maxPool3d(kernel: kernel, stride: stride)
    }

    /// A convolution, its normalisation by statistics of the training, and ReLU. The normalisation is a part of the convolution's weights.
    private struct Unit {
        let weight: Tensor
        let bias: Tensor
        let kernel: [Int]
        let stride: [Int]

        init(_ p: Parameters, _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, _ c: I3DConfiguration) {
            let own = p["conv3d"]("weight", [outputs, inputs, kernel, kernel, kernel], .fanIn(inputs * kernel * kernel * kernel))
            let norm = p["bn"]
            let scale = c.hasScale ? norm("weight", [outputs], .ones) : nil
            let offset = norm("bias", [outputs], .zeros)
            let mean = norm("running_mean", [outputs], .zeros)
            let deviation = (norm("running_var", [outputs], .ones) + c.epsilon).squareRoot
            let factor = scale.map { $0 / deviation } ?? Tensor.ones([outputs], on: deviation.placement) / deviation
            weight = own * factor.reshaped([outputs, 1, 1, 1, 1])
            bias = offset - mean * factor
            (self.kernel, self.stride) = ([kernel, kernel, kernel], [stride, stride, stride])
        }

        func callAsFunction(_ x: Tensor) -> Tensor { padded(x, kernel: kernel, stride: stride).conv3d(weight, bias, stride: stride).relu }
    }

    /// Four branches side by side.
    private struct Mixed {
        let single: Unit
        let second: [Unit]
        let third: [Unit]
        let last: Unit

        init(_ p: Parameters, _ inputs: Int, _ sizes: [Int], _ c: I3DConfiguration) {
            single = Unit(p["b0"], inputs, sizes[0], kernel: 1, c)
            second = [Unit(p["b1a"], inputs, sizes[1], kernel: 1, c), Unit(p["b1b"], sizes[1], sizes[2], kernel: 3, c)]
            third = [Unit(p["b2a"], inputs, sizes[3], kernel: 1, c), Unit(p["b2b"], sizes[3], sizes[4], kernel: 3, c)]
            last = Unit(p["b3b"], inputs, sizes[5], kernel: 1, c)
        }

        func callAsFunction(_ x: Tensor) -> Tensor {
            Tensor.concatenated(
                [single(x), second[1](second[0](x)), third[1](third[0](x)), last(pooled(x, kernel: [3, 3, 3], stride: [1, 1, 1]))], axis: 1)
        }
    }
}
