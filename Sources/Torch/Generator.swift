import CTorch

/// libtorch's random generator: on the CPU the same numbers as `torch.Generator().manual_seed(seed)` in Python.
public final class Generator: @unchecked Sendable {
    // Used by one thread at a time: a generator is made where its numbers are drawn.
    let handle: OpaquePointer

    public init(seed: UInt64, device: Device = .cpu) {
        var result: OpaquePointer?
        if let message = ct_generator_new(device.kind.rawValue, device.index, seed, &result) {
            fatalError("generator on \(device): \(String(cString: message))")
        }
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
