import Foundation
import Storage

/// A mean with its 95 % interval.
public struct Interval: Codable, Equatable, Sendable {
    public var mean: Double
    /// The 2.5th percentile of the resampled means.
    public var low: Double
    /// The 97.5th percentile of the resampled means.
    public var high: Double

    public init(mean: Double, low: Double, high: Double) {
        self.mean = mean
        self.low = low
        self.high = high
    }

    /// Whether zero lies outside the interval: only then may a sentence say "rose" or "fell".
    public var excludesZero: Bool { low > 0 || high < 0 }
}

/// Percentile bootstrap over groups.
///
/// Images of one caption resemble each other, so they are not independent: a resample draws whole captions, with all their images. Drawing single
/// images instead would give intervals that are too narrow. The same seed and values always give the same interval.
public struct Bootstrap: Sendable {
    public var resamples: Int
    public var seed: UInt64
    /// The share of resampled means inside the interval.
    public var confidence: Double

    public init(resamples: Int = 10_000, seed: UInt64 = 0, confidence: Double = 0.95) {
        precondition(resamples > 0 && confidence > 0 && confidence < 1, "a bootstrap needs resamples and a confidence between 0 and 1")
        self.resamples = resamples
        self.seed = seed
        self.confidence = confidence
    }

    /// The mean of `values` and its interval; `groups[i]` is the group (caption) of `values[i]`, any integers.
    ///
    /// The mean is over values, not over group means: a caption with two images weighs twice as much as one with one. With a single group the
    /// interval has no width and means nothing; with no values all three numbers are NaN.
    public func mean(_ values: [Double], groups: [Int]) -> Interval {
        precondition(values.count == groups.count, "\(values.count) values, but \(groups.count) group indices")
        guard !values.isEmpty else { return Interval(mean: .nan, low: .nan, high: .nan) }
        let mean = values.reduce(0, +) / Double(values.count)
        guard mean.isFinite else { return Interval(mean: mean, low: .nan, high: .nan) }
        let means = resampledMeans(GroupTotals(values, groups: groups)).sorted()
        let tail = (1 - confidence) / 2
        return Interval(mean: mean, low: Self.quantile(tail, ofSorted: means), high: Self.quantile(1 - tail, ofSorted: means))
    }

    /// The mean of `after[i] − before[i]` and its interval: both come from the same caption and seed, so what makes a caption hard cancels.
    public func difference(_ after: [Double], _ before: [Double], groups: [Int]) -> Interval {
        precondition(after.count == before.count, "\(after.count) values after, but \(before.count) before")
        return mean(zip(after, before).map { $0 - $1 }, groups: groups)
    }

    /// The share of pairs in which `after[i]` is greater than `before[i]`; a tie counts half. NaN without pairs.
    public static func winRate(_ after: [Double], over before: [Double]) -> Double {
        precondition(after.count == before.count, "\(after.count) values after, but \(before.count) before")
        let points = zip(after, before).reduce(0.0) { $0 + ($1.0 > $1.1 ? 1 : $1.0 == $1.1 ? 0.5 : 0) }
        return points / Double(after.count)
    }

    /// The value at share `q` of a sorted list, interpolated linearly between neighbours (numpy's default).
    package static func quantile(_ q: Double, ofSorted values: [Double]) -> Double {
        let position = q * Double(values.count - 1)
        let below = Int(position)
        let above = min(below + 1, values.count - 1)
        return values[below] + (position - Double(below)) * (values[above] - values[below])
    }

    private func resampledMeans(_ totals: GroupTotals) -> [Double] {
        var generator = SeededGenerator(seed: seed, purpose: "bootstrap", index: 0)
        let groups = UInt64(totals.sums.count)
        // Two draws from each 64-bit number, each by the high half of a 32 × 32 bit product: its bias is groups / 2³², far below the
        // resampling noise, and it needs no division and no rejection.
        func draw(_ bits: UInt64) -> Int { Int(((bits & 0xFFFF_FFFF) &* groups) >> 32) }
        return totals.sums.withUnsafeBufferPointer { sums in
            totals.counts.withUnsafeBufferPointer { counts in
                (0..<resamples).map { _ in
                    var sum = 0.0
                    var count = 0.0
                    var drawn = 0
                    while drawn < sums.count {
                        let bits = generator.next()
                        let first = draw(bits)
                        sum += sums[first]
                        count += counts[first]
                        drawn += 1
                        guard drawn < sums.count else { break }
                        let second = draw(bits >> 32)
                        sum += sums[second]
                        count += counts[second]
                        drawn += 1
                    }
                    return sum / count
                }
            }
        }
    }
}

/// Sum and number of the values of each group: all a resample of the mean needs.
private struct GroupTotals {
    var sums: [Double] = []
    var counts: [Double] = []

    init(_ values: [Double], groups: [Int]) {
        var positions: [Int: Int] = [:]
        for (value, group) in zip(values, groups) {
            if let position = positions[group] {
                sums[position] += value
                counts[position] += 1
            } else {
                positions[group] = sums.count
                sums.append(value)
                counts.append(1)
            }
        }
    }
}
