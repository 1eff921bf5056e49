/// Winners in two parts that have neither a caption nor a winning image in common.
///
/// Winners with the same caption or the same image belong together, and so do theirs in turn. Such a group is held out where a number drawn from the
/// seed and its first caption in alphabetical order falls below the share: what is added to a data set later leaves it where it was, unless it joins
/// two groups.
public struct HeldOutSplit: Sendable {
    /// In the order of the data set.
    public private(set) var train: [Winner] = []
    public private(set) var heldOut: [Winner] = []

    /// - Parameter share: of the groups, from 0 to 1
    public init(_ winners: [Winner], share: Double, seed: UInt64) {
        var groups = Groups(count: winners.count)
        var firstWithCaption: [String: Int] = [:]
        var firstWithImage: [String: Int] = [:]
        for (index, winner) in winners.enumerated() {
            for first in [firstWithCaption[winner.caption], firstWithImage[winner.image.digest]] {
                if let first { groups.join(first, index) }
            }
            firstWithCaption[winner.caption] = firstWithCaption[winner.caption] ?? index
            firstWithImage[winner.image.digest] = firstWithImage[winner.image.digest] ?? index
        }
        var names: [Int: String] = [:]
        for (index, winner) in winners.enumerated() {
            let group = groups.representative(of: index)
            names[group] = min(names[group] ?? winner.caption, winner.caption)
        }
        let isHeldOut = names.mapValues { Self.number($0, seed) < share }
        for (index, winner) in winners.enumerated() {
            if isHeldOut[groups.representative(of: index)]! { heldOut.append(winner) } else { train.append(winner) }
        }
    }

    /// From 0 to 1, 1 exclusive.
    private static func number(_ caption: String, _ seed: UInt64) -> Double {
        let digest = SHA256.hexadecimal(of: Array("held out \(seed)\n\(caption)".utf8))
        return Double(UInt64(digest.prefix(13), radix: 16)!) / Double(1 << 52)
    }
}

/// Disjoint sets of indices.
private struct Groups {
    private var parents: [Int]

    init(count: Int) { parents = Array(0..<count) }

    mutating func representative(of index: Int) -> Int {
        var index = index
        while parents[index] != index {
            parents[index] = parents[parents[index]]
            index = parents[index]
        }
        return index
    }

    mutating func join(_ a: Int, _ b: Int) { parents[representative(of: b)] = representative(of: a) }
}
