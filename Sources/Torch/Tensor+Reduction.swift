extension Tensor {
    /// Over all elements, a scalar tensor.
    public func sum() -> Tensor { Operators.sum(.tensor(self)) }
    public func mean() -> Tensor { Operators.mean(.tensor(self)) }
    public func sum(_ axes: [Int], keepingAxes: Bool = false) -> Tensor { Operators.sumAxes(.tensor(self), .ints(axes), .bool(keepingAxes)) }
    public func mean(_ axes: [Int], keepingAxes: Bool = false) -> Tensor { Operators.meanAxes(.tensor(self), .ints(axes), .bool(keepingAxes)) }
    /// Unbiased, over all axes given.
    public func standardDeviation(_ axes: [Int]) -> Tensor { Operators.std(.tensor(self), .ints(axes)) }
    public func max() -> Tensor { Operators.max(.tensor(self)) }
    public func min() -> Tensor { Operators.min(.tensor(self)) }
    /// The index of the greatest element along `axis`, int64.
    public func argmax(_ axis: Int) -> Tensor { Operators.argmax(.tensor(self), .int(axis)) }
    /// Euclidean norm of all elements.
    public func norm() -> Tensor { Operators.norm(.tensor(self)) }
    /// Running product along `axis`.
    public func cumulativeProduct(_ axis: Int) -> Tensor { Operators.cumprod(.tensor(self), .int(axis)) }

    /// The value at `fraction` in [0, 1] of the sorted elements, interpolated; on the processor, since not every device has float64.
    public func quantiles(_ fractions: [Double]) -> [Double] {
        Operators.quantile(.tensor(detached.to(.cpu).to(.float64).flattened()), .tensor(Tensor(fractions))).values(Double.self)
    }

    /// Whether no element is infinite or not a number.
    public var isFinite: Bool { Operators.all(.tensor(Operators.isFinite(.tensor(detached)))).values(Bool.self)[0] }
}

private enum Operators {
    static let sum = Operator("sum")
    static let mean = Operator("mean")
    static let sumAxes = Operator("sum", "dim_IntList")
    static let meanAxes = Operator("mean", "dim")
    static let std = Operator("std", "dim")
    static let max = Operator("max")
    static let min = Operator("min")
    static let argmax = Operator("argmax")
    static let norm = Operator("linalg_vector_norm")
    static let cumprod = Operator("cumprod")
    static let quantile = Operator("quantile")
    static let isFinite = Operator("isfinite")
    static let all = Operator("all")
}
