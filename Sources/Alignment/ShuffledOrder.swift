import Torch

/// An endless order over `count` examples: one seeded permutation a pass, each pass another.
///
/// Position n depends on (seed, purpose, n) alone, so that a resumed run continues where it was.
public struct ShuffledOrder: IteratorProtocol, Sendable {
    private let count: Int
    private let seed: UInt64
    private let purpose: String
    private var pass = -1
    private var permutation: [Int] = []
    /// Examples drawn so far.
    public var position: Int

    public init(count: Int, seed: UInt64, purpose: String, position: Int = 0) {
        precondition(count > 0, "an order over no examples")
        self.count = count
        self.seed = seed
        self.purpose = purpose
        self.position = position
    }

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
            permutation = generator.permuted(Array(0..<count))
        }
        defer { position += 1 }
        return permutation[position % count]
    }
}
