import Foundation
import Torch

extension RunState {
    /// Saves the state of a run that goes on from a checkpoint, having lost its own: the policy's weights are those of iteration `k`, while the optimiser
    /// has forgotten what it had gathered. Validations of later checkpoints are struck out; log and events are cut when the run goes on.
    static func save(fromCheckpoint k: Int, _ settings: AlignmentSettings, inputs: Inputs, in directory: RunDirectory) throws {
        let tensors = try ReferencePool.tensors(directory.checkpoint(k, ofAdapters: settings.trainsAdapters), ofAdapters: settings.trainsAdapters)
        let policy = tensors.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
        var counters = Counters()
        counters.updates = k * settings.optimisation.updates
        counters.startedFrom = k
        try ValidationLog.cut(directory.validation, to: k + 1)
        let average = settings.optimisation.ema > 0 ? ExponentialMovingAverage(policy, decay: settings.optimisation.ema) : nil
        try save(counters, inputs: inputs, policy: policy, optimiser: AdamW(policy), average: average, in: directory)
    }
}
