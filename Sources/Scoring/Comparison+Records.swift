import Foundation

extension Comparison {
    /// Summarises per-image records, with intervals resampled by caption.
    ///
    /// With `base`, each record is paired with the base's record of the same caption, seed and guidance, in whatever order they come.
    /// - Throws: ``ComparisonError`` if a record is repeated, lacks its partner or a score, or holds a number that is not finite. Nothing is
    ///   left out silently: dropping the images a diverged model spoilt would flatter it.
    public init(_ records: [ImageScores], base: [ImageScores]? = nil, bootstrap: Bootstrap = Bootstrap()) throws {
        guard let names = records.first?.scores.keys.sorted() else { throw ComparisonError.noRecords }
        let own = try Self.byImage(records, names: names)
        let others = try base.map { try Self.byImage($0, names: names) }
        if let others, let alone = Set(own.keys).symmetricDifference(others.keys).min() {
            throw ComparisonError.noPartner(caption: alone.caption, seed: alone.seed, guidance: alone.guidance)
        }
        let guidances = Dictionary(grouping: own.keys, by: \.guidance).mapValues { $0.sorted() }.sorted { $0.key < $1.key }
        let counts = guidances.map(\.value.count)
        guard Set(counts).count == 1 else { throw ComparisonError.unequalGuidances(guidances.map(\.key), counts: counts) }

        let captions = Set(own.keys.map(\.caption)).sorted()
        let groupOf = Dictionary(uniqueKeysWithValues: captions.enumerated().map { ($1, $0) })
        let results = guidances.map { guidance, images in
            let groups = images.map { groupOf[$0.caption]! }
            let scores = names.map { name in
                let after = images.map { own[$0]![name]! }
                let before = others.map { others in images.map { others[$0]![name]! } }
                return (name, Self.summary(name, after, before, groups: groups, bootstrap: bootstrap))
            }
            return GuidanceResult(guidance: guidance, scores: Dictionary(uniqueKeysWithValues: scores))
        }
        let perCaption = Dictionary(grouping: guidances[0].value, by: \.caption).map(\.value.count)
        self.init(n: counts[0], captions: captions.count, seeds: perCaption.max() ?? 0, results: results)
    }

    private static func summary(_ name: String, _ after: [Double], _ before: [Double]?, groups: [Int], bootstrap: Bootstrap) -> ScoreSummary {
        let mean = bootstrap.mean(after, groups: groups)
        guard let before else { return ScoreSummary(mean) }
        let (better, worse) = lowerIsBetter.contains(name) ? (before, after) : (after, before)
        return ScoreSummary(
            mean, base: bootstrap.mean(before, groups: groups), difference: bootstrap.difference(after, before, groups: groups),
            winRate: hasNoBetter.contains(name) ? nil : Bootstrap.winRate(better, over: worse))
    }

    private static func byImage(_ records: [ImageScores], names: [String]) throws -> [ImageKey: [String: Double]] {
        var scores: [ImageKey: [String: Double]] = [:]
        for record in records {
            let (caption, seed, guidance) = (record.caption, record.seed, record.guidance)
            let found = record.scores.keys.sorted()
            guard found == names else {
                throw ComparisonError.differentScores(caption: caption, seed: seed, guidance: guidance, expected: names, found: found)
            }
            if let (score, _) = record.scores.sorted(by: { $0.key < $1.key }).first(where: { !$0.value.isFinite }) {
                throw ComparisonError.notFinite(score: score, caption: caption, seed: seed, guidance: guidance)
            }
            guard scores.updateValue(record.scores, forKey: ImageKey(caption: caption, seed: seed, guidance: guidance)) == nil else {
                throw ComparisonError.repeated(caption: caption, seed: seed, guidance: guidance)
            }
        }
        return scores
    }
}

/// What two images must share to be compared; the order makes the bootstrap independent of the order of the records.
package struct ImageKey: Hashable, Comparable, Sendable {
    package var caption: String
    package var seed: UInt64
    package var guidance: Double

    package init(caption: String, seed: UInt64, guidance: Double) {
        self.caption = caption
        self.seed = seed
        self.guidance = guidance
    }

    package static func < (a: Self, b: Self) -> Bool { (a.guidance, a.caption, a.seed) < (b.guidance, b.caption, b.seed) }
}
