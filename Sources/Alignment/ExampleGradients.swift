import Diffusion
import Encoding
import Foundation
import Storage
import Torch

/// The way of some winners of an update from their latents to gradients: reference samples, noise, errors, objective.
///
/// Every random number belongs to one example, so that a batch may be cut into parts, done one after another, at the same time or in several processes.
struct ExampleGradients: Sendable {
    let settings: AlignmentSettings
    let winners: EncodedWinners
    let schedule: NoiseSchedule
    let sampler: LatentSampler
    private let objective: PreferenceObjective
    private let watched: WatchedExamples

    init(_ settings: AlignmentSettings, _ winners: EncodedWinners, _ schedule: NoiseSchedule, _ sampler: LatentSampler) {
        self.settings = settings
        self.winners = winners
        self.schedule = schedule
        self.sampler = sampler
        objective = PreferenceObjective(beta: settings.objective.beta, flip: settings.row.flip)
        watched = WatchedExamples(settings)
    }

    /// What the examples showed, and how long their losing samples took.
    struct Outcome: Sendable {
        var diagnostics = Diagnostics()
        var sampleSeconds = 0.0
    }

    /// Whom the policy is compared with.
    struct References: Sendable {
        /// Nil where the method compares no pairs.
        var reference: (any Denoiser)?
        /// Checkpoint 0 where it is not the reference, for what the alarms look at; nothing else depends on it.
        var base: (any Denoiser)?
    }

    /// Adds the examples' share of the gradient of the batch's mean loss to the policy's tensors.
    /// - Parameters:
    ///   - rows: of the winners
    ///   - numbers: global indices of the examples
    ///   - lossScale: by which the gradients are too large then
    func add(rows: [Int], numbers: Range<Int>, policy: any Denoiser, _ references: References, lossScale: Double = 1) throws -> Outcome {
        let measured = try measure(rows: rows, numbers: numbers, policy: policy, references)
        (measured.losses.sum() * lossScale / Double(settings.optimisation.batch)).backward()
        return measured.read(schedule)
    }

    /// What some examples came to, on the device: their numbers are read when all of an update's work has been begun there.
    struct Measured {
        /// `[B]`, with the gradient's way back to the policy.
        let losses: Tensor
        let times: [Double]
        /// Nil where no pairs are compared.
        var pairs: (errors: DenoisingErrors, value: PreferenceObjective.Value)?
        /// Errors of checkpoint 0 on the winners of some of the examples.
        var base: (errors: Tensor, places: [Int])?
        var sampleSeconds = 0.0

        func read(_ schedule: NoiseSchedule) -> Outcome {
            var outcome = Outcome(sampleSeconds: sampleSeconds)
            if let pairs {
                outcome.diagnostics.append(pairs.errors, pairs.value, levels: times.map(schedule.level))
            } else {
                outcome.diagnostics.append(winnerErrors: losses)
            }
            if let base { outcome.diagnostics.appendBase(base.errors.values(Double.self), at: base.places) }
            return outcome
        }
    }

    /// Samples, noises, and measures policy and references.
    func measure(rows: [Int], numbers: Range<Int>, policy: any Denoiser, _ references: References) throws -> Measured {
        let batch = try TrainingBatch.take(winners, rows: rows, numbers: numbers, settings: settings, on: policy.device)
        let noise = batch.draw("loss", of: schedule)
        let winner = schedule.noise(batch.latents, by: noise)
        let places = numbers.indices.filter { watched.contains($0) }.map { $0 - numbers.lowerBound }
        // Before the policy's, whose activations are kept for the gradient.
        let base = places.isEmpty ? nil : references.base.map { errors(of: $0, on: winner.gathered(places), batch.conditioning.gathered(places)) }
        var measured: Measured
        if let reference = references.reference {
            // Sample.
            let clock = Stopwatch()
            let sample = try losingLatents(batch, reference)
            try policy.device.synchronize()
            let sampleSeconds = clock.seconds
            // Noise.
            let loser = schedule.noise(sample, by: settings.objective.unshareNoise ? batch.draw("loss loser", of: schedule) : noise)
            // Errors. The anchors before those of the loss, whose activations are kept for the gradient.
            let anchors = (0..<settings.objective.anchorDraws).map { anchorAdvantage(batch, policy, reference, draw: $0 + 1) }
            let errors = DenoisingErrors.measure(policy: policy, reference: reference, winner: winner, loser: loser, batch.conditioning)
            // Loss.
            let own = noGradients { -errors.winnerDifference }
            let value = objective(errors, advantage: anchors.isEmpty ? own : anchors.reduce(own, +) / Double(anchors.count + 1))
            measured = Measured(losses: value.losses, times: noise.times, pairs: (errors, value), sampleSeconds: sampleSeconds)
        } else {
            measured = Measured(losses: winner.errors(of: policy, batch.conditioning), times: noise.times)
        }
        measured.base = base.map { ($0, places) }
        return measured
    }

    /// Whether some of the examples are to be measured under checkpoint 0.
    func watches(_ numbers: Range<Int>) -> Bool { numbers.contains(where: watched.contains) }

    /// Adds the gradient of one winner's own error, on which every method rests: what comes out of a policy that no update has used yet.
    /// - Returns: the error
    func addWinner(row: Int, number: Int, policy: any Denoiser) throws -> Double {
        let batch = try TrainingBatch.take(winners, rows: [row], numbers: number..<number + 1, settings: settings, on: policy.device)
        let error = schedule.noise(batch.latents, by: batch.draw("loss", of: schedule)).errors(of: policy, batch.conditioning).sum()
        error.backward()
        return error.item
    }

    private func errors(of denoiser: any Denoiser, on winners: NoisedLatents, _ conditioning: Conditioning) -> Tensor {
        noGradients { winners.errors(of: denoiser, conditioning) }
    }

    /// The losing samples of a batch: drawn by the reference, as latents straight from the sampler, or the data set's.
    private func losingLatents(_ batch: TrainingBatch, _ reference: any Denoiser) throws -> Tensor {
        if settings.row.losers == .dataset { return try winners.latents(batch.rows, .loser).to(reference.device).latents { batch.noise("loser posterior") } }
        return try sampler.draw(
            reference, batch.conditioning, unconditional: winners.unconditional.to(reference.device), start: batch.noise("sampling start"),
            stepNoise: { batch.noise("sampling step \($0)") })
    }

    /// r_w − m_w of one more draw of (t, ε).
    private func anchorAdvantage(_ batch: TrainingBatch, _ policy: any Denoiser, _ reference: any Denoiser, draw: Int) -> Tensor {
        noGradients {
            let winner = schedule.noise(batch.latents, by: batch.draw("anchor \(draw)", of: schedule))
            return winner.errors(of: reference, batch.conditioning) - winner.errors(of: policy, batch.conditioning)
        }
    }
}
