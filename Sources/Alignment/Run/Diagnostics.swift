import Torch

/// What an update logs, gathered over the parts of its batch.
struct Diagnostics: Codable, Sendable {
    private var losses: [Double] = []
    private var winnerErrors: [Double] = []
    private var loserErrors: [Double] = []
    private var referenceWinnerErrors: [Double] = []
    private var referenceLoserErrors: [Double] = []
    private(set) var margins: [Double] = []
    /// How noisy the examples were, 0 … 1.
    private var levels: [Double] = []
    /// Errors on winners that checkpoint 0 was measured on, too, and what it made of them.
    private var pairedErrors: [Double] = []
    private var baseErrors: [Double] = []

    var pairsWithBase: [(policy: Double, base: Double)] { zip(pairedErrors, baseErrors).map { ($0, $1) } }
    var loss: Double { mean(losses) ?? .nan }

    mutating func append(_ e: DenoisingErrors, _ value: PreferenceObjective.Value, levels: [Double]) {
        losses += value.losses.values(Double.self)
        winnerErrors += e.policyWinner.values(Double.self)
        loserErrors += e.policyLoser.values(Double.self)
        referenceWinnerErrors += e.referenceWinner.values(Double.self)
        referenceLoserErrors += e.referenceLoser.values(Double.self)
        margins += value.margin.values(Double.self)
        self.levels += levels
    }

    mutating func append(_ other: Diagnostics) {
        losses += other.losses
        winnerErrors += other.winnerErrors
        loserErrors += other.loserErrors
        referenceWinnerErrors += other.referenceWinnerErrors
        referenceLoserErrors += other.referenceLoserErrors
        margins += other.margins
        levels += other.levels
        pairedErrors += other.pairedErrors
        baseErrors += other.baseErrors
    }

    /// Notes what checkpoint 0 makes of the winners at `places` among those appended.
    mutating func appendBase(_ errors: [Double], at places: [Int]) {
        pairedErrors += places.map { winnerErrors[$0] }
        baseErrors += errors
    }

    /// Notes that the reference is checkpoint 0: every winner was measured on both.
    mutating func takeReferenceAsBase() {
        (pairedErrors, baseErrors) = (winnerErrors, referenceWinnerErrors)
    }

    mutating func append(winnerErrors errors: Tensor) {
        winnerErrors += errors.values(Double.self)
        losses += errors.values(Double.self)
    }

    func fill(_ entry: inout LoggedUpdate, k: Int, reference: Int?) {
        entry.loss = finite(loss)
        entry.winnerError = mean(winnerErrors)
        guard let reference else { return }
        entry.sampleError = mean(loserErrors)
        entry.referenceWinnerError = mean(referenceWinnerErrors)
        entry.referenceSampleError = mean(referenceLoserErrors)
        entry.margin = mean(margins)
        entry.marginQuantiles = margins.allSatisfy(\.isFinite) ? quantiles([0.05, 0.25, 0.5, 0.75, 0.95]) : nil
        let advantages = zip(referenceWinnerErrors, winnerErrors).map { $0 - $1 }
        entry.flipPositive = share(advantages) { $0 > 0 }
        entry.flipZero = share(advantages) { $0 == 0 }
        entry.flipNegative = share(advantages) { $0 < 0 }
        entry.flipByAge = (1...k).map { $0 == k - reference ? entry.flipPositive : nil }
        entry.flipByTimestep = (0..<4).map { quarter in
            share(zip(advantages, levels).filter { Int($1 * 4) == quarter }.map(\.0)) { $0 > 0 }
        }
        entry.accuracy = share(margins) { $0 > 0 }
    }

    private func mean(_ values: [Double]) -> Double? { values.isEmpty ? nil : finite(values.reduce(0, +) / Double(values.count)) }

    private func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }

    private func share(_ values: [Double], _ holds: (Double) -> Bool) -> Double? {
        values.isEmpty ? nil : Double(values.filter(holds).count) / Double(values.count)
    }

    /// Interpolated between neighbours.
    private func quantiles(_ fractions: [Double]) -> [Double] {
        let sorted = margins.sorted()
        return fractions.map { fraction in
            let position = fraction * Double(sorted.count - 1)
            let below = Int(position)
            let above = min(below + 1, sorted.count - 1)
            return sorted[below] + (sorted[above] - sorted[below]) * (position - Double(below))
        }
    }
}
