/// Errors of the policy on winners, each beside the error that checkpoint 0 makes on the same winner at the same timestep and noise: the latest of a run.
public struct PairedErrors: Codable, Sendable, Equatable {
    public private(set) var policy: [Double] = []
    public private(set) var base: [Double] = []

    /// How many pairs are looked back on.
    static let window = 64
    /// Fewer tell nothing.
    static let fewest = 8

    public init() {}

    public var count: Int { policy.count }

    /// Adds pairs, as far as they are finite, and forgets the oldest.
    mutating func append(_ pairs: [(policy: Double, base: Double)]) {
        let finite = pairs.filter { $0.policy.isFinite && $0.base.isFinite }
        policy = Array((policy + finite.map(\.policy)).suffix(Self.window))
        base = Array((base + finite.map(\.base)).suffix(Self.window))
    }

    /// The policy's mean error over checkpoint 0's; nil without pairs, or where checkpoint 0 makes no errors.
    public var ratio: Double? {
        let (errors, first) = (policy.reduce(0, +), base.reduce(0, +))
        return first > 0 && errors.isFinite ? errors / first : nil
    }

    /// Whether the ratio lies above `bound` with 99.9 % confidence: by Student's t of the differences policy − bound · base, one-sided.
    func lieAbove(_ bound: Double) -> Bool {
        guard count >= Self.fewest else { return false }
        let excess = zip(policy, base).map { $0 - bound * $1 }
        let mean = excess.reduce(0, +) / Double(count)
        let variance = excess.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)
        return mean > Self.quantile(degreesOfFreedom: Double(count - 1)) * (variance / Double(count)).squareRoot()
    }

    /// The 0.999 quantile of Student's t, within 3 % from seven degrees of freedom on (Abramowitz and Stegun, 26.7.5).
    static func quantile(degreesOfFreedom n: Double) -> Double {
        let z = 3.0902
        let (cube, fifth) = (z * z * z, z * z * z * z * z)
        return z + (cube + z) / (4 * n) + (5 * fifth + 16 * cube + 3 * z) / (96 * n * n)
    }
}
