import Diffusion
import Foundation
import TestSupport
import Testing
import Torch

@testable import Alignment
@testable import Encoding

/// What happens to a run whose loss is not finite.
@Suite struct DivergenceTests {
    let world: TinyWorld

    init() throws { world = try TinyWorld() }

    /// The world's pipeline with one weight of the UNet, which makes every loss, broken.
    private func broken() throws -> Pipeline {
        let folder = world.folder.appendingPathComponent("broken")
        var tensors = world.pipeline.unetTensors
        tensors["conv_out.bias"] = tensors["conv_out.bias"]! * Double.nan
        try world.pipeline.write(to: folder, unetTensors: tensors.map { ($0.key, $0.value) })
        return try Pipeline.load(folder)
    }

    @Test func tenSkippedUpdatesInARowStopTheRun() throws {
        // Plain fine-tuning: no sampler refuses the broken latents first.
        let settings = world.settings { ($0.objective.method, $0.optimisation.updates, $0.run.saveEvery) = (.sft, 20, 1) }
        let directory = try world.directory("run")
        #expect {
            try world.trainer(settings, directory, pipeline: broken()).run(stopping: StopSignals([])) { _ in }
        } throws: {
            if case .notFinite(10)? = $0 as? RunError { true } else { false }
        }
        let entries = try directory.entries()
        #expect(entries.count == 10 && entries.allSatisfy { $0.skipped == 1 && $0.loss == nil && $0.gradientNorm == nil })
        #expect(try RunState.load(directory) == nil, "no state was ever good")
    }

    @Test(arguments: [1, 2, 3]) func theLastGoodStateIsKept(saveEvery: Int) throws {
        // One step of that size leaves weights from which nothing finite comes.
        let settings = world.settings {
            ($0.objective.method, $0.optimisation.iterations, $0.optimisation.updates, $0.run.saveEvery) = (.sft, 1, 40, saveEvery)
            ($0.optimisation.learningRate, $0.optimisation.warmup, $0.optimisation.weightDecay) = (1e30, 4, 0)
        }
        // The rate of the first update is 0; that of the second spoils the weights.
        let directory = try world.directory("run")
        #expect(throws: RunError.self) { try world.trainer(settings, directory).run(stopping: StopSignals([])) { _ in } }
        let entries = try directory.entries()
        #expect(entries.map { $0.skipped?.count } == [0, 0] + Array(repeating: 1, count: 10))
        let state = try RunState.load(directory)
        #expect(state?.counters.updates == (saveEvery == 1 ? 1 : nil))
        if let state { #expect(sameBits(state.policy, world.pipeline.unetTensors)) }
        // Going on from it meets the same end, and still keeps it.
        #expect(throws: RunError.self) { try world.trainer(settings, directory).run(stopping: StopSignals([])) { _ in } }
        #expect(try directory.entries().count == 12)
        #expect(try RunState.load(directory)?.counters.updates == state?.counters.updates)
    }

    @Test func aSignalAmongSkippedUpdatesKeepsTheGoodState() throws {
        let settings = world.settings {
            ($0.objective.method, $0.optimisation.iterations, $0.optimisation.updates, $0.run.saveEvery) = (.sft, 1, 40, 1)
            ($0.optimisation.learningRate, $0.optimisation.warmup, $0.optimisation.weightDecay) = (1e30, 4, 0)
        }
        let directory = try world.directory("run")
        let signals = StopSignals([])
        #expect(throws: StoppedBySignal.self) {
            try world.trainer(settings, directory).run(stopping: signals) { if $0.update == 4 { signals.note(SIGINT) } }
        }
        #expect(try RunState.load(directory)?.counters.updates == 1)
    }

    @Test func oneBadBatchIsLeftOutAndTheRunGoesOn() throws {
        // A batch of one, and one winner whose latents are infinite.
        let settings = world.settings {
            ($0.objective.method, $0.optimisation.batch, $0.optimisation.iterations, $0.optimisation.updates, $0.run.saveEvery) = (.sft, 1, 1, 10, 1)
        }
        let winners = try world.encoded(settings, store: SpoilingStore())
        let directory = try world.directory("run")
        var states: [Int?] = []
        try KeptTraining(settings, world.pipeline.denoising, winners, directory).run(stopping: StopSignals([])) { _ in
            states.append(try RunState.load(directory)?.counters.updates)
        }
        let skipped = try directory.entries().map { $0.skipped!.count }
        #expect(skipped.reduce(0, +) == 2, "once in each of the two passes")
        #expect(try Pipeline.load(directory.model).unetTensors.values.allSatisfy(\.isFinite))
        // An update's state is saved once the next has come out finite; never a skipped one's before.
        for update in 2...9 where skipped[update - 1] == 1 { #expect(states[update - 1] == states[update - 2]) }
        #expect(try RunState.load(directory)?.counters.updates == 10 || skipped[9] == 1)
    }

    /// The average follows the steps that were taken, and so does its decay.
    @Test func anAverageGoesOnExactlyAfterABadBatch() throws {
        let settings = world.settings {
            ($0.objective.method, $0.optimisation.batch, $0.optimisation.iterations, $0.optimisation.updates, $0.run.saveEvery, $0.optimisation.ema) = (
                .sft, 1, 1, 9, 1, 0.99
            )
        }
        let winners = try world.encoded(settings, store: SpoilingStore())
        func train(_ name: String, killedAfter killed: Int? = nil) throws -> RunState {
            let directory = try world.directory(name)
            do {
                try KeptTraining(settings, world.pipeline.denoising, winners, directory).run(stopping: StopSignals([])) {
                    if $0.update == killed { throw TinyWorld.Killed() }
                }
            } catch is TinyWorld.Killed {}
            return try #require(try RunState.load(directory))
        }
        let straight = try train("straight")
        for killed in [4, 6, 8] { _ = try train("resumed", killedAfter: killed) }
        #expect(sameBits(try train("resumed").average, straight.average))
    }
}

/// A store that gives infinite latents for the first image it was given.
private final class SpoilingStore: EncodingStore, @unchecked Sendable {
    private let memory = EncodingMemory()
    private let lock = NSLock()
    private var spoilt: String?

    func contains(_ kind: EncodingKind, _ key: String) -> Bool { memory.contains(kind, key) }
    func load(_ kind: EncodingKind, _ key: String) -> [String: Tensor]? { memory.load(kind, key) }

    func save(_ kind: EncodingKind, _ key: String, _ tensors: [String: Tensor]) {
        let isSpoilt = lock.withLock {
            if kind == .latents, spoilt == nil { spoilt = key }
            return spoilt == key
        }
        memory.save(kind, key, isSpoilt ? tensors.mapValues { $0 + Double.infinity } : tensors)
    }
}
