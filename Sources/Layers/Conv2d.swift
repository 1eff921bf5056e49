import Torch

/// A convolution over `[B, in, H, W]`.
public struct Conv2d: Sendable {
    let weight: Tensor
    let bias: Tensor?
    let stride: Int
    let padding: Int

    public init(_ p: Parameters, _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0) {
        weight = p("weight", [outputs, inputs, kernel, kernel], .fanIn(inputs * kernel * kernel))
        bias = p("bias", [outputs], .fanIn(inputs * kernel * kernel))
        self.stride = stride
        self.padding = padding
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { x.conv2d(weight, bias, stride: stride, padding: padding) }
}
