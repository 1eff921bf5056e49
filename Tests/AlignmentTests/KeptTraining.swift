import Diffusion
import Encoding
import Foundation
import Torch

@testable import Alignment

/// A training that is kept in a run directory: what a run is without its checks of files and settings.
struct KeptTraining {
    let trainer: Trainer
    private let keeper: RunKeeper

    init(
        _ settings: AlignmentSettings, _ pipeline: DenoisingPipeline, _ winners: EncodedWinners, _ directory: RunDirectory, _ validator: Validator? = nil
    ) throws {
        let pool = ReferencePool(settings, try TrainedPart.choose(settings, of: pipeline), in: directory)
        trainer = try Trainer.prepare(settings, winners, pool)
        keeper = try RunKeeper.open(directory, trainer, validator)
    }

    var outlook: (order: ShuffledOrder, count: Int) { trainer.outlook }
    var updatesDone: Int { trainer.updatesDone }

    func run(
        stopping signals: StopSignals, encoding: @escaping (_ done: Int, _ of: Int) throws -> Void = { _, _ in },
        updated: @escaping (LoggedUpdate) throws -> Void
    ) throws {
        (trainer.ranks.signals, keeper.observer.encoding, keeper.observer.updated) = (signals, encoding, updated)
        try trainer.run(keeper)
    }
}

extension RunState {
    var policy: [String: Tensor] { self[.policy] }
    var optimiser: [String: Tensor] { self[.optimiser] }
    var average: [String: Tensor] { self[.average] }
}
