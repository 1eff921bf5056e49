import Datasets
import Diffusion
import Foundation
import Layers
import TestSupport
import Testing
import Torch

@testable import Alignment

/// What checkpoint 0 is measured on beside the training.
@Suite struct WatchedExamplesTests {
    let world: TinyWorld

    init() throws { world = try TinyWorld() }

    @Test func theyTakeAFiftiethOfTheForwardPasses() {
        for method in Method.Name.allCases {
            for steps in [1, 10, 50] {
                let settings = world.settings { ($0.method, $0.sampleSteps, $0.guidance) = (method, steps, 3) }
                let watched = WatchedExamples(settings)
                let later = (10_000..<20_000).count(where: watched.contains)
                #expect(Double(later) <= 0.02 * 10_000 * settings.forwardPasses + 1)
                #expect((0..<128).count(where: watched.contains) >= 32)
            }
        }
    }

    @Test func theyChangeNoGradient() throws {
        for method in [Method.Name.sft, .seppo] {
            let settings = world.settings { ($0.method, $0.batch) = (method, 8) }
            let winners = try world.encoded(settings)
            let pipeline = world.pipeline.denoising
            let gradients = ExampleGradients(settings, winners, pipeline.schedule, try pipeline.latentSampler(settings.sampling))
            func gradient(base: UNet?) throws -> (bits: [String: Tensor], pairs: Int) {
                let store = ParameterStore(pipeline.unetTensors, isTrainable: true)
                let policy = try store.build { UNet($0, pipeline.unet.configuration) }
                let rows = (0..<8).map { $0 % winners.count }
                let outcome = try gradients.add(
                    rows: rows, numbers: 0..<8, policy: policy, .init(reference: method == .sft ? nil : pipeline.unet, base: base))
                let bits = store.trained.compactMap { entry in entry.value.gradient.map { (entry.name, $0) } }
                return (Dictionary(uniqueKeysWithValues: bits), outcome.diagnostics.pairsWithBase.count)
            }
            let (plain, watched) = (try gradient(base: nil), try gradient(base: pipeline.unet))
            #expect(plain.pairs == 0 && watched.pairs >= 2)
            #expect(!plain.bits.isEmpty && sameBits(plain.bits, watched.bits))
        }
    }

    /// The reference itself, where that is checkpoint 0, and the same pairs in any parts of a batch.
    @Test func pairsAreTheSameInParts() throws {
        func ratios(_ size: Int, _ method: Method.Name) throws -> [Double?] {
            let settings = world.settings { ($0.method, $0.batch, $0.microBatch, $0.iterations, $0.updates) = (method, 8, size, 2, 4) }
            return try world.train(settings, in: "\(method)-\(size)").entries().map(\.winnerErrorRatio)
        }
        for method in [Method.Name.sft, .spin] {
            let (whole, parts) = (try ratios(0, method), try ratios(3, method))
            #expect(whole.count == 8 && whole.allSatisfy { $0 != nil })
            for (a, b) in zip(whole, parts) { #expect(abs(a! - b!) < 1e-4) }
            #expect(abs(whole[0]! - 1) < 1e-5, "before the first step the policy is checkpoint 0")
            #expect(abs(whole[7]! - 1) > 1e-5)
        }
    }

    /// One that is a file of the run, beside adapters that were begun elsewhere.
    @Test func checkpoint0OfAdaptersFromAFileIsWhatTheyBeganWith() throws {
        let first = try world.train(world.settings { ($0.method, $0.lora, $0.learningRate) = (.sft, 2, 1e-2) }, in: "first")
        let settings = world.settings { ($0.method, $0.loraFrom, $0.batch, $0.learningRate) = (.spin, first.adapters.path, 8, 1e-3) }
        let entries = try world.train(settings, in: "second").entries()
        #expect(abs(entries[0].winnerErrorRatio! - 1) < 1e-5)
    }

    @Test func countersOfFormerVersionsAreRead() throws {
        let json = #"{"updates":3,"skipsInARow":0,"firstWinnerErrors":[1,2],"recentWinnerErrors":[1,2,3],"position":12}"#
        let counters = try JSONDecoder().decode(RunState.Counters.self, from: Data(json.utf8))
        #expect(counters.updates == 3 && counters.winnerErrors == nil)
    }
}

/// The built-in model, a small one that really denoises: at rest nothing rings, and what leaves its winners is told soon.
@Suite struct DivergenceAlarmTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("divergence-\(UUID().uuidString)")

    private func alarms(_ method: Method.Name, learningRate: Double, batch: Int, updates: Int, seed: UInt64) throws -> [LoggedUpdate] {
        let winners = folder.appendingPathComponent("winners")
        if !FileManager.default.fileExists(atPath: winners.path) {
            try SceneFolder.write(SceneCorpus(quality: .good, split: .train, count: 40, seed: 3), to: winners)
        }
        var settings = AlignmentSettings.preset(model: BuiltInModel.name, winners: winners.path)
        (settings.method, settings.learningRate, settings.batch, settings.seed) = (method, learningRate, batch, seed)
        (settings.iterations, settings.updates, settings.sampleSteps, settings.validationPrompts) = (2, updates / 2, 2, 0)
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
