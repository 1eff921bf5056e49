import Foundation
import Torch

extension RunState {
    /// Saves the state of a run that goes on from a checkpoint, having lost its own: the policy's weights are those of iteration `k`, while the optimiser
    /// has forgotten what it had gathered. Validations of later checkpoints are struck out; log and events are cut when the run goes on.
    static func save(fromCheckpoint k: Int, _ settings: AlignmentSettings, inputs: Inputs, in directory: RunDirectory) throws {
        let tensors = try TrainedPart.read(directory.checkpoint(k, of: settings.trainedKind), settings.trainedKind)
        let policy = tensors.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
        var counters = Counters()
        counters.updates = k * settings.optimisation.updates
        counters.startedFrom = k
        try ValidationLog.cut(directory.validation, to: k + 1)
        var parts = [Part(component: .policy, tensors: policy), Part(component: .optimiser, tensors: AdamW(policy).state)]
        if settings.optimisation.ema > 0 {
            parts.append(Part(component: .average, tensors: ExponentialMovingAverage(policy, decay: settings.optimisation.ema).state))
        }
        try save(counters, inputs: inputs, parts, in: directory)
    }
}
