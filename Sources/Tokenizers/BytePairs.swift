import Foundation
import Storage

/// Byte-pair encoding of one word, on ids: no string is touched once the tables stand.
///
/// Source: Sennrich et al. 2016 (arXiv:1508.07909); order of merging as in `tokenizers`' `BPE`: always the merge that stands first in the list,
/// and of its places the leftmost.
struct BytePairs: Sendable {
    struct Merge: Equatable, Sendable {
        let left: Int
        let right: Int
        let result: Int
    }

    /// The piece for each byte inside a word, and for each byte that ends one; `unknown` where the vocabulary lacks it.
    private let inside: [Int]
    private let last: [Int]
    private let ranked: [Pair: Ranked]
    private let cache = WordCache()

    private struct Pair: Hashable {
        let left: Int
        let right: Int
    }

    private struct Ranked {
        let rank: Int
        let result: Int
    }

    /// - Parameter merges: first in the list goes first; a pair listed twice has its last rank, as in the reference.
    init(inside: [Int], last: [Int], merges: [Merge]) {
        precondition(inside.count == 256 && last.count == 256)
        self.inside = inside
        self.last = last
        var ranked: [Pair: Ranked] = Dictionary(minimumCapacity: merges.count)
        for (rank, merge) in merges.enumerated() {
            ranked[Pair(left: merge.left, right: merge.right)] = Ranked(rank: rank, result: merge.result)
        }
        self.ranked = ranked
    }

    func ids(of word: [UInt8]) -> [Int] {
        if let known = cache[word] { return known }
        let ids = merged(symbols(of: word))
        cache[word] = ids
        return ids
    }

    func symbols(of word: [UInt8]) -> [Int] {
        guard let final = word.last else { return [] }
        return word.dropLast().map { inside[Int($0)] } + [last[Int(final)]]
    }

    /// The symbols form a linked list, the places to merge a heap: a word of n bytes costs n log n however long someone makes it.
    private func merged(_ symbols: [Int]) -> [Int] {
        var symbols = symbols
        let end = symbols.count
        guard end > 1 else { return symbols }
        var next = Array(1...end)
        var previous = Array(-1..<(end - 1))
        var isMerged = [Bool](repeating: false, count: end)
        var places = MinimumHeap<Place>()

        func ranked(at position: Int) -> Ranked? {
            next[position] < end ? self.ranked[Pair(left: symbols[position], right: symbols[next[position]])] : nil
        }
        func offer(_ position: Int) {
            if let found = ranked(at: position) { places.insert(Place(rank: found.rank, position: position)) }
        }

        for position in 0..<end { offer(position) }
        while let place = places.removeFirst() {
            // A place may have changed since it was offered.
            guard !isMerged[place.position], let found = ranked(at: place.position), found.rank == place.rank else { continue }
            let swallowed = next[place.position]
            symbols[place.position] = found.result
            isMerged[swallowed] = true
            next[place.position] = next[swallowed]
            if next[swallowed] < end { previous[next[swallowed]] = place.position }
            offer(place.position)
            if previous[place.position] >= 0 { offer(previous[place.position]) }
        }
        return zip(symbols, isMerged).compactMap { $1 ? nil : $0 }
    }

    private struct Place: Comparable {
        let rank: Int
        let position: Int

        static func < (one: Place, other: Place) -> Bool {
            (one.rank, one.position) < (other.rank, other.position)
        }
    }
}

/// A binary heap whose first element is the least.
struct MinimumHeap<Element: Comparable> {
    private var elements: [Element] = []

    mutating func insert(_ element: Element) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0, elements[child] < elements[(child - 1) / 2] {
            elements.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() -> Element? {
        guard let first = elements.first else { return nil }
        elements.swapAt(0, elements.count - 1)
        elements.removeLast()
        var parent = 0
        while 2 * parent + 1 < elements.count {
            var child = 2 * parent + 1
            if child + 1 < elements.count, elements[child + 1] < elements[child] { child += 1 }
            guard elements[child] < elements[parent] else { break }
            elements.swapAt(parent, child)
            parent = child
        }
        return first
    }
}

/// The ids of words seen before. Captions repeat their words, so most are found here.
///
/// Unchecked because the lock guards the only mutable state.
private final class WordCache: @unchecked Sendable {
    private let lock = NSLock()
    private var ids: [[UInt8]: [Int]] = [:]

    /// Bounds keep hostile text from filling the memory: a word longer than any in a vocabulary is not worth a place.
    private static let words = 1 << 16
    private static let bytes = 64

    subscript(word: [UInt8]) -> [Int]? {
        get {
            guard word.count <= Self.bytes else { return nil }
            return lock.withLock { ids[word] }
        }
        set {
            guard word.count <= Self.bytes else { return }
            lock.withLock {
                if ids.count >= Self.words { ids.removeAll(keepingCapacity: true) }
                ids[word] = newValue
            }
        }
    }
}
