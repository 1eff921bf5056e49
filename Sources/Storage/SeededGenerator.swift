/// Random numbers that depend on nothing but (run seed, purpose, index).
///
/// A run gives the same numbers whatever its micro-batch, the number of its processes or a resume, because every example makes
/// its own generator instead of drawing from shared state. The algorithm is SplitMix64 (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", OOPSLA 2014), seeded through its own finaliser.
///
/// Swift leaves open how `Int.random(in:using:)` and `shuffled(using:)` turn bits into values, so whatever must stay the same
/// for years is drawn through `uniform()`, `integer(below:)`, `element(of:)` and `permuted(_:)` below.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// The SplitMix64 stream that starts at `seed`.
    public init(seed: UInt64) {
        state = seed
    }

    /// The stream of one example: `purpose` says what the numbers are for ("timestep", "noise", …), `index` counts examples globally.
    public init(seed: UInt64, purpose: String, index: Int) {
        state = Self.seed(seed, purpose, index)
    }

    /// The 64-bit seed of (run, purpose, index), also for generators that are not ours, such as libtorch's.
    public static func seed(_ run: UInt64, _ purpose: String, _ index: Int) -> UInt64 {
        // Each part is finalised before the next is folded in, so neighbouring runs and indices share no pattern.
        var seed = finalised(run &+ increment)
        seed = finalised(seed ^ fnv1a(purpose))
        return finalised(seed ^ UInt64(bitPattern: Int64(index)))
    }

    public mutating func next() -> UInt64 {
        state &+= Self.increment
        return Self.finalised(state)
    }

    /// Uniform in [0, 1), a multiple of 2⁻⁵³.
    public mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// Uniform in [range.lowerBound, range.upperBound).
    public mutating func uniform(in range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    }

    /// Uniform over 0 ..< `bound`, without modulo bias (Lemire, "Fast random integer generation in an interval", 2019).
    public mutating func integer(below bound: Int) -> Int {
        precondition(bound > 0, "integer(below:) needs a bound above zero, got \(bound)")
        let width = UInt64(bound)
        var product = next().multipliedFullWidth(by: width)
        let rejected = (0 &- width) % width
        while product.low < rejected { product = next().multipliedFullWidth(by: width) }
        return Int(product.high)
    }

    /// One element, each equally likely.
    public mutating func element<C: RandomAccessCollection>(of choices: C) -> C.Element {
        choices[choices.index(choices.startIndex, offsetBy: integer(below: choices.count))]
    }

    /// The elements in random order (Fisher–Yates).
    public mutating func permuted<Element>(_ elements: [Element]) -> [Element] {
        var result = elements
        for last in stride(from: result.count - 1, to: 0, by: -1) {
            result.swapAt(last, integer(below: last + 1))
        }
        return result
    }

    /// FNV-1a over the string's UTF-8, 64 bits: `String.hashValue` differs from process to process.
    public static func fnv1a(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    private static let increment: UInt64 = 0x9e37_79b9_7f4a_7c15

    private static func finalised(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
