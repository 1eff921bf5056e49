import Layers
import Torch

/// The shape of an ``LPIPSNetwork``.
public struct LPIPSConfiguration: Sendable, Equatable {
    /// The network whose activations are compared.
    public enum Trunk: String, Sendable, CaseIterable {
        case alex
        case vgg
    }

    public var trunk: Trunk
    /// Of the five activations that are compared.
    public var channels: [Int]

    /// As published.
    public init(_ trunk: Trunk) {
        self.trunk = trunk
        channels = trunk == .alex ? [64, 192, 384, 256, 256] : [64, 128, 256, 512, 512]
    }

    /// Pictures with a shorter side leave nothing for the last layer.
    public var smallestSide: Int { trunk == .alex ? 31 : 16 }
}

/// Learned Perceptual Image Patch Similarity, version 0.1 (Zhang et al., arXiv 1801.03924), over AlexNet or VGG16.
///
/// Tensors of the trunk have torchvision's names (`features.0.weight`), those of the heads the names of the authors' package (`lin0.model.1.weight`).
public struct LPIPSNetwork: Sendable {
    public let configuration: LPIPSConfiguration
    public let device: Device
    private let stages: [Stage]
    private let heads: [Tensor]
    private let shift: Tensor
    private let scale: Tensor

    public init(_ p: Parameters, _ c: LPIPSConfiguration) {
        precondition(c.channels.count == 5, "LPIPS compares five activations")
        configuration = c
        device = p.device
        let features = p["features"]
        var inputs = 3
        var stages: [Stage] = []
        for (stage, layers) in Self.layers(c.trunk).enumerated() {
            var convolutions: [Conv2d] = []
            for (index, kernel, stride, padding) in layers {
                convolutions.append(Conv2d(features[index], inputs, c.channels[stage], kernel: kernel, stride: stride, padding: padding))
                inputs = c.channels[stage]
            }
            stages.append(Stage(pool: Self.pool(before: stage, c.trunk), convolutions: convolutions))
        }
        self.stages = stages
        heads = c.channels.enumerated().map { p["lin\($0)"]["model"][1]("weight", [1, $1, 1, 1], .fanIn($1)) }
        shift = Tensor([-0.030, -0.088, -0.188] as [Float], shape: [1, 3, 1, 1]).to(p.device)
        scale = Tensor([0.458, 0.448, 0.450] as [Float], shape: [1, 3, 1, 1]).to(p.device)
    }

    /// Pictures `[B, 3, H, W]` in [−1, 1] → their distances `[B]`; zero for equal ones.
    public func callAsFunction(_ x: Tensor, _ y: Tensor) -> Tensor {
        let distances = zip(zip(activations(x), activations(y)), heads).map { pair, head in
            (Self.unit(pair.0) - Self.unit(pair.1)).squared.conv2d(head, nil).mean([1, 2, 3])
        }
        return distances.dropFirst().reduce(distances[0], +)
    }

    private func activations(_ x: Tensor) -> [Tensor] {
        var x = ((x - shift) / scale).contiguous(.channelsLast)
        return stages.map { stage in
            if let (kernel, stride) = stage.pool { x = x.maxPool2d(kernel: kernel, stride: stride) }
            for convolution in stage.convolutions { x = convolution(x).relu }
            return x
        }
    }

    /// Of length 1 over the channels.
    private static func unit(_ x: Tensor) -> Tensor { x / (x.squared.sum([1], keepingAxes: true).squareRoot + 1e-10) }

    /// What leads to one activation that is compared.
    private struct Stage {
        let pool: (kernel: Int, stride: Int)?
        let convolutions: [Conv2d]
    }

    /// Convolutions of each stage: number among the trunk's layers, kernel, stride, padding.
    private static func layers(_ trunk: LPIPSConfiguration.Trunk) -> [[(Int, Int, Int, Int)]] {
        switch trunk {
        case .alex: [[(0, 11, 4, 2)], [(3, 5, 1, 2)], [(6, 3, 1, 1)], [(8, 3, 1, 1)], [(10, 3, 1, 1)]]
        case .vgg: [[0, 2], [5, 7], [10, 12, 14], [17, 19, 21], [24, 26, 28]].map { $0.map { ($0, 3, 1, 1) } }
        }
    }

    private static func pool(before stage: Int, _ trunk: LPIPSConfiguration.Trunk) -> (kernel: Int, stride: Int)? {
        switch trunk {
        case .alex: stage == 1 || stage == 2 ? (3, 2) : nil
        case .vgg: stage > 0 ? (2, 2) : nil
        }
    }
}
