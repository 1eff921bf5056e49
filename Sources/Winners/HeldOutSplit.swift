import Storage

/// Which winners are trained on, and which are held out to be measured: nothing that is trained on is measured. The one rule of alignments and of
/// data sets that are written in two parts.
///
/// Winners that have a caption or a picture in common, be it the winning or the losing one, belong together, and so do theirs in turn: such a group
/// stays on one side. Groups come in an order drawn from the seed and their first caption in alphabetical order; each is held out that still fits.
/// Where captions are so few that less than half of the share would be held out like this, winners are held out by their pictures alone.
///
/// At most the share is held out, rounded down, but one of ``fewestWinners`` or more, and never all.
public struct HeldOutSplit: Sendable, Equatable {
    public enum Rule: Sendable {
        case captionsAndPictures
        /// Captions of what is measured may be trained on, under other pictures.
        case pictures
    }

    /// Rows of the winners, ascending.
    public let heldOut: [Int]
    public let training: [Int]
    public let rule: Rule
    private let share: Double

    /// From so many winners on, one at least is held out.
    public static let fewestWinners = 20

    /// - Parameters:
    ///   - share: of the winners, from 0 to 1, 1 exclusive
    ///   - most: hold out no more than that many
    public init(_ winners: [Winner], share: Double, seed: UInt64, most: Int = .max) {
        let count = winners.count
        let least = share > 0 && count >= Self.fewestWinners ? 1 : 0
        // A little is added for shares such as 0.05, which binary numbers miss.
        let target = max(0, min(most, max(least, Int(share * Double(count) + 1e-9)), count - 1))
        let pictures = winners.map { winner in [winner.image.digest] + (winner.loser.map { [$0.digest] } ?? []) }
        // A tokenizer does not look at case.
        let both = zip(winners, pictures).map { winner, pictures in winner.captions.map { "caption " + $0.lowercased() } + pictures }
        let strict = Self.chosen(Groups(both), names: winners.map { $0.captions.min()! }, target, seed)
        if 2 * strict.count >= target {
            (heldOut, rule) = (strict, .captionsAndPictures)
        } else {
            (heldOut, rule) = (Self.chosen(Groups(pictures), names: winners.map(\.image.digest), target, seed), .pictures)
        }
        let isHeldOut = Set(heldOut)
        training = winners.indices.filter { !isHeldOut.contains($0) }
        self.share = share
    }

    /// Whole groups, in their drawn order, as many as fit.
    private static func chosen(_ groups: Groups, names: [String], _ target: Int, _ seed: UInt64) -> [Int] {
        guard target > 0 else { return [] }
        var groups = groups
        var rows: [Int: [Int]] = [:]
        for row in names.indices { rows[groups.representative(of: row), default: []].append(row) }
        let drawn = rows.values.map { rows in
            let name = rows.lazy.map { names[$0] }.min()!
            return (rank: SeededGenerator.seed(seed, "held-out", Int(truncatingIfNeeded: SeededGenerator.fnv1a(name))), name: name, rows: rows)
        }
        var chosen: [Int] = []
        for group in drawn.sorted(by: { ($0.rank, $0.name) < ($1.rank, $1.name) }) where chosen.count + group.rows.count <= target { chosen += group.rows }
        return chosen.sorted()
    }

    /// What is held out and why no more, for people; nil where nothing was to be.
    public var description: String? {
        guard share > 0 else { return nil }
        let count = heldOut.count + training.count
        if heldOut.isEmpty {
            let reason = share * Double(count) < 1 ? "is less than one" : "cannot be had without a picture that is trained on"
            return "none is held out: \(share) of \(count) \(count == 1 ? "winner" : "winners") \(reason)"
        }
        switch rule {
        case .captionsAndPictures: return "\(heldOut.count) of \(count) winners are held out: none of their captions and pictures is trained on"
        case .pictures:
            return "\(heldOut.count) of \(count) winners are held out by their pictures alone: there are too few captions to train on others than are measured"
        }
    }
}

/// Rows in disjoint sets: those that have a part in common, and theirs in turn.
private struct Groups {
    private var parents: [Int]

    /// - Parameter parts: of each row
    init(_ parts: [[String]]) {
        parents = Array(parts.indices)
        var firsts: [String: Int] = [:]
        for (row, parts) in parts.enumerated() {
            for part in parts {
                if let first = firsts[part] { parents[representative(of: row)] = representative(of: first) } else { firsts[part] = row }
            }
        }
    }

    mutating func representative(of row: Int) -> Int {
        var row = row
        while parents[row] != row {
            parents[row] = parents[parents[row]]
            row = parents[row]
        }
        return row
    }
}
