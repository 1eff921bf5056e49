import Diffusion
import Foundation
import Networks
import TestSupport
import Testing
import Torch

@testable import Alignment

/// A run that was interrupted and resumed is the run that was not, bit for bit.
@Suite struct ResumeTests {
    let world: TinyWorld

    init() throws { world = try TinyWorld() }

    private func expectSame(_ a: RunDirectory, _ b: RunDirectory) throws {
        let (first, second) = (try #require(try RunState.load(a)), try #require(try RunState.load(b)))
        #expect(sameBits(first.policy, second.policy))
        #expect(sameBits(first.optimiser, second.optimiser))
        #expect(first.counters == second.counters)
        #expect(try a.timelessEntries() == b.timelessEntries())
        for k in 1...2 { #expect(sameBits(try a.weights(k), try b.weights(k))) }
        let (one, other) = (try Pipeline.load(a.model), try Pipeline.load(b.model))
        #expect(sameBits(one.unetTensors, other.unetTensors))
    }

    @Test(arguments: [Method.Name.seppo, .dpo, .sft], [1, 2, 100])
    func killedAndResumedIsUninterrupted(_ method: Method.Name, saveEvery: Int) throws {
        let settings = world.settings {
            ($0.objective.method, $0.run.saveEvery, $0.data.captionDropout, $0.data.flipImages, $0.optimisation.schedule) = (
                method, saveEvery, 0.3, true, .cosine
            )
            $0.objective.anchorDraws = 1
        }
        let straight = try world.train(settings, in: "straight")
        try world.train(settings, in: "resumed", killedAfter: 2)
        try world.train(settings, in: "resumed", killedAfter: 3)
        try world.train(settings, in: "resumed", killedAfter: 5)
        let resumed = try world.train(settings, in: "resumed")
        #expect(try straight.entries().map(\.update) == Array(1...6))
        try expectSame(straight, resumed)
    }

    @Test func aSignalFinishesTheUpdateAndSaves() throws {
        let settings = world.settings { $0.run.saveEvery = 100 }
        let straight = try world.train(settings, in: "straight")
        let directory = try world.directory("stopped")
        let signals = StopSignals([])
        #expect(throws: StoppedBySignal.self) {
            try world.trainer(settings, directory).run(stopping: signals) { if $0.update == 3 { signals.note(SIGTERM) } }
        }
        // The signal came when update 3 was done; the next was finished and saved.
        #expect(try RunState.load(directory)?.counters.updates == 4)
        #expect(try world.trainer(settings, directory).updatesDone == 4)
        try expectSame(straight, try world.train(settings, in: "stopped"))
    }

    @Test func aLostMomentShows() throws {
        let settings = world.settings { $0.run.saveEvery = 1 }
        let straight = try world.train(settings, in: "straight")
        let directory = try world.train(settings, in: "resumed", killedAfter: 4)
        let state = try #require(try RunState.load(directory))
        #expect(state.counters.updates == 3)
        var tensors = Dictionary(uniqueKeysWithValues: state.policy.map { ("policy." + $0, $1) })
        for (name, value) in state.optimiser { tensors["optimiser." + name] = name == "first_moment.conv_in.weight" ? value.zerosLike() : value }
        let metadata = try RunState.metadata(state.counters, state.inputs)
        try SafeTensors.write(tensors, metadata: metadata, to: directory.state.appendingPathComponent("00000003.safetensors"))
        try world.train(settings, in: "resumed")
        #expect(!sameBits(try straight.weights(2), try directory.weights(2)))
    }

    @Test func aFinishedRunIsLeftAsItIs() throws {
        let settings = world.settings()
        let directory = try world.train(settings, in: "run")
        let before = try Data(contentsOf: directory.log)
        try world.train(settings, in: "run")
        #expect(try Data(contentsOf: directory.log) == before)
    }

    @Test func halfWrittenFilesOfAKilledProcessAreRemoved() throws {
        let settings = world.settings()
        let directory = try world.train(settings, in: "run", killedAfter: 5)
        let checkpoints = directory.checkpoint(1).deletingLastPathComponent()
        let folders = [directory.root, directory.state, checkpoints]
        for folder in folders { try Data("half".utf8).write(to: folder.appendingPathComponent(".partial-1f")) }
        try directory.removeLeftovers()
        for folder in folders { #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent(".partial-1f").path)) }
    }

    @Test func aStateOfAnotherModelIsRefused() throws {
        let settings = world.settings()
        let directory = try world.train(settings, in: "run", killedAfter: 5)
        let state = try #require(try RunState.load(directory))
        let metadata = try RunState.metadata(state.counters, state.inputs)
        try SafeTensors.write(
            ["policy.other": Tensor.zeros([1])], metadata: metadata, to: directory.state.appendingPathComponent("00000003.safetensors"))
        #expect {
            try world.trainer(settings, directory)
        } throws: {
            "\($0)".contains("belongs to another model") && "\($0)".contains("conv_in.weight")
        }
    }

    /// Settings name files; what these hold may change between two starts.
    @Test func otherWinnersOrAnotherBaseUnderTheSameNameAreRefused() throws {
        let settings = world.settings()
        let directory = try world.train(settings, in: "run", killedAfter: 5)
        let image = world.winners.appendingPathComponent("2.png")
        let before = try Data(contentsOf: image)
        try TinyWorld.image(77).writePNG(to: image)
        #expect {
            try world.trainer(settings, directory)
        } throws: {
            "\($0)".contains("winners: images") && !"\($0)".contains("UNet")
        }
        try before.write(to: image)
        try world.writeCaptions(TinyWorld.captions.reversed())
        #expect {
            try world.trainer(settings, directory)
        } throws: {
            "\($0)".contains("winners: images")
        }
        try world.writeCaptions(TinyWorld.captions)
        let changed = try Pipeline.load(world.model, unetWeights: directory.checkpoint(1))
        #expect {
            try world.trainer(settings, directory, pipeline: changed)
        } throws: {
            "\($0)".contains("model: the UNet")
        }
        #expect(try world.trainer(settings, directory).updatesDone == 3)
    }
}
