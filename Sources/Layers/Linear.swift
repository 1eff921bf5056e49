import Torch

/// y = x·Wᵀ + b over the last axis, and the change of an adapter where the layer has one.
public struct Linear: Sendable {
    let weight: Tensor
    let bias: Tensor?
    let adapter: LowRankAdapter?

    /// - Parameter start: of weight and bias where no file gives them; libtorch's own by default
    public init(_ p: Parameters, _ inputs: Int, _ outputs: Int, bias: Bool = true, startsAt start: Initializer? = nil) {
        weight = p("weight", [outputs, inputs], start ?? .fanIn(inputs))
        self.bias = bias ? p("bias", [outputs], start ?? .fanIn(inputs)) : nil
        adapter = p.adapter(outputs, [inputs])
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        let y = x.linear(weight, bias)
        return adapter.map { y + $0(x) } ?? y
    }
}
