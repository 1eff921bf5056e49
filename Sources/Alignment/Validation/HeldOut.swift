import Datasets
import Torch

/// Which winners a run trains on, and which it only measures.
///
/// The choice hangs on captions and seed alone, and winners of one caption stay on one side: a picture of a caption that was trained on would be known
/// too well.
public struct HeldOut: Sendable, Equatable {
    /// Rows of the winners, ascending.
    public let rows: [Int]
    public let training: [Int]

    /// More tell little more, and cost at every checkpoint.
    static let most = 64
    /// From so many winners on, one at least is held out.
    static let fewestWinners = 20

    /// - Parameters:
    ///   - captions: of the winners, row by row
    ///   - share: of the winners that is held out, 0 for none
    public init(captions: [String], share: Double, seed: UInt64) {
        let count = captions.count
        let least = share > 0 && count >= Self.fewestWinners ? 1 : 0
        // A little is added for shares such as 0.05, which binary numbers miss.
        let target = min(Self.most, count / 2, max(least, Int(share * Double(count) + 1e-9)))
        func rank(_ caption: String) -> UInt64 {
            SeededGenerator.seed(seed, "held-out", Int(truncatingIfNeeded: SeededGenerator.fnv1a(caption)))
        }
        let groups = Dictionary(grouping: captions.indices) { captions[$0] }
        let shuffled = groups.map { (caption: $0, rows: $1, rank: rank($0)) }.sorted { ($0.rank, $0.caption) < ($1.rank, $1.caption) }
        var chosen: [Int] = []
        for group in shuffled where chosen.count + group.rows.count <= target { chosen += group.rows }
        // Where every caption has more winners than the target, the smallest group: some measure is better than none, half of the data is too much.
        if chosen.isEmpty, target > 0, let smallest = shuffled.min(by: { $0.rows.count < $1.rows.count }),
            smallest.rows.count <= min(Self.most, count / 2)
        {
            chosen = smallest.rows
        }
        let isChosen = Set(chosen)
        rows = chosen.sorted()
        training = captions.indices.filter { !isChosen.contains($0) }
    }
}

extension HeldOut {
    /// Of a run's winners.
    init(of winners: EncodedWinners, _ settings: AlignmentSettings) {
        self.init(captions: winners.captions, share: settings.heldOut, seed: settings.seed)
    }
}
