/// What a loss is multiplied by before its gradient is taken in half precision, whose small numbers end at 6e-8 (Micikevicius et al., arXiv
/// 1710.03740): halved where a gradient was not finite, doubled after many that were.
public struct LossScale: Codable, Sendable, Equatable {
    public private(set) var factor: Double
    private var finiteInARow = 0

    /// The preference loss brings β/2 along already.
    public init(factor: Double = 1024) { self.factor = factor }

    /// After an update whose gradient was finite, or was not.
    public mutating func update(wasFinite: Bool) {
        finiteInARow = wasFinite ? finiteInARow + 1 : 0
        if !wasFinite { factor = max(1, factor / 2) }
        if finiteInARow == 200 { (factor, finiteInARow) = (min(65536, factor * 2), 0) }
    }
}
