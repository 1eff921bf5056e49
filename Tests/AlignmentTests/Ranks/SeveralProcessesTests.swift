import Diffusion
import Foundation
import TestSupport
import Testing
import Torch

@testable import Alignment

/// Several processes train what one does.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SeveralProcessesTests {
    let world: TinyWorld

    init() throws { world = try TinyWorld() }

    /// Ten updates over two checkpoints, whose batch three processes share out unequally.
    private func settings(_ change: (inout AlignmentSettings) -> Void = { _ in }) -> AlignmentSettings {
        world.settings {
            ($0.optimisation.updates, $0.optimisation.batch, $0.data.captionDropout, $0.objective.anchorDraws) = (5, 7, 0.3, 1)
            change(&$0)
        }
    }

    private func folder(_ name: String) throws -> URL {
        let folder = world.folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    private func align(_ settings: AlignmentSettings, in name: String, processes: Int) throws -> RunDirectory {
        let output = world.folder.appendingPathComponent(name)
        let errors = try TrainingRanks.run(.align, settings, to: Array(repeating: output, count: processes))
        #expect(errors == nil)
        return RunDirectory(output)
    }

    /// How far the gradients of several processes are from that of one over the whole batch, at the same weights, for every update.
    private func differences(_ settings: AlignmentSettings, _ name: String, processes: Int, fault: FaultyRanks.Fault? = nil) throws -> [Double] {
        let dumps = try folder(name)
        let errors = try TrainingRanks.run(.dump(fault), settings, to: Array(repeating: dumps, count: processes))
        #expect(errors == nil)
        let trainer = try TrainingRank.trainer(settings)
        return try (0..<settings.totalUpdates).map { update in
            let dump = try SafeTensorsFile(TrainingRank.file(dumps, update)).all()
            func part(_ prefix: String) -> [String: Tensor] {
                Dictionary(uniqueKeysWithValues: dump.filter { $0.key.hasPrefix(prefix) }.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
            }
            try trainer.policy.restore(part("weight."))
            if update > 0, trainer.endsIteration { try trainer.appendCheckpoint() }
            let gathered = try trainer.gatherGradients(TrainingRank.rows(trainer))
            let gradients = Dictionary(uniqueKeysWithValues: trainer.policy.trained.map { ($0.name, $0.value.gradient!) })
            let difference = relativeDifference(part("gradient."), gradients)
            _ = trainer.advance(gathered)
            return difference
        }
    }

    @Test(arguments: [2, 3]) func theirGradientsAreThoseOfOne(processes: Int) throws {
        let found = try differences(settings(), "dumps", processes: processes)
        #expect(found.count == 10 && found.allSatisfy { $0 <= 1e-5 }, "\(found)")
    }

    /// The twins.
    @Test(arguments: [FaultyRanks.Fault.gradientsNotSummed, .sharesOverlap]) func wrongGradientsShow(_ fault: FaultyRanks.Fault) throws {
        let found = try differences(settings { $0.optimisation.updates = 1 }, "dumps", processes: 2, fault: fault)
        #expect(found.allSatisfy { $0 > 1e-2 }, "\(found)")
    }

    @Test func theirRunIsThatOfOneAndARepeatHasTheSameBits() throws {
        let settings = settings()
        let one = try align(settings, in: "one", processes: 1)
        let runs = try ["two", "again"].map { try align(settings, in: $0, processes: 2) }
        #expect(relativeDifference(try runs[0].weights(2), try one.weights(2)) <= 1e-3)
        let (entries, expected) = (try runs[0].timelessEntries(), try one.timelessEntries())
        #expect(entries.map(\.update) == Array(1...10) && entries.map(\.reference) == expected.map(\.reference))
        for (entry, other) in zip(entries, expected) {
            #expect(abs(entry.loss! - other.loss!) < 1e-3 && abs(entry.gradientNorm! / other.gradientNorm! - 1) < 1e-2, "\(entry) \(other)")
        }
        #expect(sameBits(try runs[0].weights(2), try runs[1].weights(2)))
        #expect(try runs[0].timelessEntries() == runs[1].timelessEntries())
        // Another order of sums is another run.
        #expect(!sameBits(try align(settings, in: "three", processes: 3).weights(2), try runs[0].weights(2)))
    }

    /// Ranks that do not see the run's folder keep the checkpoints in memory, also those from before they began.
    @Test func theFolderOfTheRunNeedNotBeSeenByAll() throws {
        let settings = settings { $0.objective.reference = .random }
        let seen = try align(settings, in: "seen", processes: 2)
        let places = [try folder("first"), try folder("second")]
        #expect(try TrainingRanks.run(.align, settings, to: places) == nil)
        let first = RunDirectory(places[0])
        #expect(sameBits(try first.weights(2), try seen.weights(2)))
        #expect(try first.timelessEntries() == seen.timelessEntries())
        #expect(!RunDirectory(places[1]).holdsRun)

        let short = try folder("short")
        try writeRecord(settings, in: RunDirectory(short))
        try world.train(settings, in: "short", killedAfter: 7)
        #expect(try TrainingRanks.run(.align, settings, to: [short, try folder("elsewhere")]) == nil)
        let one = try align(settings, in: "one", processes: 1)
        #expect(relativeDifference(try RunDirectory(short).weights(2), try one.weights(2)) <= 1e-3)
    }

    @Test func aWinnerThatOneCannotDecodeIsLeftOutByAll() throws {
        try Data("no picture".utf8).write(to: world.winners.appendingPathComponent("3.png"))
        let settings = settings()
        let one = try align(settings, in: "one", processes: 1)
        let two = try align(settings, in: "two", processes: 2)
        #expect(SkippedFiles.read(two) == SkippedFiles.read(one) && SkippedFiles.read(one).map(\.file) == ["3.png"])
        let counters = try [one, two].map { try RunState.load($0)?.counters.position }
        #expect(counters[0] == counters[1] && counters[0]! > 70)
        #expect(relativeDifference(try two.weights(2), try one.weights(2)) <= 1e-3)
    }

    @Test func aFolderThatTheFirstRefusesEndsAll() throws {
        let settings = settings()
        try world.train(settings, in: "taken", killedAfter: 2)
        var other = settings
        other.optimisation.batch = 6
        let taken = world.folder.appendingPathComponent("taken")
        try writeRecord(settings, in: RunDirectory(taken))
        let errors = try #require(try TrainingRanks.run(.align, other, to: [taken, taken]))
        #expect(errors.allSatisfy { $0.contains("batch: was 7, now 6") }, "\(errors)")
        #expect(errors[1].contains("rank 0 failed"))
    }

    private func writeRecord(_ settings: AlignmentSettings, in directory: RunDirectory) throws {
        try settings.yaml().write(to: directory.configuration, atomically: true, encoding: .utf8)
    }
}
