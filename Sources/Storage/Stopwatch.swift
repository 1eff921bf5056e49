/// Time that passes, by a clock that nobody sets: never negative, whatever happens to the time of day.
public struct Stopwatch: Sendable {
    private let start = SuspendingClock.now

    public init() {}

    /// Since this value was made.
    public var seconds: Double {
        let (whole, fraction) = (SuspendingClock.now - start).components
        return max(0, Double(whole) + Double(fraction) * 1e-18)
    }
}
