import Foundation
import TestSupport
import Testing
import Torch

@testable import Alignment

/// A training that nobody keeps: no run directory, its checkpoints in memory.
@Suite struct TrainerAloneTests {
    let world: TinyWorld

    init() throws { world = try TinyWorld() }

    /// The policy's bits after a training without a keeper, over the pool that it is given.
    private func train(_ settings: AlignmentSettings, _ pool: ReferencePool) throws -> [String: Tensor] {
        let trainer = try Trainer.prepare(settings, world.encoded(settings), pool)
        try trainer.run()
        #expect(trainer.updatesDone == settings.totalUpdates)
        return Dictionary(uniqueKeysWithValues: trainer.policy.trained.map { ($0.name, $0.value.detached) })
    }

    private func part(_ settings: AlignmentSettings) throws -> TrainedPart { try TrainedPart.choose(settings, of: world.pipeline.denoising) }

    @Test func itsWeightsAreThoseOfAKeptOne() throws {
        let settings = world.settings()
        let alone = try train(settings, ReferencePool(settings, part(settings), in: nil))
        #expect(sameBits(alone, try world.train(settings, in: "kept").weights(2)))
        // The twin: a pool that never gives a later checkpoint than the first.
        #expect(!sameBits(try train(settings, ReferencePool(part(settings), in: nil, rule: .initial)), alone))
    }

    @Test func itWritesNoFile() throws {
        func files() throws -> [String] { try FileManager.default.subpathsOfDirectory(atPath: world.folder.path).sorted() }
        let settings = world.settings()
        let before = try files()
        _ = try train(settings, ReferencePool(settings, part(settings), in: nil))
        #expect(try files() == before)
    }

    @Test func gatheringMovesNothingAndAdvancingDoes() throws {
        let settings = world.settings()
        let trainer = try Trainer.prepare(settings, world.encoded(settings), ReferencePool(settings, part(settings), in: nil))
        func weights() -> [Tensor] { trainer.policy.trained.map { $0.value.detached.clone() } }
        let start = weights()
        let gathered = try trainer.gatherGradients([0, 1, 2, 3])
        #expect(zip(start, weights()).allSatisfy { sameBits($0, $1) } && trainer.updatesDone == 0 && gathered.reference == 0)
        #expect(trainer.advance(gathered).update == 1)
        #expect(zip(start, weights()).contains { !sameBits($0, $1) } && trainer.updatesDone == 1)
    }
}
