import Diffusion
import Foundation
import TestSupport
import Testing
import Torch

@testable import Alignment

/// What a run leaves when it ends or is stopped: never weights that no finite gradient has come out of, and no result of nothing.
@Suite struct FinalStateTests {
    let world: TinyWorld

    init() throws { world = try TinyWorld() }

    /// One step of that size leaves weights from which nothing finite comes.
    private func spoiling(_ change: (inout AlignmentSettings) -> Void = { _ in }) -> AlignmentSettings {
        world.settings {
            ($0.objective.method, $0.optimisation.iterations, $0.optimisation.updates, $0.optimisation.learningRate, $0.optimisation.weightDecay) = (
                .sft, 1, 1, 1e30, 0
            )
            change(&$0)
        }
    }

    @Test(arguments: [0, 2], [0, 0.9]) func aSpoiltEndIsNoModel(lora: Int, ema: Double) throws {
        let settings = spoiling { ($0.adapters.rank, $0.optimisation.ema) = (lora, ema) }
        let directory = try world.directory("run")
        #expect {
            try world.trainer(settings, directory).run(stopping: StopSignals([])) { _ in }
        } throws: {
            if case .spoilt? = $0 as? RunError { true } else { false }
        }
        #expect(try RunState.load(directory) == nil)
        let results = [directory.model, directory.adapters, directory.checkpoint(1, of: lora > 0 ? .lora : .whole)]
        for file in results { #expect(!FileManager.default.fileExists(atPath: file.path)) }
        // The twin, whose step is of an ordinary size.
        let twin = try world.train(spoiling { ($0.adapters.rank, $0.optimisation.ema, $0.optimisation.learningRate) = (lora, ema, 1e-3) }, in: "twin")
        #expect(try RunState.load(twin)?.counters.updates == 1)
        #expect(FileManager.default.fileExists(atPath: twin.model.path))
    }

    @Test func aStopAfterASpoilingStepSavesNothing() throws {
        func stop(_ settings: AlignmentSettings, in name: String) throws -> (directory: RunDirectory, isSaved: Bool?) {
            let directory = try world.directory(name)
            let winners = try world.encoded(settings)
            _ = try winners.prepare(Array(0..<winners.count))
            let signals = StopSignals([])
            signals.note(SIGTERM)
            var isSaved: Bool?
            do {
                try KeptTraining(settings, world.pipeline.denoising, winners, directory).run(stopping: signals) { _ in }
            } catch let stop as StoppedBySignal {
                isSaved = stop.isSaved
            }
            return (directory, isSaved)
        }
        let spoilt = try stop(spoiling { $0.optimisation.updates = 5 }, in: "spoilt")
        #expect(try spoilt.isSaved == false && RunState.load(spoilt.directory) == nil)
        let twin = try stop(spoiling { ($0.optimisation.updates, $0.optimisation.learningRate) = (5, 1e-3) }, in: "twin")
        #expect(try twin.isSaved == true && RunState.load(twin.directory)?.counters.updates == 1)
    }

    @Test(arguments: [1, 3]) func aRunOfSkippedUpdatesFailsHoweverShort(updates: Int) throws {
        let settings = world.settings { ($0.optimisation.iterations, $0.optimisation.updates, $0.objective.beta) = (1, updates, 1e300) }
        for attempt in ["first", "resumed"] {
            let directory = try world.directory("run")
            #expect("\(attempt)") {
                try world.trainer(settings, directory).run(stopping: StopSignals([])) { _ in }
            } throws: {
                if case .noneTaken(updates)? = $0 as? RunError { true } else { false }
            }
            for file in [directory.model, directory.checkpoint(1)] { #expect(!FileManager.default.fileExists(atPath: file.path)) }
            #expect(try RunState.load(directory) == nil)
            let entries = try directory.entries()
            #expect(entries.count == updates && entries.allSatisfy { $0.skipped == 1 })
            #expect(entries.last?.alarms?.contains { $0.hasPrefix("skipped: more than a tenth") } == true)
        }
    }

    @Test func theProofChangesNoNumber() throws {
        let settings = world.settings()
        let straight = try world.train(settings, in: "straight")
        let directory = try world.directory("stopped")
        for _ in 0..<4 {
            let signals = StopSignals([])
            do {
                try world.trainer(settings, directory).run(stopping: signals) { _ in signals.note(SIGINT) }
            } catch is StoppedBySignal {}
        }
        _ = try world.train(settings, in: "stopped")
        #expect(sameBits(try Pipeline.load(directory.model).unetTensors, try Pipeline.load(straight.model).unetTensors))
        #expect(try directory.timelessEntries() == straight.timelessEntries())
    }
}
