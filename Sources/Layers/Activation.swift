import Torch

/// The activation functions of published configurations, by the names these use.
public enum Activation: String, Sendable, CaseIterable {
    case silu
    case swish
    case mish
    case gelu
    case relu
    case quickGELU = "quick_gelu"

    public func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .silu, .swish: x.silu
        case .mish: x.mish
        case .gelu: x.gelu
        case .relu: x.relu
        case .quickGELU: x * (x * 1.702).sigmoid
        }
    }
}
