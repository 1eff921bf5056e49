import CTorch

/// The element type in which a network computes. Its weights, their gradients and what is summed up from its answers stay float32.
public enum Precision: String, Codable, Sendable, CaseIterable {
    case f32, bf16, f16

    /// Whether libtorch computes in it on a device of that kind. Its autocast knows both half precisions on the processor (since 2.4), on CUDA and on MPS;
    /// how fast they are is the hardware's matter. It knows none on `meta`.
    public func isAvailable(on device: Device) -> Bool { self == .f32 || ct_autocast_is_available(device.kind.rawValue) }

    /// Runs `body` in this precision, by libtorch's autocast: matrix products and convolutions take half-precision copies of their inputs, and
    /// operators that would lose by it float32 ones.
    public func run<Result>(on device: Device, _ body: () throws -> Result) rethrows -> Result {
        let former = ct_autocast_get(device.kind.rawValue)
        guard code != former else { return try body() }
        Self.set(code, device)
        defer { Self.set(former, device) }
        return try body()
    }

    /// That of the calling thread.
    static func current(on device: Device) -> Precision {
        let code = ct_autocast_get(device.kind.rawValue)
        return allCases.first { $0.code == code } ?? .f32
    }

    /// libtorch's number of the type; −1 where nothing is cast.
    private var code: Int32 {
        switch self {
        case .f32: -1
        case .bf16: DType.bfloat16.rawValue
        case .f16: DType.float16.rawValue
        }
    }

    private static func set(_ code: Int32, _ device: Device) {
        if let message = ct_autocast_set(device.kind.rawValue, code) { fatalError("autocast: \(String(cString: message))") }
    }
}
