/// Convolutions and pools over clips `[B, C, T, H, W]`, and the pools and the resize of pictures that measuring networks need.
extension Tensor {
    /// `weight` is `[out, in, kt, kh, kw]`; stride and padding have a number an axis: time, height, width.
    public func conv3d(_ weight: Tensor, _ bias: Tensor?, stride: [Int] = [1, 1, 1], padding: [Int] = [0, 0, 0]) -> Tensor {
        Operators.conv3d(.tensor(self), .tensor(weight), .tensor(bias), .ints(stride), .ints(padding))
    }
    /// The padding is never the greatest.
    public func maxPool3d(kernel: [Int], stride: [Int], padding: [Int] = [0, 0, 0]) -> Tensor {
        Operators.maxPool3d(.tensor(self), .ints(kernel), .ints(stride), .ints(padding))
    }
    public func averagePool3d(kernel: [Int], stride: [Int]) -> Tensor { Operators.averagePool3d(.tensor(self), .ints(kernel), .ints(stride)) }
    /// Over squares of `[B, C, H, W]`.
    public func maxPool2d(kernel: Int, stride: Int) -> Tensor { Operators.maxPool2d(.tensor(self), .ints([kernel, kernel]), .ints([stride, stride])) }
    /// Resize of `[B, C, H, W]` between pixel centres without antialiasing, as PyTorch's `interpolate(mode="bilinear", align_corners=False)`.
    public func interpolatedBilinear(height: Int, width: Int) -> Tensor {
        Operators.interpolateBilinear(.tensor(self), .ints([height, width]), .bool(false))
    }
    /// Antialiased resize of `[B, C, H, W]` by the cubic filter (a = −0.5) that Pillow has for floating-point pictures; values may
    /// pass the range of those that are given.
    public func resizedBicubic(height: Int, width: Int) -> Tensor { Operators.bicubic(.tensor(self), .ints([height, width]), .bool(false)) }
}

private enum Operators {
    static let bicubic = Operator("_upsample_bicubic2d_aa")
    static let conv3d = Operator("conv3d")
    static let maxPool3d = Operator("max_pool3d")
    static let averagePool3d = Operator("avg_pool3d")
    static let maxPool2d = Operator("max_pool2d")
    static let interpolateBilinear = Operator("upsample_bilinear2d")
}
