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
        let saved = try RunState.load(directory)
        counters = saved?.counters ?? RunState.Counters()
        policyStore = ParameterStore(saved?.policy ?? pipeline.unetTensors, isTrainable: true)
        policy = try policyStore.build { [pipeline] in UNet($0, pipeline.unet.configuration) }
        optimiser = AdamW(policyStore.parameters, settings: AdamW.Settings(weightDecay: settings.weightDecay))
        if let saved { try optimiser.restore(saved.optimiser) }
        pool = ReferencePool(base: pipeline.unet, directory: directory, rule: row.reference, draw: settings.referenceDraw, seed: settings.seed)
        objective = PreferenceObjective(beta: settings.beta, flip: row.flip)
        sampler = try pipeline.scheduler.inStableDiffusionPipeline.sampler(settings.sampler, eta: settings.eta)
        log = try RunLog(directory.log, continuingAfter: counters.updates)
        alarms = Alarms(totalUpdates: settings.totalUpdates)
    }

    /// Updates that were done before this process.
    public var updatesDone: Int { counters.updates }

    /// Runs to the end, or to a signal: then the update in hand is finished and saved first.
    public func run(stopping signals: StopSignals, progress: (LoggedUpdate) throws -> Void) throws {
        while counters.updates < settings.totalUpdates {
            let entry = try step()
            try log.append(entry)
            let endsIteration = counters.updates % settings.updates == 0
            if endsIteration { try pool.append(counters.updates / settings.updates, policyStore.parameters) }
            let stop = signals.received
            if endsIteration || stop != nil || counters.updates % settings.saveEvery == 0 { try save() }
            try progress(entry)
            if let stop { throw StoppedBySignal(number: stop) }
            if counters.skipsInARow >= Self.greatestSkipsInARow { throw RunError.notFinite(counters.skipsInARow) }
        }
        try pipeline.write(to: directory.model, unetTensors: policyStore.parameters)
        if let stop = signals.received { throw StoppedBySignal(number: stop) }
    }

    /// One update: draw a reference, sample, noise, compare, step.
    private func step() throws -> LoggedUpdate {
        let update = counters.updates
        let k = update / settings.updates + 1
        let reference = row.comparesPairs ? pool.index(update: update, k: k) : nil
        var order = ShuffledOrder(count: winners.count, seed: settings.seed, purpose: "winner order", position: update * settings.batch)
        let rows = order.next(settings.batch)
        var diagnostics = Diagnostics(timestepCount: pipeline.schedule.count)
        var sampleSeconds = 0.0
        let start = Date()
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
        let rate = settings.rates.rate(at: update)
        let isFinite = diagnostics.loss.isFinite && norm.isFinite
        if isFinite {
            optimiser.clipGradients(norm: norm, to: settings.gradientClip)
            optimiser.step(learningRate: rate)
        } else {
            optimiser.clearGradients()
        }
        counters.updates += 1
        counters.skipsInARow = isFinite ? 0 : counters.skipsInARow + 1
        let seconds = -start.timeIntervalSinceNow
        var entry = LoggedUpdate(update: counters.updates)
        entry.k = k
        entry.reference = reference
        entry.examples = counters.updates * settings.batch
        diagnostics.fill(&entry, k: k, reference: reference)
        entry.gradientNorm = norm.isFinite ? norm : nil
        entry.learningRate = rate
        entry.sampleSeconds = sampleSeconds
        entry.updateSeconds = seconds - sampleSeconds
        entry.examplesPerSecond = Double(settings.batch) / seconds
        entry.peakMegabytes = Double(Runtime.peakMegabytes)
        entry.skipped = isFinite ? 0 : 1
        entry.alarms = alarms.raised(by: entry, margins: diagnostics.margins, &counters)
        return entry
    }

    /// The losing samples of a batch: drawn by the reference, as latents straight from the sampler, or the data set's.
    private func losingLatents(_ batch: TrainingBatch, _ reference: UNet) throws -> Tensor {
        if row.losers == .dataset, let losers = winners.losers {
            return losers.latents(batch.rows) { batch.noise("loser posterior") }
        }
        let guidance = Guidance(scale: settings.guidance)
        let denoiser = guidance.denoiser(conditional: batch.states, unconditional: winners.emptyState) { x, t, states in
            reference(x, timesteps: Tensor([Float(t)]), context: states)
        }
        return try sampler.sample(
            batch.noise("sampling start"), steps: settings.sampleSteps, varianceNoise: { batch.noise("sampling step \($0)") }, denoiser: denoiser)
    }

    /// The objective on pairs; its value an example.
    private func compare(_ batch: TrainingBatch, _ loser: Tensor, _ reference: UNet, _ diagnostics: inout Diagnostics) -> Tensor {
        let errors = errors(batch, loser, reference, draw: "loss")
        var advantage: Tensor?
        if settings.anchorDraws > 0 {
            advantage = noGradients {
                (1...settings.anchorDraws).reduce(errors.referenceWinner - errors.policyWinner.detached) { sum, draw in
                    let winner = noised(batch, batch.latents, "anchor \(draw)")
                    return sum + winner.errors(of: reference, states: batch.states) - winner.errors(of: policy, states: batch.states)
                } / Double(settings.anchorDraws + 1)
            }
        }
        let value = objective(errors, advantage: advantage)
        diagnostics.append(errors, value, timesteps: batch.timesteps("loss", below: pipeline.schedule.count))
        return value.losses
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
        try RunState.save(counters, policy: policyStore.parameters, optimiser: optimiser, in: directory)
    }
}
