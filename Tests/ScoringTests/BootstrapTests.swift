import Foundation
import Storage
import TestFiles
import Testing
import Torch

@testable import Scoring

@Suite struct BootstrapTests {
    /// `count` normal deviates by Box and Muller: a distribution whose mean has an interval in closed form.
    private func normals(_ count: Int, deviation: Double, seed: UInt64 = 1) -> [Double] {
        var generator = SeededGenerator(seed: seed, purpose: "test", index: 0)
        return (0..<count).map { _ in
            let radius = (-2 * log(1 - generator.uniform())).squareRoot()
            return deviation * radius * cos(2 * .pi * generator.uniform())
        }
    }

    private func deviation(_ values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(values.count)
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
    }

    @Test func intervalOfNormalMeanMatchesClosedForm() {
        let values = normals(400, deviation: 3)
        let interval = Bootstrap().mean(values, groups: Array(values.indices))
        let expected = 1.96 * deviation(values) / Double(values.count).squareRoot()
        #expect(abs(interval.high - interval.mean - expected) < 0.04 * expected)
        #expect(abs(interval.mean - interval.low - expected) < 0.04 * expected)
    }

    /// Two equal images a caption carry the information of one, so the interval is that of the captions alone, √2 wider than the one that
    /// (wrongly) takes the images as independent.
    @Test func imagesOfOneCaptionAreNotIndependent() {
        let captions = normals(200, deviation: 1)
        let doubled = captions.flatMap { [$0, $0] }
        let byCaption = Bootstrap().mean(doubled, groups: doubled.indices.map { $0 / 2 })
        let byImage = Bootstrap().mean(doubled, groups: Array(doubled.indices))
        let ratio = (byCaption.high - byCaption.low) / (byImage.high - byImage.low)
        #expect(abs(ratio - 2.0.squareRoot()) < 0.06)
    }

    @Test func pairingRemovesWhatBothShare() {
        let hard = normals(100, deviation: 10)
        let noise = normals(100, deviation: 0.1, seed: 2)
        let after = zip(hard, noise).map { $0 + 0.5 + $1 }
        let groups = Array(hard.indices)
        let paired = Bootstrap().difference(after, hard, groups: groups)
        #expect(paired.excludesZero && paired.high - paired.low < 0.1)
        let unpaired = Bootstrap().mean(after, groups: groups)
        #expect(unpaired.high - unpaired.low > 2)
    }

    @Test func handValues() {
        // Two groups of sums 0 and 2, two values each: resampled means are 0 (¼), ½ (½) and 1 (¼).
        let interval = Bootstrap().mean([0, 0, 1, 1], groups: [7, 7, -3, -3])
        #expect(interval == Interval(mean: 0.5, low: 0, high: 1))
        #expect(Bootstrap().mean([4, 4, 4], groups: [0, 1, 2]) == Interval(mean: 4, low: 4, high: 4))
        #expect(Bootstrap.quantile(0.25, ofSorted: [0, 10]) == 2.5)
        #expect(Bootstrap.quantile(1, ofSorted: [0, 10]) == 10)
    }

    @Test func groupsOfDifferentSizes() {
        // Means over values: {0, 0, 0, 4} → 1; drawing only the group of one gives 4, only the group of three gives 0.
        let interval = Bootstrap().mean([0, 0, 0, 4], groups: [0, 0, 0, 1])
        #expect(interval == Interval(mean: 1, low: 0, high: 4))
    }

    @Test func tiesCountHalf() {
        #expect(Bootstrap.winRate([1, 2, 3, 4], over: [0, 2, 4, 3]) == 0.625)
        #expect(Bootstrap.winRate([], over: []).isNaN)
    }

    @Test func sameSeedSameInterval() {
        let values = normals(50, deviation: 1)
        let groups = Array(values.indices)
        #expect(Bootstrap(seed: 3).mean(values, groups: groups) == Bootstrap(seed: 3).mean(values, groups: groups))
        #expect(Bootstrap(seed: 3).mean(values, groups: groups) != Bootstrap(seed: 4).mean(values, groups: groups))
    }

    @Test func withoutValuesNothingIsClaimed() {
        let empty = Bootstrap().mean([], groups: [])
        #expect(empty.mean.isNaN && !empty.excludesZero)
        #expect(!Bootstrap().mean([1, .infinity], groups: [0, 1]).excludesZero)
    }
}
