import Diffusion
import Foundation
import Storage
import Torch

/// What an update's gradients, which stand in the policy's tensors, came from.
struct GatheredGradients {
    /// The first of the examples.
    let example: (row: Int, number: Int)
    /// The iteration, from 1.
    let k: Int
    /// Index of the checkpoint that the policy was compared with; nil where the method compares no pairs.
    let reference: Int?
    let diagnostics: Diagnostics
    /// Before clipping.
    let norm: Double
    /// A signal after which the training is to stop with this update.
    let stop: Int32?
    let sampleSeconds: Double
    let seconds: Double

    var areFinite: Bool { diagnostics.loss.isFinite && norm.isFinite }
}

extension Trainer {
    /// The first half of an update: from its winners to gradients.
    func gatherGradients(_ rows: [Int]) throws -> GatheredGradients {
        let clock = Stopwatch()
        let update = counters.updates
        let k = update / settings.optimisation.updates + 1
        let numbers = update * settings.optimisation.batch..<(update + 1) * settings.optimisation.batch
        let reference = settings.row.comparesPairs ? pool.index(update: update, k: k) : nil
        let share = ranks.share(of: settings.optimisation.batch)
        let own = numbers.lowerBound + share.lowerBound..<numbers.lowerBound + share.upperBound
        let references = try references(reference, own)
        if reference != nil { pool.prepareNext(after: update, k: k, updates: settings.optimisation.updates) }
        let outcome = try add(share, rows, numbers, references)
        policy.sumGradients()
        try gradientSum()
        let norm = optimiser.gradientNorm() / lossScale
        var work = try ranks.gather(Ranks.Work(diagnostics: outcome.diagnostics, sampleSeconds: outcome.sampleSeconds, norm: norm))
        if reference == 0 { work.diagnostics.takeReferenceAsBase() }
        return GatheredGradients(
            example: (rows[0], numbers.lowerBound), k: k, reference: reference, diagnostics: work.diagnostics, norm: work.norm, stop: work.stop,
            sampleSeconds: work.sampleSeconds, seconds: clock.seconds)
    }

    /// Adds the gradients of a share of the update's examples to the policy and its copies, as many at once as the settings say.
    /// - Parameters:
    ///   - share: places among `rows` and `numbers`
    ///   - rows: of the winners
    ///   - numbers: global indices of the examples
    private func add(
        _ share: Range<Int>, _ rows: [Int], _ numbers: Range<Int>, _ references: ExampleGradients.References
    ) throws -> ExampleGradients.Outcome {
        var whole = ExampleGradients.Outcome()
        let size = settings.computation.microBatch > 0 ? min(settings.computation.microBatch, settings.optimisation.batch) : settings.optimisation.batch
        for done in stride(from: share.lowerBound, to: share.upperBound, by: size) {
            let denoisers = policy.denoisers
            let outcomes = try Workers.map(min(size, share.upperBound - done), limit: denoisers.count) { [gradients, lossScale] worker, part in
                let first = numbers.lowerBound + done
                return try gradients.add(
                    rows: Array(rows[done + part.lowerBound..<done + part.upperBound]), numbers: first + part.lowerBound..<first + part.upperBound,
                    policy: denoisers[worker], references, lossScale: lossScale)
            }
            for outcome in outcomes { whole.diagnostics.append(outcome.diagnostics) }
            whole.sampleSeconds += outcomes.map(\.sampleSeconds).reduce(0, +) / Double(outcomes.count)
        }
        return whole
    }

    private func references(_ index: Int?, _ numbers: Range<Int>) throws -> ExampleGradients.References {
        func denoiser(_ index: Int) throws -> any Denoiser {
            var denoiser = try pool.denoiser(index)
            denoiser.precision = settings.computation.precision
            return denoiser
        }
        return ExampleGradients.References(
            reference: try index.map(denoiser), base: index != 0 && gradients.watches(numbers) ? try denoiser(0) : nil)
    }

    /// What gradients are too large by, until they are clipped.
    private var lossScale: Double { counters.lossScale?.factor ?? 1 }

    /// The second half: a step, or none where the gradients are not finite.
    /// - Returns: what the update logs
    func advance(_ gathered: GatheredGradients) -> LoggedUpdate {
        let clock = Stopwatch()
        let rate = settings.rates.rate(at: counters.updates)
        if gathered.areFinite {
            optimiser.clipGradients(norm: gathered.norm, to: settings.optimisation.gradientClip, scale: lossScale)
            optimiser.step(learningRate: rate)
            average?.update()
            latestExample = gathered.example
        } else {
            optimiser.clearGradients()
        }
        let isFirst = restartedFrom != nil
        counters.updates += 1
        counters.lossScale?.update(wasFinite: gathered.areFinite)
        counters.skipsInARow = gathered.areFinite ? 0 : counters.skipsInARow + 1
        var errors = counters.winnerErrors ?? PairedErrors()
        errors.append(gathered.diagnostics.pairsWithBase)
        counters.winnerErrors = errors

        var entry = LoggedUpdate(update: counters.updates)
        gathered.diagnostics.fill(&entry, k: gathered.k, reference: gathered.reference)
        entry.k = gathered.k
        entry.reference = gathered.reference
        entry.examples = counters.updates * settings.optimisation.batch
        entry.fromCheckpoint = isFirst ? counters.startedFrom : nil
        entry.gradientNorm = gathered.norm.isFinite ? gathered.norm : nil
        entry.learningRate = rate
        entry.winnerErrorRatio = errors.ratio
        entry.skipped = gathered.areFinite ? 0 : 1
        let seconds = gathered.seconds + clock.seconds
        entry.sampleSeconds = gathered.sampleSeconds
        entry.updateSeconds = max(0, seconds - gathered.sampleSeconds)
        entry.examplesPerSecond = seconds > 0 ? Double(settings.optimisation.batch) / seconds : nil
        entry.peakMegabytes = Double(ProcessMemory.peakMegabytes)
        entry.peakDeviceMegabytes = DeviceMemory(of: policy.device)?.peak.map { Double($0) / 1e6 }
        return entry
    }

    /// Whether the policy's weights, a winner's own error and its gradient are finite. Where this process took no step, they are those of a good state.
    func isFinite() throws -> Bool {
        guard policy.isFinite else { return false }
        guard let latestExample else { return true }
        defer { optimiser.clearGradients() }
        let error = try gradients.addWinner(row: latestExample.row, number: latestExample.number, policy: policy.denoisers[0])
        return error.isFinite && optimiser.gradientNorm().isFinite
    }
}
