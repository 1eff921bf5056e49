import Torch

/// A convolution over `[B, in, H, W]`, and the change of an adapter where the layer has one.
public struct Conv2d: Sendable {
    let weight: Tensor
    let bias: Tensor?
    let stride: Int
    let padding: Int
    let adapter: LowRankAdapter?

    public init(_ p: Parameters, _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0) {
        weight = p("weight", [outputs, inputs, kernel, kernel], .fanIn(inputs * kernel * kernel))
        bias = p("bias", [outputs], .fanIn(inputs * kernel * kernel))
        self.stride = stride
        self.padding = padding
        adapter = p.adapter(outputs, [inputs, kernel, kernel])
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        let y = x.conv2d(weight, bias, stride: stride, padding: padding)
        return adapter.map { y + $0(x, stride: stride, padding: padding) } ?? y
    }
}
