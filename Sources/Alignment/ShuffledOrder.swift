import Storage

/// An endless order over some examples: one seeded permutation a pass, each pass another.
///
/// Position n depends on (seed, purpose, n) alone, so that a resumed run continues where it was.
public struct ShuffledOrder: IteratorProtocol, Sendable {
    private let examples: [Int]
    private let seed: UInt64
    private let purpose: String
    private var pass = -1
    private var permutation: [Int] = []
    /// Examples drawn so far.
    public var position: Int

    public init(of examples: [Int], seed: UInt64, purpose: String, position: Int = 0) {
        precondition(!examples.isEmpty, "an order over no examples")
        self.examples = examples
        self.seed = seed
        self.purpose = purpose
        self.position = position
    }

    /// Over 0 ..< `count`.
    public init(count: Int, seed: UInt64, purpose: String, position: Int = 0) {
        self.init(of: Array(0..<count), seed: seed, purpose: purpose, position: position)
    }

    /// How many there are.
    public var count: Int { examples.count }

    public mutating func next(_ amount: Int) -> [Int] { (0..<amount).map { _ in following() } }

    /// The examples among the first `amount`, each once.
    public func first(_ amount: Int) -> [Int] {
        var order = self
        return order.next(min(amount, count))
    }

    /// Never nil.
    public mutating func next() -> Int? { following() }

    private mutating func following() -> Int {
        if position / count != pass {
            pass = position / count
            var generator = SeededGenerator(seed: seed, purpose: purpose, index: pass)
            permutation = generator.permuted(examples)
        }
        defer { position += 1 }
        return permutation[position % count]
    }
}
