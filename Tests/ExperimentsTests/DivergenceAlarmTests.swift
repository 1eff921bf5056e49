import Alignment
import Diffusion
import Experiments
import Foundation
import Testing

/// The built-in model, a small one that really denoises: at rest nothing rings, and what leaves its winners is told soon.
@Suite struct DivergenceAlarmTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("divergence-\(UUID().uuidString)")

    private func alarms(_ method: Method.Name, learningRate: Double, batch: Int, updates: Int, seed: UInt64) throws -> [LoggedUpdate] {
        let winners = folder.appendingPathComponent("winners")
        if !FileManager.default.fileExists(atPath: winners.path) {
            try SceneFolder.write(SceneCorpus(quality: .good, split: .train, count: 40, seed: 3), to: winners)
        }
        var settings = AlignmentSettings.preset(model: BuiltInModel.scenes.rawValue, winners: winners.path)
        (settings.objective.method, settings.optimisation.learningRate, settings.optimisation.batch, settings.run.seed) = (method, learningRate, batch, seed)
        (settings.optimisation.iterations, settings.optimisation.updates, settings.sampling.steps, settings.validation.prompts) = (2, updates / 2, 2, 0)
        let run = try AlignmentRun.open(settings, in: folder.appendingPathComponent("\(method)-\(learningRate)-\(batch)-\(seed)"), resumes: false)
        var entries: [LoggedUpdate] = []
        do {
            try run.run(stopping: StopSignals([])) { entries.append($0) }
        } catch is RunError {
            // A run that diverges may end so.
        }
        return entries
    }

    @Test(arguments: [Method.Name.sft, .seppo], [1, 4]) func nothingRingsAtRest(_ method: Method.Name, batch: Int) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let entries = try alarms(method, learningRate: 0, batch: batch, updates: 40, seed: 1)
        #expect(entries.count == 40 && entries.allSatisfy { $0.alarms == nil })
        for entry in entries { #expect(abs(entry.winnerErrorRatio! - 1) < 1e-3) }
    }

    @Test(arguments: [Method.Name.sft, .seppo], [1, 4]) func aHundredTimesTheRateRings(_ method: Method.Name, batch: Int) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let entries = try alarms(method, learningRate: 1e-2, batch: batch, updates: 40, seed: 1)
        #expect(entries.contains { $0.alarms?.contains { $0.hasPrefix("divergence") } ?? false })
    }
}
