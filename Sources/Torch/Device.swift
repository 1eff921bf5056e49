/// Where a tensor lives, with libtorch's numbers (`c10::DeviceType`).
public struct Device: Sendable, Hashable, CustomStringConvertible {
    public enum Kind: RawRepresentable, Sendable, Hashable, CaseIterable, CustomStringConvertible {
        case cpu
        case cuda
        case mps
        /// libtorch's device without memory: tensors there have shapes and types and no elements.
        case meta
        /// One that libtorch has and we do not know, by its number. It is never taken for another.
        case other(Int32)

        /// Those we know.
        public static let allCases: [Kind] = [.cpu, .cuda, .mps, .meta]

        public init(rawValue: Int32) { self = Self.allCases.first { $0.rawValue == rawValue } ?? .other(rawValue) }

        public var rawValue: Int32 {
            switch self {
            case .cpu: 0
            case .cuda: 1
            case .mps: 13
            case .meta: 14
            case .other(let number): number
            }
        }

        /// libtorch's name.
        public var description: String {
            switch self {
            case .cpu: "cpu"
            case .cuda: "cuda"
            case .mps: "mps"
            case .meta: "meta"
            case .other(let number): "other(\(number))"
            }
        }
    }

    public let kind: Kind
    /// Which of several, from 0; −1 where there is only one, or for libtorch's current one.
    public let index: Int32

    public init(_ kind: Kind, index: Int32 = -1) {
        self.kind = kind
        self.index = index
    }

    public static let cpu = Device(.cpu)
    public static let meta = Device(.meta)

    /// Whether it computes in float64.
    public var hasDouble: Bool { kind != .mps }

    public var description: String { index < 0 ? "\(kind)" : "\(kind):\(index)" }
}

/// Where tensors are made, and of which element type: float32 on the processor, where nothing else is said.
public struct Placement: Sendable, Hashable, CustomStringConvertible {
    public var device: Device
    public var dtype: DType

    public init(_ device: Device = .cpu, _ dtype: DType = .float32) {
        self.device = device
        self.dtype = dtype
    }

    public var description: String { "\(dtype) on \(device)" }
}
