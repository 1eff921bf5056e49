import Alignment
import Foundation
import TestFiles
import Testing

@testable import Experiments
@testable import Pages
@testable import Scoring

@Suite struct AblationTests {
    private func result(
        _ split: SceneSplit, _ method: AblationMethod?, _ setting: AblationSetting?, seed: UInt64, quality: Double?, plan: AblationPlan = AblationPlan()
    ) -> AblationResult {
        var result = AblationResult(job: AblationJob(split, method, setting, seed: seed, plan: plan))
        if let quality {
            result.records = ["a", "b", "c"].flatMap { caption in
                [1.0, 3.0].map { guidance in
                    ImageScores(
                        caption: caption, seed: 0, guidance: guidance, scores: ["quality": quality + (guidance == 3 ? 0.1 : 0), "faithfulness": quality / 2])
                }
            }
        } else {
            result.failure = "not finite"
        }
        return result
    }

    private let sft = AblationMethod.all.first { $0.id == "sft" }!
    private let spin = AblationMethod.all.first { $0.id == "spin" }!

    @Test func methodsCoverTheTableAndTheGrid() {
        let cells = ReferenceRule.allCases.flatMap { reference in Flip.allCases.map { AblationMethod.id(reference, $0) } }
        #expect(Set(cells).count == 9)
        #expect(Set(AblationMethod.all.map(\.id)).count == AblationMethod.all.count)
        #expect(Set(AblationMethod.all.map(\.id)) == Set(cells + ["dpo", "sft"]))
        #expect(AblationMethod.id(.latest, .none) == "spin" && AblationMethod.id(.random, .indicator) == "sspo")
    }

    @Test func jobsHaveNamesOfTheirOwn() {
        let plan = AblationPlan()
        let best = Dictionary(uniqueKeysWithValues: plan.methods.map { ($0.id, plan.settings(of: $0)[0]) })
        let jobs = plan.sweepJobs + plan.finalJobs(best)
        #expect(Set(jobs.map(\.name)).count == jobs.count)
        #expect(plan.settings(of: sft).count == plan.learningRates.count)
        #expect(jobs.filter { $0.flipExamples > 0 }.count == plan.seeds)
    }

    @Test func bestSettingHasTheHighestMeanQuality() {
        let settings = [50.0, 500, 5000].map { AblationSetting(learningRate: 1e-4, beta: $0) }
        let sweep = zip(settings, [0.5, 0.7, 0.6]).map { result(.tune, spin, $0, seed: 100, quality: $1) } + [result(.tune, nil, nil, seed: 0, quality: 0.9)]
        #expect(AblationChoice.best(sweep) == ["spin": settings[1]])
    }

    @Test func failedRunIsNeverBestAndTiesGoToTheGentler() {
        let hot = AblationSetting(learningRate: 2e-4, beta: 5000)
        let mild = AblationSetting(learningRate: 1e-4, beta: 50)
        let milder = AblationSetting(learningRate: 1e-4, beta: 500)
        let sweep = [
            result(.tune, spin, hot, seed: 100, quality: nil), result(.tune, spin, mild, seed: 100, quality: 0.4),
            result(.tune, spin, milder, seed: 100, quality: 0.4),
        ]
        #expect(AblationChoice.best(sweep)["spin"] == milder)
        #expect(AblationChoice.best(sweep.reversed())["spin"] == milder)
    }

    @Test func aFinishedJobIsNotRunAgain() throws {
        let folder = AblationFolder(FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString))
        defer { try? FileManager.default.removeItem(at: folder.root) }
        let setting = AblationSetting(learningRate: 1e-4, beta: 50)
        let done = result(.tune, spin, setting, seed: 100, quality: 0.5)
        try folder.keep(done)
        let queue = AblationQueue(folder, width: 2)
        let fails = URL(fileURLWithPath: "/bin/false")
        let results = try queue.run([done.job], executable: fails, arguments: { _ in [] }, signals: StopSignals()) { _, _, _ in }
        #expect(results == [done])
        // The twin: the same job with one number changed is due again, and its failing child is an error.
        var plan = AblationPlan()
        plan.updates += 1
        let changed = AblationJob(.tune, spin, setting, seed: 100, plan: plan)
        #expect(changed.name == done.job.name && queue.pending([done.job, changed]) == [changed])
        #expect(throws: AblationError.self) {
            try queue.run([changed], executable: fails, arguments: { _ in [] }, signals: StopSignals()) { _, _, _ in }
        }
    }

    @Test func tableSaysWhatTheResultsSay() throws {
        var plan = AblationPlan()
        plan.methods = [spin, sft]
        plan.seeds = 2
        plan.flipExamples = 0
        let (a, b) = (AblationSetting(learningRate: 1e-4, beta: 500), AblationSetting(learningRate: 1e-4, beta: nil))
        let sweep = [result(.tune, spin, a, seed: 100, quality: 0.5, plan: plan), result(.tune, sft, b, seed: 100, quality: 0.5, plan: plan)]
        let finals =
            [result(.heldOut, nil, nil, seed: 0, quality: 0.4, plan: plan)]
            + [0.5, 0.7].enumerated().map { result(.heldOut, spin, a, seed: UInt64($0), quality: $1, plan: plan) }
            + [0.8, nil].enumerated().map { result(.heldOut, sft, b, seed: UInt64($0), quality: $1, plan: plan) }
        let comparison = AblationComparison(plan, sweep: sweep, finals: finals)
        let score = comparison.rows[0].score("quality", 1)
        #expect(abs(score.mean - 0.6) < 1e-12 && abs(score.overBase!.mean - 0.2) < 1e-12)
        #expect(abs(score.overSFT!.mean - 0.2) < 1e-12 && score.overSePPO == nil && score.seeds.count == 2)
        #expect(comparison.rows[1].failures == 1 && abs(comparison.rows[1].score("quality", 1).mean - 0.4) < 1e-12)
        let text = comparison.markdown
        #expect(text.contains("| SPIN-Diffusion | 0.0001 | 500 | 0.600 (+0.200 [+0.200, +0.200])"))
        #expect(text.contains("SFT (1 of 2 runs failed)"))
        #expect(try JSONDecoder().decode(AblationComparison.self, from: JSONEncoder().encode(comparison)).rows == comparison.rows)
    }
}

@Suite struct FlipAgreementTests {
    @Test func areaHasItsClosedForms() {
        #expect(FlipAgreement.auc([1, 2, 3, 4], [false, false, true, true]) == 1)
        #expect(FlipAgreement.auc([1, 2, 3, 4], [true, true, false, false]) == 0)
        #expect(FlipAgreement.auc([5, 5, 5, 5], [true, false, true, false]) == 0.5)
        // Of the four pairs (1, 2), (1, 4), (3, 2), (3, 4) the positive is above in one.
        #expect(FlipAgreement.auc([1, 2, 3, 4], [true, false, true, false]) == 0.25)
        #expect(FlipAgreement.auc([1, 2], [true, true]).isNaN)
    }

    @Test func flipThatKnowsTheOracleIsPerfectAndItsOppositeIsNot() {
        let policy = (0..<40).map { 0.3 + 0.01 * Double($0) }
        let reference = (0..<40).map { $0 % 2 == 0 ? 0.2 : 0.9 }
        let knowing = zip(policy, reference).map { $0 - $1 }
        let groups = (0..<40).map { $0 / 2 }
        let agreement = FlipAgreement(advantages: knowing, reference: reference, policy: policy, groups: groups, resamples: 100)
        #expect(agreement.precision.mean == 1 && agreement.negativePrecision.mean == 1 && agreement.auc.mean == 1)
        #expect(agreement.baseRate.mean == 0.5 && agreement.positive.mean == 0.5 && abs(agreement.difference.mean - 0.7) < 1e-12)
        let opposite = FlipAgreement(advantages: knowing.map { -$0 }, reference: reference, policy: policy, groups: groups, resamples: 100)
        #expect(opposite.precision.mean == 0 && opposite.auc.mean == 0 && opposite.difference.mean < 0)
    }
}
