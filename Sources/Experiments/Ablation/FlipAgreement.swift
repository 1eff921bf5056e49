import Foundation
import Scoring
import Storage

/// How far the flip agrees with the oracle, with intervals resampled by caption.
public struct FlipAgreement: Codable, Equatable, Sendable {
    public var examples: Int
    /// The share of s = +1.
    public var positive: Interval
    /// The oracle's mean score of reference samples where s = −1 minus where s = +1: above 0 if the flip learns from the better ones.
    public var difference: Interval
    /// The share of all reference samples that score below the policy's own of the same start noise: what a flip of s = +1 always would hit.
    public var baseRate: Interval
    /// The same share among s = +1: the precision of "the reference is weaker, its sample is a loser".
    public var precision: Interval
    /// The share of reference samples that score above the policy's among s = −1.
    public var negativePrecision: Interval
    /// The area under the ROC curve of r_w − m_w for "the reference's sample scores below the policy's"; 0.5 is a coin.
    public var auc: Interval

    /// - Parameters:
    ///   - advantages: r_w − m_w
    ///   - reference: the oracle's score of the reference's sample
    ///   - policy: and of the policy's
    ///   - groups: the caption of each example, as any integer
    public init(advantages: [Double], reference: [Double], policy: [Double], groups: [Int], resamples: Int = 2000) {
        examples = advantages.count
        let indices = Array(advantages.indices)
        let isPositive = advantages.map { $0 > 0 }
        let isWorse = zip(reference, policy).map { $0 < $1 }
        let isBetter = zip(reference, policy).map { $0 > $1 }
        // Sorted once: a resample only changes the weights.
        let ranked = indices.sorted { advantages[$0] < advantages[$1] }
        func share(_ hit: [Bool], among chosen: [Bool]? = nil) -> ([Double]) -> Double {
            { weights in
                var (sum, total) = (0.0, 0.0)
                for i in indices where chosen?[i] ?? true {
                    total += weights[i]
                    if hit[i] { sum += weights[i] }
                }
                return sum / total
            }
        }
        func meanScore(_ positive: Bool, _ weights: [Double]) -> Double {
            var (sum, total) = (0.0, 0.0)
            for i in indices where isPositive[i] == positive {
                total += weights[i]
                sum += weights[i] * reference[i]
            }
            return sum / total
        }
        let statistics: [([Double]) -> Double] = [
            share(isPositive), { meanScore(false, $0) - meanScore(true, $0) }, share(isWorse), share(isWorse, among: isPositive),
            share(isBetter, among: isPositive.map { !$0 }), { Self.auc(advantages, isWorse, weights: $0, ranked: ranked) },
        ]
        let intervals = Self.intervals(statistics, groups: groups, resamples: resamples)
        (positive, difference, baseRate) = (intervals[0], intervals[1], intervals[2])
        (precision, negativePrecision, auc) = (intervals[3], intervals[4], intervals[5])
    }

    /// The chance that a positive example has the larger value than a negative one, ties counting half. NaN where one kind is missing.
    public static func auc(_ values: [Double], _ isPositive: [Bool]) -> Double {
        auc(values, isPositive, weights: values.map { _ in 1 }, ranked: values.indices.sorted { values[$0] < values[$1] })
    }

    private static func auc(_ values: [Double], _ isPositive: [Bool], weights: [Double], ranked: [Int]) -> Double {
        var (pairs, negatives, positives) = (0.0, 0.0, 0.0)
        var start = 0
        while start < ranked.count {
            var (tiedPositives, tiedNegatives) = (0.0, 0.0)
            var end = start
            while end < ranked.count, values[ranked[end]] == values[ranked[start]] {
                if isPositive[ranked[end]] { tiedPositives += weights[ranked[end]] } else { tiedNegatives += weights[ranked[end]] }
                end += 1
            }
            pairs += tiedPositives * (negatives + tiedNegatives / 2)
            negatives += tiedNegatives
            positives += tiedPositives
            start = end
        }
        return pairs / (positives * negatives)
    }

    /// Percentile intervals of any statistics of weighted examples; a resample draws whole groups.
    private static func intervals(_ statistics: [([Double]) -> Double], groups: [Int], resamples: Int) -> [Interval] {
        let distinct = Array(Set(groups)).sorted()
        let position = Dictionary(uniqueKeysWithValues: distinct.enumerated().map { ($1, $0) })
        let rows = groups.map { position[$0]! }
        let whole = [Double](repeating: 1, count: groups.count)
        var generator = SeededGenerator(seed: 0, purpose: "bootstrap flip", index: 0)
        var values = statistics.map { _ in [Double]() }
        for _ in 0..<resamples {
            var drawn = [Double](repeating: 0, count: distinct.count)
            for _ in distinct { drawn[generator.integer(below: distinct.count)] += 1 }
            let weights = rows.map { drawn[$0] }
            for (index, statistic) in statistics.enumerated() { values[index].append(statistic(weights)) }
        }
        return zip(statistics, values).map { statistic, values in
            let sorted = values.filter(\.isFinite).sorted()
            let mean = statistic(whole)
            guard sorted.count > 1 else { return Interval(mean: mean, low: mean, high: mean) }
            return Interval(mean: mean, low: Bootstrap.quantile(0.025, ofSorted: sorted), high: Bootstrap.quantile(0.975, ofSorted: sorted))
        }
    }
}
