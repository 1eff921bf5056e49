/// Which of the training timesteps a sampler visits (Lin et al., arXiv 2305.08891, table 2).
public enum TimestepSpacing: String, Codable, Sendable, CaseIterable {
    /// Multiples of ⌊T/n⌋, plus the offset.
    case leading
    /// From T − 1 downwards by T/n.
    case trailing
    /// n numbers from T − 1 to 0, both included.
    case linspace

    /// The `steps` timesteps from noisy to clean, of `count` training timesteps, not rounded for `linspace`.
    /// - Parameter limit: where `trailing` starts; T by default.
    func timesteps(_ steps: Int, of count: Int, below limit: Int? = nil, offset: Int) -> [Double] {
        switch self {
        case .leading:
            let stride = count / steps
            return (0..<steps).reversed().map { Double($0 * stride + offset) }
        case .trailing:
            // Added up as a range in floating point is. (For some step counts, 61 of 1000 for one, numpy's range runs one element too
            // far and diffusers takes a step at timestep −1; we take the number of steps asked for.)
            let first = Double(limit ?? count)
            let increment = (first - Double(count) / Double(steps)) - first
            return (0..<steps).map { (first + Double($0) * increment).rounded(.toNearestOrEven) - 1 }
        case .linspace:
            return Self.evenly(from: 0, to: Double(count - 1), steps).reversed()
        }
    }

    /// `count` numbers from `first` to `last` in double precision; `first` alone when one is asked for.
    static func evenly(from first: Double, to last: Double, _ count: Int) -> [Double] {
        guard count > 1 else { return [first] }
        let increment = (last - first) / Double(count - 1)
        return (0..<count).map { $0 == count - 1 ? last : Double($0) * increment + first }
    }
}
