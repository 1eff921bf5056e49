import Torch

/// y = x·Wᵀ + b over the last axis.
public struct Linear: Sendable {
    let weight: Tensor
    let bias: Tensor?

    public init(_ p: Parameters, _ inputs: Int, _ outputs: Int, bias: Bool = true) {
        weight = p("weight", [outputs, inputs], .fanIn(inputs))
        self.bias = bias ? p("bias", [outputs], .fanIn(inputs)) : nil
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { x.linear(weight, bias) }
}
