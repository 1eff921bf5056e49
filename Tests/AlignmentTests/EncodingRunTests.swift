import Diffusion
import Foundation
import TestSupport
import Testing
import Torch

@testable import Alignment
@testable import Encoding
@testable import Winners

/// Where and when winners are encoded is nothing to a run's numbers.
@Suite struct EncodingRunTests {
    let world: TinyWorld

    init() throws { world = try TinyWorld() }

    private func spoil(_ image: String) throws { try Data("no picture".utf8).write(to: world.winners.appendingPathComponent(image)) }

    /// Ten updates of everything that a winner's latents go into.
    private func settings(_ method: Method.Name, _ change: (inout AlignmentSettings) -> Void = { _ in }) -> AlignmentSettings {
        world.settings {
            ($0.objective.method, $0.optimisation.iterations, $0.optimisation.updates, $0.optimisation.batch, $0.run.saveEvery) = (method, 2, 5, 4, 1)
            ($0.data.captionDropout, $0.data.flipImages) = (0.3, true)
            change(&$0)
        }
    }

    /// A whole run over a store, encoded ahead or when its turn comes.
    private func run(_ settings: AlignmentSettings, _ name: String, _ store: any EncodingStore, ahead: Bool = false) throws -> RunDirectory {
        let directory = try world.directory(name)
        let winners = try world.encoded(settings, store: store)
        let trainer = try KeptTraining(settings, world.pipeline.denoising, winners, directory)
        let encoding = ahead ? EncodingAhead(winners, in: trainer.outlook.order, pass: trainer.outlook.order.count, count: trainer.outlook.count) : nil
        defer { encoding?.stop() }
        try trainer.run(stopping: StopSignals([])) { _ in }
        return directory
    }

    private func expectSame(_ a: RunDirectory, _ b: RunDirectory, _ what: String) throws {
        let (first, second) = (try #require(try RunState.load(a)), try #require(try RunState.load(b)))
        #expect(sameBits(first.policy, second.policy) && sameBits(first.optimiser, second.optimiser), "\(what)")
        #expect(first.counters == second.counters && first.inputs == second.inputs, "\(what)")
        #expect(try a.timelessEntries() == b.timelessEntries(), "\(what)")
    }

    @Test(arguments: [Method.Name.seppo, .dpo, .sft]) func cacheOrNotTenUpdatesAreTheSameBits(_ method: Method.Name) throws {
        let settings = settings(method)
        let cache = EncodingCache(world.folder.appendingPathComponent("shared"))
        let without = try run(settings, "without", EncodingMemory())
        #expect(try without.entries().count == 10)
        let filled = CountingStore(cache)
        try expectSame(try run(settings, "cold", cache), without, "an empty cache")
        try expectSame(try run(settings, "warm", filled), without, "a full cache")
        #expect(filled.latents == 0 && filled.states == 0)
        // The twin: another image, and the numbers are others.
        try TinyWorld.image(50).writePNG(to: world.winners.appendingPathComponent("2.png"))
        let other = try run(settings, "other", cache)
        #expect(try other.timelessEntries() != without.timelessEntries())
    }

    @Test func theWorkersSpeedChangesNothing() throws {
        try spoil("3.png")
        let settings = settings(.seppo)
        let plain = try run(settings, "plain", EncodingMemory())
        for (name, delay) in [("fast", 0), ("slow", 0.02), ("slower", 0.1)] {
            try expectSame(try run(settings, name, CountingStore(delay: delay), ahead: true), plain, name)
        }
    }

    @Test func aheadEncodesWhatTheRunWantsAndLetsTheNetworksGo() throws {
        let settings = world.settings { ($0.optimisation.iterations, $0.optimisation.updates, $0.optimisation.batch) = (1, 1, 3) }
        let encoder = try WinnerEncoder.load(ModelFiles(world.model))
        let store = CountingStore()
        let winners = try EncodedWinners.open(WinnerSet.list(world.winners), encoder, EncodingSettings(resolution: TinyWorld.side), store: store)
        let trainer = try KeptTraining(settings, world.pipeline.denoising, winners, world.directory("run"))
        #expect(trainer.outlook.count == 3 && encoder.holdsNetworks)
        let ahead = EncodingAhead(winners, in: trainer.outlook.order, pass: trainer.outlook.order.count, count: trainer.outlook.count)
        let limit = Date(timeIntervalSinceNow: 60)
        while encoder.holdsNetworks, Date() < limit { usleep(1000) }
        #expect(!encoder.holdsNetworks && store.latents == 3)
        ahead.stop()
        var order = trainer.outlook.order
        #expect(try winners.prepare(order.next(3)) == [true, true, true] && store.latents == 3)
        // More than one pass over five winners: all of them, once.
        let all = EncodingAhead(winners, in: trainer.outlook.order, pass: trainer.outlook.order.count, count: 1000)
        while store.latents < 5, Date() < limit { usleep(1000) }
        all.stop()
        #expect(store.latents == 5)
    }

    /// Three of five winners can be used: every pass goes over two that cannot.
    @Test(arguments: [1, 3]) func aResumeAmongSkipsIsUninterrupted(saveEvery: Int) throws {
        try spoil("1.png")
        try spoil("4.png")
        let settings = settings(.sft) { ($0.run.saveEvery, $0.optimisation.batch) = (saveEvery, 2) }
        let straight = try world.train(settings, in: "straight")
        let state = try #require(try RunState.load(straight))
        let position = try #require(state.counters.position)
        #expect(position >= 20 + 2 * 6 && position <= 20 + 2 * 7, "twenty examples are six passes over three winners, and two more")
        for killed in [2, 3, 6, 9] { try world.train(settings, in: "resumed", killedAfter: killed) }
        try expectSame(try world.train(settings, in: "resumed"), straight, "resumed")

        // The twin: a position that forgets those passed over.
        let twin = try world.train(settings, in: "twin", killedAfter: 6)
        let saved = try #require(try RunState.load(twin))
        var counters = saved.counters
        counters.position = counters.updates * settings.optimisation.batch
        var tensors = Dictionary(uniqueKeysWithValues: saved.policy.map { ("policy." + $0, $1) })
        for (name, value) in saved.optimiser { tensors["optimiser." + name] = value }
        let file = try #require(try RunState.newest(twin)).file.url
        try SafeTensors.write(tensors, metadata: RunState.metadata(counters, saved.inputs), to: file)
        try world.train(settings, in: "twin")
        #expect(try twin.timelessEntries() != straight.timelessEntries())
    }

    /// A state from before positions were counted, when nothing could be passed over.
    @Test func anOlderStateGoesOn() throws {
        let settings = settings(.sft)
        let straight = try world.train(settings, in: "straight")
        let older = try world.train(settings, in: "older", killedAfter: 4)
        let saved = try #require(try RunState.load(older))
        var tensors = Dictionary(uniqueKeysWithValues: saved.policy.map { ("policy." + $0, $1) })
        for (name, value) in saved.optimiser { tensors["optimiser." + name] = value }
        let metadata = [
            "counters": #"{"updates": 3, "skipsInARow": 0, "firstWinnerErrors": [], "recentWinnerErrors": []}"#,
            "inputs": #"{"winners": "0123", "unet": "\#(saved.inputs.unet)"}"#,
        ]
        #expect(saved.counters.updates == 3)
        try SafeTensors.write(tensors, metadata: metadata, to: try #require(try RunState.newest(older)).file.url)
        try world.train(settings, in: "older")
        #expect(sameBits(try older.weights(2), try straight.weights(2)))
    }

    /// What a run lists as left out: what listing found, and what encoding found, over resumes, too.
    @Test func everySkipIsListed() throws {
        try spoil("1.png")
        let rows = try String(contentsOf: world.winners.appendingPathComponent("metadata.jsonl"), encoding: .utf8)
        try (rows + "no row\n").write(to: world.winners.appendingPathComponent("metadata.jsonl"), atomically: true, encoding: .utf8)
        let settings = settings(.sft)
        let folder = world.folder.appendingPathComponent("run")
        let signals = StopSignals([])
        var (atStart, later): ([Skip], [Skip]) = ([], [])
        func run(stoppingAt update: Int?) throws {
            try AlignmentRun.open(settings, in: folder, resumes: true).run(
                stopping: signals, started: { _, _, skips, _ in atStart = skips }, leftOut: { later.append($0) },
                progress: { if $0.update == update { signals.note(SIGTERM) } })
        }
        #expect(throws: StoppedBySignal.self) { try run(stoppingAt: 5) }
        let expected = [
            Skip(file: "metadata.jsonl", row: 6, reason: "not valid JSON: a value was expected at byte 1"),
            Skip(file: "1.png", reason: "not a PNG, JPEG or WebP image"),
        ]
        #expect(atStart == Array(expected.prefix(1)) && later == Array(expected.suffix(1)))
        #expect(SkippedFiles.read(RunDirectory(folder)) == expected)
    }

    /// Winners are left that are measured, and none that could be trained on.
    @Test func noneToTrainOnEndsTheRun() throws {
        let settings = settings(.sft) { ($0.validation.heldOut, $0.optimisation.batch) = (0.4, 7) }
        let heldOut = HeldOutSplit(of: try world.encoded(settings), settings)
        #expect(heldOut.heldOut.count == 2 && heldOut.training.count == 3)
        for row in heldOut.training { try spoil("\(row).png") }
        #expect(throws: WinnerSetError.self) { try world.train(settings, in: "run") }
        // One is enough, however large a batch is.
        try TinyWorld.image(70).writePNG(to: world.winners.appendingPathComponent("\(heldOut.training[0]).png"))
        #expect(try world.train(settings, in: "one").entries().count == 10)
    }

    @Test func aSignalEndsTheWaitForTheFirstWinners() throws {
        let run = try AlignmentRun.open(settings(.sft) { $0.validation.heldOut = 0.4 }, in: world.folder.appendingPathComponent("run"), resumes: false)
        let signals = StopSignals([])
        signals.note(SIGTERM)
        #expect(throws: StoppedBySignal.self) { try run.run(stopping: signals) { _ in Issue.record("an update was done") } }
        #expect(try EncodingCache(run.directory.cache).contents().latents.files == 0)
    }

    /// An update that waits for its winners is not begun: the one before it is saved.
    @Test func aSignalDuringAWaitSavesWhatWasDone() throws {
        let settings = settings(.sft) { ($0.optimisation.batch, $0.run.saveEvery) = (1, 100) }
        let straight = try run(settings, "straight", EncodingMemory())
        let directory = try world.directory("stopped")
        let trainer = try KeptTraining(settings, world.pipeline.denoising, world.encoded(settings), directory)
        let signals = StopSignals([])
        var done = 0
        #expect(throws: StoppedBySignal.self) {
            try trainer.run(stopping: signals, encoding: { _, _ in if done == 3 { signals.note(SIGTERM) } }, updated: { done = $0.update })
        }
        #expect(done == 3)
        #expect(try RunState.load(directory)?.counters.updates == 3)
        #expect(try world.trainer(settings, directory).updatesDone == 3)
        try expectSame(try world.train(settings, in: "stopped"), straight, "resumed")
    }

    @Test func theCacheMayMoveButNothingElse() throws {
        let settings = settings(.sft)
        let folder = world.folder.appendingPathComponent("run")
        let shared = world.folder.appendingPathComponent("shared")
        let signals = StopSignals([])
        #expect(throws: StoppedBySignal.self) {
            try AlignmentRun.open(settings, in: folder, resumes: false).run(stopping: signals) { if $0.update == 5 { signals.note(SIGTERM) } }
        }
        var moved = settings
        moved.run.cache = shared.path
        try AlignmentRun.open(moved, in: folder, resumes: true).run(stopping: StopSignals([])) { _ in }
        #expect(try EncodingCache(shared).contents().latents.files > 0)
        try expectSame(RunDirectory(folder), try run(settings, "straight", EncodingMemory()), "a cache that moved")
        moved.data.flipImages = false
        #expect(throws: RunError.self) { try AlignmentRun.open(moved, in: folder, resumes: true) }
    }
}
