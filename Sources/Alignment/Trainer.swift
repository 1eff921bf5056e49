import Datasets
import Diffusion
import Foundation
import Layers
import Torch

/// Algorithm 1 of the paper, and every other row of the method table.
public final class Trainer {
    public let settings: AlignmentSettings
    private let row: Method
    private let pipeline: Pipeline
    private let winners: EncodedWinners
    private let directory: RunDirectory
    private let policyStore: ParameterStore
    private let policy: UNet
    private let pool: ReferencePool
    private let optimiser: AdamW
    private let objective: PreferenceObjective
    private let sampler: any Sampler
    private let log: RunLog
    private let alarms: Alarms
    private let inputs: RunState.Inputs
    private var counters: RunState.Counters

    /// How many updates in a row may be left out before the run gives up.
    public static let greatestSkipsInARow = 10

    /// Begins a run, or goes on with its newest saved state.
    public init(_ settings: AlignmentSettings, _ pipeline: Pipeline, _ winners: EncodedWinners, _ directory: RunDirectory) throws {
        try settings.validate()
        self.settings = settings
        self.pipeline = pipeline
        self.winners = winners
        self.directory = directory
        row = settings.row
        guard row.losers != .dataset || winners.losers != nil else { throw RunError.model("this method needs winners with losing images") }
        let saved = try RunState.load(directory)
        inputs = RunState.Inputs(winners: winners.key, unet: pipeline.unetKey)
        if let saved { try Self.refuseChanges(from: saved.inputs, to: inputs) }
        counters = saved?.counters ?? RunState.Counters()
        policyStore = ParameterStore(saved?.policy ?? pipeline.unetTensors, isTrainable: true)
        do {
            policy = try policyStore.build { UNet($0, pipeline.unet.configuration) }
        } catch {
            throw RunError.state("the saved state of this run belongs to another model: \(error)")
        }
        optimiser = AdamW(policyStore.parameters, settings: AdamW.Settings(weightDecay: settings.weightDecay))
        if let saved { try optimiser.restore(saved.optimiser) }
        pool = ReferencePool(base: pipeline.unet, directory: directory, rule: row.reference, draw: settings.referenceDraw, seed: settings.seed)
        objective = PreferenceObjective(beta: settings.beta, flip: row.flip)
        sampler = try pipeline.scheduler.inStableDiffusionPipeline.sampler(settings.sampler, eta: settings.eta)
        log = try RunLog(directory.log, continuingAfter: counters.updates)
        alarms = Alarms(totalUpdates: settings.totalUpdates)
    }

    private static func refuseChanges(from saved: RunState.Inputs, to now: RunState.Inputs) throws {
        var changes: [String] = []
        if saved.winners != now.winners { changes.append("winners: images, captions or the encoders of the model have changed since the run began") }
        if saved.unet != now.unet { changes.append("model: the UNet's weights have changed since the run began") }
        guard changes.isEmpty else { throw RunError.differs(changes) }
    }

    /// Updates that were done before this process.
    public var updatesDone: Int { counters.updates }

    /// Runs to the end, or to a signal: then the update in hand is finished and saved first.
    public func run(stopping signals: StopSignals, progress: (LoggedUpdate) throws -> Void) throws {
        var isSaveDue = false
        while counters.updates < settings.totalUpdates {
            let gradients = try accumulateGradients()
            // A state is good once finite gradients have come out of it: one that a last huge step has spoilt never replaces a good one.
            if isSaveDue, gradients.areFinite {
                try save()
                isSaveDue = false
            }
            let entry = advance(gradients)
            try log.append(entry)
            let endsIteration = counters.updates % settings.updates == 0
            if endsIteration { try pool.append(counters.updates / settings.updates, policyStore.parameters) }
            isSaveDue = isSaveDue || endsIteration || counters.updates % settings.saveEvery == 0
            let stop = signals.received
            let isLast = counters.updates == settings.totalUpdates
            if isLast || stop != nil, counters.skipsInARow == 0 { try save() }
            try progress(entry)
            if let stop { throw StoppedBySignal(number: stop) }
            if counters.skipsInARow >= Self.greatestSkipsInARow { throw RunError.notFinite(counters.skipsInARow) }
        }
        try pipeline.write(to: directory.model, unetTensors: policyStore.parameters)
        if let stop = signals.received { throw StoppedBySignal(number: stop) }
    }

    /// What an update's gradients, which stand in the policy's tensors, came from.
    private struct Gradients {
        let k: Int
        let reference: Int?
        let diagnostics: Diagnostics
        /// Before clipping.
        let norm: Double
        let sampleSeconds: Double
        let seconds: Double

        var areFinite: Bool { diagnostics.loss.isFinite && norm.isFinite }
    }

    /// The first half of an update: draw a reference, sample, noise, compare.
    private func accumulateGradients() throws -> Gradients {
        let start = Date()
        let update = counters.updates
        let k = update / settings.updates + 1
        let reference = row.comparesPairs ? pool.index(update: update, k: k) : nil
        var order = ShuffledOrder(count: winners.count, seed: settings.seed, purpose: "winner order", position: update * settings.batch)
        let rows = order.next(settings.batch)
        var diagnostics = Diagnostics(timestepCount: pipeline.schedule.count)
        var sampleSeconds = 0.0
        let size = settings.microBatch > 0 ? min(settings.microBatch, settings.batch) : settings.batch
        for first in stride(from: 0, to: settings.batch, by: size) {
            let part = first..<min(first + size, settings.batch)
            let numbers = (update * settings.batch + part.lowerBound)..<(update * settings.batch + part.upperBound)
            let batch = TrainingBatch(winners, rows: Array(rows[part]), numbers: numbers, settings: settings)
            let losses: Tensor
            if let reference {
                let network = try pool.network(reference)
                let began = Date()
                let loser = try losingLatents(batch, network)
                sampleSeconds -= began.timeIntervalSinceNow
                losses = compare(batch, loser, network, &diagnostics)
            } else {
                losses = imitate(batch, &diagnostics)
            }
            (losses.sum() / Double(settings.batch)).backward()
        }
        let norm = optimiser.gradientNorm()
        return Gradients(
            k: k, reference: reference, diagnostics: diagnostics, norm: norm, sampleSeconds: sampleSeconds, seconds: -start.timeIntervalSinceNow)
    }

    /// The second half: step, or leave the update out where its gradients are not finite.
    private func advance(_ gradients: Gradients) -> LoggedUpdate {
        let start = Date()
        let rate = settings.rates.rate(at: counters.updates)
        if gradients.areFinite {
            optimiser.clipGradients(norm: gradients.norm, to: settings.gradientClip)
            optimiser.step(learningRate: rate)
        } else {
            optimiser.clearGradients()
        }
        counters.updates += 1
        counters.skipsInARow = gradients.areFinite ? 0 : counters.skipsInARow + 1
        let seconds = gradients.seconds - start.timeIntervalSinceNow
        var entry = LoggedUpdate(update: counters.updates)
        entry.k = gradients.k
        entry.reference = gradients.reference
        entry.examples = counters.updates * settings.batch
        gradients.diagnostics.fill(&entry, k: gradients.k, reference: gradients.reference)
        entry.gradientNorm = gradients.norm.isFinite ? gradients.norm : nil
        entry.learningRate = rate
        entry.sampleSeconds = gradients.sampleSeconds
        entry.updateSeconds = seconds - gradients.sampleSeconds
        entry.examplesPerSecond = Double(settings.batch) / seconds
        entry.peakMegabytes = Double(Runtime.peakMegabytes)
        entry.skipped = gradients.areFinite ? 0 : 1
        entry.alarms = alarms.raised(by: entry, margins: gradients.diagnostics.margins, &counters)
        return entry
    }

    /// The losing samples of a batch: drawn by the reference, as latents straight from the sampler, or the data set's.
    private func losingLatents(_ batch: TrainingBatch, _ reference: UNet) throws -> Tensor {
        if row.losers == .dataset { return winners.losers!.latents(batch.rows) { batch.noise("loser posterior") } }
        let guidance = Guidance(scale: settings.guidance)
        let denoiser = guidance.denoiser(conditional: batch.states, unconditional: winners.emptyState) { x, t, states in
            reference(x, timesteps: Tensor([Float(t)]), context: states)
        }
        return try sampler.sample(
            batch.noise("sampling start"), steps: settings.sampleSteps, varianceNoise: { batch.noise("sampling step \($0)") }, denoiser: denoiser)
    }

    /// The objective on pairs; its value an example.
    private func compare(_ batch: TrainingBatch, _ loser: Tensor, _ reference: UNet, _ diagnostics: inout Diagnostics) -> Tensor {
        // Before the errors, whose activations are kept for the gradient.
        let anchors = (0..<settings.anchorDraws).map { anchorAdvantage(batch, reference, draw: $0 + 1) }
        let errors = errors(batch, loser, reference, draw: "loss")
        let own = noGradients { errors.referenceWinner - errors.policyWinner }
        let value = objective(errors, advantage: anchors.isEmpty ? own : anchors.reduce(own, +) / Double(anchors.count + 1))
        diagnostics.append(errors, value, timesteps: batch.timesteps("loss", below: pipeline.schedule.count))
        return value.losses
    }

    /// r_w − m_w of one more draw of (t, ε).
    private func anchorAdvantage(_ batch: TrainingBatch, _ reference: UNet, draw: Int) -> Tensor {
        noGradients {
            let winner = noised(batch, batch.latents, "anchor \(draw)")
            return winner.errors(of: reference, states: batch.states) - winner.errors(of: policy, states: batch.states)
        }
    }

    private func errors(_ batch: TrainingBatch, _ loser: Tensor, _ reference: UNet, draw: String) -> DenoisingErrors {
        DenoisingErrors(
            policy: policy, reference: reference, winner: noised(batch, batch.latents, draw),
            loser: noised(batch, loser, settings.unshareNoise ? draw + " loser" : draw), states: batch.states)
    }

    /// Plain fine-tuning on the winner; its error an example.
    private func imitate(_ batch: TrainingBatch, _ diagnostics: inout Diagnostics) -> Tensor {
        let errors = noised(batch, batch.latents, "loss").errors(of: policy, states: batch.states)
        diagnostics.append(winnerErrors: errors)
        return errors
    }

    private func noised(_ batch: TrainingBatch, _ clean: Tensor, _ draw: String) -> NoisedLatents {
        NoisedLatents(
            clean, noise: batch.noise(draw), timesteps: batch.timesteps(draw, below: pipeline.schedule.count), schedule: pipeline.schedule)
    }

    private func save() throws {
        try log.flush()
        try RunState.save(counters, inputs: inputs, policy: policyStore.parameters, optimiser: optimiser, in: directory)
    }
}
