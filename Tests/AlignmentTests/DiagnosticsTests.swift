import Foundation
import Testing
import Torch

@testable import Alignment

@Suite struct DiagnosticsTests {
    private func entry(
        policyWinner: [Float], referenceWinner: [Float], margins: [Float], timesteps: [Int], k: Int = 3, reference: Int = 1
    ) -> LoggedUpdate {
        let zeros = Tensor.zeros([margins.count])
        let errors = DenoisingErrors(
            policyWinner: Tensor(policyWinner), policyLoser: zeros, referenceWinner: Tensor(referenceWinner), referenceLoser: zeros)
        let margin = Tensor(margins)
        let value = PreferenceObjective.Value(losses: -margin.logSigmoid, margin: margin, sign: zeros)
        var diagnostics = Diagnostics()
        diagnostics.append(errors, value, levels: timesteps.map { Double($0) / 1000 })
        var entry = LoggedUpdate(update: 1)
        diagnostics.fill(&entry, k: k, reference: reference)
        return entry
    }

    @Test func sharesByAgeAndTimestep() {
        let entry = entry(
            policyWinner: [1, 2, 3, 4, 5], referenceWinner: [2, 2, 2, 5, 4], margins: [0.5, -1, 0, 2, -3], timesteps: [0, 249, 250, 999, 700])
        #expect(entry.flipPositive == 0.4 && entry.flipZero == 0.2 && entry.flipNegative == 0.4)
        #expect(entry.flipByAge == [nil, 0.4, nil], "age k - ref = 2")
        #expect(entry.flipByTimestep == [0.5, 0, 0, 1])
        #expect(entry.accuracy == 0.4, "a margin of 0 is not accurate")
        #expect(entry.winnerError == 3 && entry.referenceWinnerError == 3 && entry.sampleError == 0)
        #expect(abs(entry.margin! - (-0.3)) < 1e-7)
    }

    @Test func aQuarterWithoutExamplesIsNull() {
        let entry = entry(policyWinner: [1], referenceWinner: [2], margins: [0], timesteps: [500], k: 1, reference: 0)
        #expect(entry.flipByTimestep == [nil, nil, 1, nil])
        #expect(entry.flipByAge == [1])
        #expect(abs(entry.loss! - log(2)) < 1e-7)
    }

    /// `numpy.quantile(x, [0.05, 0.25, 0.5, 0.75, 0.95])`.
    @Test(
        arguments: [
            ([3, -1, 4, 1, -5, 9, 2, -6], [-5.65, -2.0, 1.5, 3.25, 7.25]),
            ([2, 1, 10], [1.1, 1.5, 2.0, 6.0, 9.2]),
            ([7], [7, 7, 7, 7, 7]),
        ] as [([Float], [Double])])
    func quantilesAreNumpys(_ margins: [Float], _ expected: [Double]) throws {
        let ones = margins.map { _ in Float(1) }
        let given = try #require(
            entry(policyWinner: ones, referenceWinner: ones, margins: margins, timesteps: margins.map { _ in 0 }).marginQuantiles)
        for (a, b) in zip(given, expected) { #expect(abs(a - b) < 1e-12) }
        #expect(given.count == 5)
    }

    @Test func whatIsNotFiniteIsLeftOutOfTheLog() throws {
        let entry = entry(policyWinner: [.nan, 1], referenceWinner: [1, 1], margins: [.nan, 1], timesteps: [0, 0])
        #expect(entry.loss == nil && entry.winnerError == nil && entry.margin == nil && entry.marginQuantiles == nil)
        _ = try JSONEncoder().encode(entry)
    }
}

@Suite struct ShuffledOrderTests {
    @Test(arguments: [1, 2, 7, 30]) func everyPassIsAPermutation(_ count: Int) {
        var order = ShuffledOrder(count: count, seed: 3, purpose: "order")
        let passes = (0..<20).map { _ in order.next(count) }
        for pass in passes { #expect(pass.sorted() == Array(0..<count)) }
        if count >= 7 { #expect(Set(passes).count == 20, "another order in every pass") }
    }

    @Test func aPositionStandsOnItsOwn() {
        var whole = ShuffledOrder(count: 7, seed: 3, purpose: "order")
        let all = whole.next(40)
        for position in 0..<40 {
            var order = ShuffledOrder(count: 7, seed: 3, purpose: "order", position: position)
            #expect(order.next(40 - position) == Array(all[position...]))
        }
        var other = ShuffledOrder(count: 7, seed: 4, purpose: "order")
        #expect(other.next(40) != all)
        var purpose = ShuffledOrder(count: 7, seed: 3, purpose: "another")
        #expect(purpose.next(40) != all)
    }

    @Test func everyWinnerComesFirstEquallyOften() {
        var counts = [Int](repeating: 0, count: 5)
        for seed in 0..<5000 {
            var order = ShuffledOrder(count: 5, seed: UInt64(seed), purpose: "order")
            counts[order.next(1)[0]] += 1
        }
        // χ² with four degrees of freedom, 0.9999.
        #expect(counts.reduce(0) { $0 + pow(Double($1) - 1000, 2) / 1000 } < 23.51)
    }
}
