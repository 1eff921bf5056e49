import Torch

/// Normalises groups of channels of `[B, C, …]`.
public struct GroupNorm: Sendable {
    let weight: Tensor
    let bias: Tensor
    let groups: Int
    let epsilon: Double

    public init(_ p: Parameters, groups: Int, channels: Int, epsilon: Double) {
        weight = p("weight", [channels], .ones)
        bias = p("bias", [channels], .zeros)
        self.groups = groups
        self.epsilon = epsilon
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { x.groupNorm(groups: groups, weight, bias, epsilon: epsilon) }

    /// Followed by an activation.
    public func callAsFunction(_ x: Tensor, then activation: Activation) -> Tensor {
        switch activation {
        case .silu, .swish: x.groupNorm(groups: groups, weight, bias, epsilon: epsilon, activated: true)
        default: activation(self(x))
        }
    }
}

/// Normalises the last axis.
public struct LayerNorm: Sendable {
    let weight: Tensor
    let bias: Tensor
    let epsilon: Double

    public init(_ p: Parameters, _ channels: Int, epsilon: Double = 1e-5) {
        weight = p("weight", [channels], .ones)
        bias = p("bias", [channels], .zeros)
        self.epsilon = epsilon
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { x.layerNorm(weight, bias, epsilon: epsilon) }
}
