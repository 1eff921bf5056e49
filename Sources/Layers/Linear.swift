import Torch

/// y = x·Wᵀ + b over the last axis, and the change of an adapter where the layer has one.
public struct Linear: Sendable {
    let weight: Tensor
    let bias: Tensor?
    let adapter: LowRankAdapter?

    public init(_ p: Parameters, _ inputs: Int, _ outputs: Int, bias: Bool = true) {
        weight = p("weight", [outputs, inputs], .fanIn(inputs))
        self.bias = bias ? p("bias", [outputs], .fanIn(inputs)) : nil
        adapter = p.adapter(outputs, [inputs])
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        let y = x.linear(weight, bias)
        return adapter.map { y + $0(x) } ?? y
    }
}
