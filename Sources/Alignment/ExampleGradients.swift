import Diffusion
import Encoding
import Foundation
import Networks
import Storage
import Torch

/// The way of some winners of an update from their latents to gradients: reference samples, noise, errors, objective.
///
/// Every random number belongs to one example, so that a batch may be cut into parts, done one after another or at the same time.
struct ExampleGradients: Sendable {
    let settings: AlignmentSettings
    let winners: EncodedWinners
    let schedule: NoiseSchedule
    let sampler: any Sampler
    private let row: Method
    private let objective: PreferenceObjective
    private let watched: WatchedExamples

    init(_ settings: AlignmentSettings, _ winners: EncodedWinners, _ schedule: NoiseSchedule, _ sampler: any Sampler) {
        self.settings = settings
        self.winners = winners
        self.schedule = schedule
        self.sampler = sampler
        row = settings.row
        objective = PreferenceObjective(beta: settings.objective.beta, flip: settings.row.flip)
        watched = WatchedExamples(settings)
    }

    /// What the examples showed, and how long their losing samples took.
    struct Outcome: Sendable {
        var diagnostics: Diagnostics
        var sampleSeconds = 0.0
    }

    /// Adds the examples' share of the gradient of the batch's mean loss to the policy's tensors.
    /// - Parameters:
    ///   - rows: of the winners
    ///   - numbers: global indices of the examples
    ///   - reference: nil where the method compares no pairs
    ///   - base: checkpoint 0 where it is not the reference, for what the alarms look at; nothing else depends on it
    ///   - lossScale: by which the gradients are too large then
    func add(rows: [Int], numbers: Range<Int>, policy: UNet, reference: UNet?, base: UNet? = nil, lossScale: Double = 1) throws -> Outcome {
        var outcome = Outcome(diagnostics: Diagnostics(timestepCount: schedule.count))
        let batch = try TrainingBatch(winners, rows: rows, numbers: numbers, settings: settings)
        let places = numbers.indices.filter { watched.contains($0) }.map { $0 - numbers.lowerBound }
        // Before the policy's, whose activations are kept for the gradient.
        let baseErrors = places.isEmpty ? nil : base.map { errors(of: $0, on: batch, at: places) }
        let losses: Tensor
        if let reference {
            let clock = Stopwatch()
            let loser = try losingLatents(batch, reference)
            outcome.sampleSeconds = clock.seconds
            losses = compare(batch, loser, policy, reference, &outcome.diagnostics)
        } else {
            losses = imitate(batch, policy, &outcome.diagnostics)
        }
        if let baseErrors { outcome.diagnostics.appendBase(baseErrors, at: places) }
        (losses.sum() * lossScale / Double(settings.optimisation.batch)).backward()
        return outcome
    }

    /// Whether some of the examples are to be measured under checkpoint 0.
    func watches(_ numbers: Range<Int>) -> Bool { numbers.contains(where: watched.contains) }

    /// Adds the gradient of one winner's own error, on which every method rests: what comes out of a policy that no update has used yet.
    /// - Returns: the error
    func addWinner(row: Int, number: Int, policy: UNet) throws -> Double {
        let batch = try TrainingBatch(winners, rows: [row], numbers: number..<number + 1, settings: settings)
        let error = noised(batch, batch.latents, "loss").errors(of: policy, states: batch.states).sum()
        error.backward()
        return error.item
    }

    /// A network's errors on some winners of a batch, at the timesteps and noise of the loss.
    private func errors(of network: UNet, on batch: TrainingBatch, at places: [Int]) -> [Double] {
        noGradients {
            noised(batch, batch.latents, "loss").gathered(places).errors(of: network, states: batch.states.gathered(places)).values(Double.self)
        }
    }

    /// The losing samples of a batch: drawn by the reference, as latents straight from the sampler, or the data set's.
    private func losingLatents(_ batch: TrainingBatch, _ reference: UNet) throws -> Tensor {
        if row.losers == .dataset { return try winners.latents(batch.rows, .loser).latents { batch.noise("loser posterior") } }
        let guidance = Guidance(scale: settings.sampling.guidance)
        let denoiser = guidance.denoiser(conditional: batch.states, unconditional: winners.emptyState) { x, t, states in
            reference(x, timesteps: Tensor([Float(t)]), context: states)
        }
        return try sampler.sample(
            batch.noise("sampling start"), steps: settings.sampling.steps, varianceNoise: { batch.noise("sampling step \($0)") }, denoiser: denoiser)
    }

    /// The objective on pairs; its value an example.
    private func compare(_ batch: TrainingBatch, _ loser: Tensor, _ policy: UNet, _ reference: UNet, _ diagnostics: inout Diagnostics) -> Tensor {
        // Before the errors, whose activations are kept for the gradient.
        let anchors = (0..<settings.objective.anchorDraws).map { anchorAdvantage(batch, policy, reference, draw: $0 + 1) }
        let errors = DenoisingErrors(
            policy: policy, reference: reference, winner: noised(batch, batch.latents, "loss"),
            loser: noised(batch, loser, settings.objective.unshareNoise ? "loss loser" : "loss"), states: batch.states)
        let own = noGradients { errors.referenceWinner - errors.policyWinner }
        let value = objective(errors, advantage: anchors.isEmpty ? own : anchors.reduce(own, +) / Double(anchors.count + 1))
        diagnostics.append(errors, value, timesteps: batch.timesteps("loss", below: schedule.count))
        return value.losses
    }

    /// r_w − m_w of one more draw of (t, ε).
    private func anchorAdvantage(_ batch: TrainingBatch, _ policy: UNet, _ reference: UNet, draw: Int) -> Tensor {
        noGradients {
            let winner = noised(batch, batch.latents, "anchor \(draw)")
            return winner.errors(of: reference, states: batch.states) - winner.errors(of: policy, states: batch.states)
        }
    }

    /// Plain fine-tuning on the winner; its error an example.
    private func imitate(_ batch: TrainingBatch, _ policy: UNet, _ diagnostics: inout Diagnostics) -> Tensor {
        let errors = noised(batch, batch.latents, "loss").errors(of: policy, states: batch.states)
        diagnostics.append(winnerErrors: errors)
        return errors
    }

    private func noised(_ batch: TrainingBatch, _ clean: Tensor, _ draw: String) -> NoisedLatents {
        NoisedLatents(clean, noise: batch.noise(draw), timesteps: batch.timesteps(draw, below: schedule.count), schedule: schedule)
    }
}
