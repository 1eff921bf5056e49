import Foundation
import Testing

@testable import Alignment

@Suite struct PairedErrorsTests {
    private func errors(_ policy: [Double], _ base: [Double]) -> PairedErrors {
        var errors = PairedErrors()
        errors.append(zip(policy, base).map { ($0, $1) })
        return errors
    }

    /// Errors as a denoiser's are: of very different sizes by timestep.
    private let base = (0..<64).map { 0.01 * pow(1.08, Double($0 * 37 % 64)) }

    @Test func aRatioClearOfTheBoundLiesAbove() {
        #expect(errors(base.map { $0 * 3 }, base).lieAbove(1.5))
        #expect(!errors(base.map { $0 * 1.4 }, base).lieAbove(1.5))
        #expect(!errors(base, base).lieAbove(1.5), "equal weights")
        #expect(abs(errors(base.map { $0 * 3 }, base).ratio! - 3) < 1e-12)
    }

    /// A few large errors make the mean ratio, and say little.
    @Test func aRatioAboveTheBoundByChanceDoesNot() {
        var policy = base
        policy[0] = 5000 * base[0]
        let rare = errors(policy, base)
        #expect(rare.ratio! > 1.5, "the twin without an interval would ring")
        #expect(!rare.lieAbove(1.5))
    }

    @Test func fewPairsTellNothing() {
        let seven = errors(Array(repeating: 9, count: 7), Array(repeating: 1, count: 7))
        let eight = errors(Array(repeating: 9, count: 8), Array(repeating: 1, count: 8))
        #expect(!seven.lieAbove(1.5) && eight.lieAbove(1.5))
        #expect(PairedErrors().ratio == nil && !PairedErrors().lieAbove(1.5))
    }

    @Test func onlyTheLatestCountAndOnlyFiniteOnes() {
        var long = errors(Array(repeating: 100, count: 64), Array(repeating: 1, count: 64))
        long.append([(.nan, 1), (1, .infinity)])
        #expect(long.count == 64 && long.ratio == 100)
        long.append(Array(repeating: (policy: 1.0, base: 1.0), count: 64))
        #expect(long == errors(Array(repeating: 1, count: 64), Array(repeating: 1, count: 64)))
    }

    /// Student's t at 0.999, from tables.
    @Test(arguments: [(7, 4.785), (10, 4.144), (20, 3.552), (30, 3.385), (60, 3.232)])
    func quantilesAreStudents(_ degrees: Int, _ expected: Double) {
        #expect(abs(PairedErrors.quantile(degreesOfFreedom: Double(degrees)) / expected - 1) < 0.03)
    }
}

@Suite struct AlarmsTests {
    private func entry(_ update: Int, skipped: Bool = false) -> LoggedUpdate {
        var entry = LoggedUpdate(update: update)
        entry.skipped = skipped ? 1 : 0
        return entry
    }

    @Test func saturationIsMostMarginsBeyondTen() {
        let alarms = Alarms(totalUpdates: 10)
        func raised(_ margins: [Double]) -> [String]? { alarms.raised(by: entry(1), margins: margins, errors: PairedErrors(), skipped: 0) }
        #expect(raised([11, -12, 0, 10]) == nil)
        #expect(raised([11, -12, 30, 10])?.first?.hasPrefix("saturation") == true)
        #expect(raised([]) == nil)
    }

    @Test func divergenceIsOfPairs() {
        var errors = PairedErrors()
        errors.append(Array(repeating: (policy: 2.0, base: 1.0), count: 8))
        #expect(Alarms(totalUpdates: 10).raised(by: entry(1), margins: [], errors: errors, skipped: 0)?.first?.hasPrefix("divergence") == true)
    }

    /// Beyond a tenth: of the updates so far, or of fifty where they are fewer, or of all where these are fewer still.
    @Test(arguments: [(1, 1, 1, true), (10, 2, 1, false), (10, 3, 2, true), (210, 5, 5, false), (210, 6, 6, true), (210, 100, 10, false), (210, 100, 11, true)])
    func moreThanATenthSkippedIsToldAtTheSkip(total: Int, update: Int, skipped: Int, isTold: Bool) {
        let alarms = Alarms(totalUpdates: total)
        func raised(_ entry: LoggedUpdate) -> Bool {
            alarms.raised(by: entry, margins: [], errors: PairedErrors(), skipped: skipped)?.contains { $0.contains("more than a tenth") } ?? false
        }
        #expect(raised(entry(update, skipped: true)) == isTold)
        #expect(!raised(entry(update)), "not again with every good update")
    }

    @Test func skippedLastUpdatesAreTold() {
        let alarms = Alarms(totalUpdates: 100)
        #expect(alarms.raised(by: entry(100, skipped: true), margins: [], errors: PairedErrors(), skipped: 1)?.first?.contains("the last updates") == true)
        #expect(alarms.raised(by: entry(99, skipped: true), margins: [], errors: PairedErrors(), skipped: 1) == nil)
        let nothing = alarms.raised(by: entry(100, skipped: true), margins: [], errors: PairedErrors(), skipped: 100)
        #expect(nothing?.contains { $0.contains("the last updates") } == false, "there is no model then")
    }
}
