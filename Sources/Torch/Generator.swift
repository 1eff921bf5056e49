import CTorch

/// libtorch's random generator of the processor: the same numbers as `torch.Generator().manual_seed(seed)` in Python.
///
/// Nothing draws on another device, whose generator would give other numbers: what is needed there is drawn here and moved.
public final class Generator: @unchecked Sendable {
    // Used by one thread at a time: a generator is made where its numbers are drawn.
    let handle: OpaquePointer

    public init(seed: UInt64) {
        var result: OpaquePointer?
        if let message = ct_generator_new(seed, &result) { fatalError("generator: \(String(cString: message))") }
        handle = result!
    }

    deinit { ct_generator_release(handle) }

    /// Standard normal numbers, float32.
    public func normal(_ shape: [Int]) -> Tensor { Self.normalOperator(.ints(shape), .generator(self), .dtype(.float32)) }

    /// Uniform numbers in [0, 1), float32.
    public func uniform(_ shape: [Int]) -> Tensor { Self.uniformOperator(.ints(shape), .generator(self), .dtype(.float32)) }

    /// Integers in `0..<bound`, int64.
    public func integers(below bound: Int, _ shape: [Int]) -> Tensor {
        Self.integersOperator(.int(bound), .ints(shape), .generator(self), .dtype(.int64))
    }

    private static let normalOperator = Operator("randn", "generator")
    private static let uniformOperator = Operator("rand", "generator")
    private static let integersOperator = Operator("randint", "generator")
}
