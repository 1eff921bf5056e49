import Datasets
import Diffusion
import Foundation
import Layers
import Torch

/// Algorithm 1 of the paper, and every other row of the method table.
public final class Trainer {
    public let settings: AlignmentSettings
    private let pipeline: DenoisingPipeline
    private let winners: EncodedWinners
    /// Rows of the winners that are trained on.
    private let trainingRows: [Int]
    private let validator: Validator?
    private let directory: RunDirectory
    private let policyStore: ParameterStore
    /// The policy, and copies of it over the same weights for other threads.
    private let policies: [(network: any Denoiser, store: ParameterStore)]
    private let pool: ReferencePool
    private let optimiser: AdamW
    /// Becomes the resulting model, where it is kept.
    private let average: ExponentialMovingAverage?
    private let gradients: ExampleGradients
    private let log: RunLog
    private let events: RunEvents
    private let alarms: Alarms
    private let inputs: RunState.Inputs
    private var counters: RunState.Counters
    /// By the newest saved state.
    private var updatesSaved: Int
    /// Row and number of an example of the latest update that was taken in this process: nothing but that step can have spoilt its gradient since.
    private var latestExample: (row: Int, number: Int)?

    /// Of the random order of the winners.
    static let orderPurpose = "winner order"
    /// How many updates in a row may be left out before the run gives up.
    public static let greatestSkipsInARow = 10
    /// Threads share the operators of a large network, whose gradients are large too, and the batch of a small one.
    private static let greatestBytesOfFurtherGradients = 256 << 20

    /// Begins a run, or goes on with its newest saved state.
    /// - Parameter validator: measures every checkpoint, the base model's first; nil where nothing is to be measured
    public init(
        _ settings: AlignmentSettings, _ pipeline: DenoisingPipeline, _ winners: EncodedWinners, _ directory: RunDirectory, _ validator: Validator? = nil
    ) throws {
        try settings.validate()
        self.settings = settings
        self.pipeline = pipeline
        self.winners = winners
        self.validator = validator
        trainingRows = HeldOutSplit(of: winners, settings).training
        self.directory = directory
        let row = settings.row
        guard row.losers != .dataset || winners.settings.withLosers else { throw RunError.model("this method needs winners with losing images") }
        let saved = try RunState.load(directory)
        inputs = RunState.Inputs(data: winners.key, unet: pipeline.unetKey)
        if let saved { try Self.refuseChanges(from: saved.inputs, to: inputs) }
        counters = saved?.counters ?? RunState.Counters()
        updatesSaved = counters.updates
        if settings.precision == .f16, counters.lossScale == nil { counters.lossScale = LossScale() }
        let adapters = try settings.startingAdapters(pipeline.unetTensors)
        policyStore =
            adapters.map { ParameterStore(pipeline.unetTensors, isTrainable: true, adapters: saved?.adapters(like: $0) ?? $0) }
            ?? ParameterStore(saved?.policy ?? pipeline.unetTensors, isTrainable: true)
        do {
            policies = try Self.policies(policyStore, pipeline.unet.configuration, settings)
        } catch {
            throw RunError.state("the saved state of this run belongs to another model: \(error)")
        }
        optimiser = AdamW(policyStore.trained, settings: AdamW.Settings(weightDecay: settings.weightDecay))
        average = settings.ema > 0 ? ExponentialMovingAverage(policyStore.trained, decay: settings.ema) : nil
        if let saved {
            try optimiser.restore(saved.optimiser)
            // An update that was left out moved neither.
            try average?.restore(saved.average, updates: optimiser.stepCount)
        }
        pool = try ReferencePool(settings, pipeline, in: directory)
        if row.comparesPairs {
            if settings.loraFrom != nil, let adapters { try pool.keepFirst(adapters.tensors.map { ($0.key, $0.value) }) }
            if adapters == nil, ParameterStore.isLarge(pipeline.unetTensors) { try pool.keepFirst(pipeline.unetTensors.map { ($0.key, $0.value) }) }
        }
        gradients = ExampleGradients(settings, winners, pipeline.schedule, try pipeline.latentSampler(settings.sampling))
        events = try RunEvents(directory, settings, continuingAfter: counters.updates)
        // What the events lack of the log is made up for.
        log = try RunLog(directory.log, continuingAfter: counters.updates, known: events.append)
        alarms = Alarms(totalUpdates: settings.totalUpdates)
    }

    /// The policy and, for every further thread that takes part of a batch, a copy over the same weights with gradients of its own.
    private static func policies(
        _ store: ParameterStore, _ configuration: UNetConfiguration, _ settings: AlignmentSettings
    ) throws -> [(network: any Denoiser, store: ParameterStore)] {
        func policy(_ store: ParameterStore) throws -> (any Denoiser, ParameterStore) {
            var network = try store.build { UNet($0, configuration) }
            network.recomputesBlocks = settings.gradientCheckpointing
            network.precision = settings.precision
            return (network, store)
        }
        var policies = [try policy(store)]
        let bytes = store.trained.map { $0.value.count * $0.value.dtype.size }.reduce(0, +)
        let isOnCPU = store.parameters.allSatisfy { $0.value.device == .cpu }
        let copies = isOnCPU ? min(Runtime.threads - 1, greatestBytesOfFurtherGradients / bytes) : 0
        for _ in 0..<copies { policies.append(try policy(ParameterStore(sharing: store))) }
        return policies
    }

    private static func refuseChanges(from saved: RunState.Inputs, to now: RunState.Inputs) throws {
        var changes: [String] = []
        if let before = saved.data, before != now.data {
            changes.append("winners: images, captions or the encoders of the model have changed since the run began")
        }
        if saved.unet != now.unet { changes.append("model: the UNet's weights have changed since the run began") }
        guard changes.isEmpty else { throw RunError.differs(changes) }
    }

    /// Called before files of the run are replaced; where it throws, nothing is.
    public var mayWrite: () throws -> Void = {}

    /// The iteration from whose checkpoint the run went on, if it did and has made no update since.
    public var restartedFrom: Int? { counters.startedFrom.flatMap { $0 * settings.updates == counters.updates ? $0 : nil } }

    /// Updates that the optimiser has forgotten, where the run went on from a checkpoint.
    private var updatesBefore: Int { (counters.startedFrom ?? 0) * settings.updates }

    /// Whether the policy is another than the model that the run began with.
    private var hasLearned: Bool { updatesBefore + optimiser.stepCount > 0 }

    /// Updates that were done before this process.
    public var updatesDone: Int { counters.updates }

    /// The winners still to come, in their order, and how many of them.
    public var outlook: (order: ShuffledOrder, count: Int) {
        let position = counters.position ?? counters.updates * settings.batch
        let order = ShuffledOrder(of: trainingRows, seed: settings.seed, purpose: Self.orderPurpose, position: position)
        return (order, (settings.totalUpdates - counters.updates) * settings.batch)
    }

    /// Runs to the end, or to a signal: then the update in hand is finished and saved first. One that waits for its winners is not in hand.
    /// - Parameter encoding: called while an update waits for its winners to be encoded
    public func run(
        stopping signals: StopSignals, encoding: (_ done: Int, _ of: Int) throws -> Void = { _, _ in }, progress: (LoggedUpdate) throws -> Void
    ) throws {
        var isSaveDue = false
        try validate(stopping: signals)
        while counters.updates < settings.totalUpdates {
            let (rows, position) = try nextWinners {
                if let stop = signals.received {
                    throw StoppedBySignal(number: stop, isSaved: try updatesSaved == counters.updates || saveIfGood())
                }
                try encoding($0, $1)
            }
            let gathered = try gatherGradients(rows)
            // A state is good once finite gradients have come out of it: one that a last huge step has spoilt never replaces a good one.
            if isSaveDue, gathered.areFinite {
                try save()
                isSaveDue = false
            }
            let entry = advance(gathered)
            counters.position = position
            try log.append(entry)
            try events.append(entry)
            let endsIteration = counters.updates % settings.updates == 0
            let stop = signals.received
            let isLast = counters.updates == settings.totalUpdates
            let isGood = isLast || stop != nil ? try isGood() : true
            if endsIteration, isGood {
                try mayWrite()
                try pool.append(counters.updates / settings.updates, policyStore.trained)
            }
            isSaveDue = isSaveDue || endsIteration || counters.updates % settings.saveEvery == 0
            if isLast || stop != nil, isGood { try save() }
            try progress(entry)
            if let stop { throw StoppedBySignal(number: stop, isSaved: isGood) }
            if counters.skipsInARow >= Self.greatestSkipsInARow { throw RunError.notFinite(counters.skipsInARow) }
            if isLast, !isGood { throw hasLearned ? RunError.spoilt : .noneTaken(counters.updates) }
            if endsIteration { try validate(stopping: signals) }
        }
        if let stop = signals.received { throw StoppedBySignal(number: stop) }
        guard hasLearned else { throw RunError.noneTaken(counters.updates) }
        try mayWrite()
        if let average {
            average.apply()
            guard try isFinite() else { throw RunError.spoilt }
        }
        if let scale = settings.loraScale {
            let adapters = LowRankAdapters(Dictionary(uniqueKeysWithValues: policyStore.trained.map { ($0.name, $0.value) }), scale: scale)
            try LoRA.write(adapters, textEncoder: settings.modelFiles.textEncoderAdapters(), naming: settings.loraNames, to: directory.adapters)
        }
        try settings.modelFiles.write(to: directory.model, unet: pipeline.unet.configuration, unetTensors: policyStore.merged)
        if let stop = signals.received { throw StoppedBySignal(number: stop) }
    }

    /// What gradients are too large by, until they are clipped.
    private var lossScale: Double { counters.lossScale?.factor ?? 1 }

    /// Validates the checkpoints so far that were not yet.
    private func validate(stopping signals: StopSignals) throws {
        try validator?.run(through: counters.updates / settings.updates, of: pool, events, stopping: signals)
    }

    /// What an update's gradients, which stand in the policy's tensors, came from.
    private struct Gathered {
        /// Row and number of the first.
        let example: (row: Int, number: Int)
        let k: Int
        let reference: Int?
        let diagnostics: Diagnostics
        /// Before clipping.
        let norm: Double
        let sampleSeconds: Double
        let seconds: Double

        var areFinite: Bool { diagnostics.loss.isFinite && norm.isFinite }
    }

    /// The next winners of the run's order, encoded, and the position after them. One that cannot be used is passed over.
    private func nextWinners(_ waiting: (_ done: Int, _ of: Int) throws -> Void) throws -> (rows: [Int], position: Int) {
        var order = outlook.order
        let start = order.position
        var rows: [Int] = []
        while rows.count < settings.batch {
            // From wherever the order is, two passes' worth holds a whole one.
            if rows.isEmpty, order.position - start >= 2 * order.count { throw winners.noneUsable }
            let drawn = order.next(min(settings.batch - rows.count, order.count))
            rows += zip(drawn, try winners.prepare(drawn, progress: waiting)).filter(\.1).map(\.0)
        }
        return (rows, order.position)
    }

    /// The first half of an update: draw a reference, then sample, noise and compare in parts.
    private func gatherGradients(_ rows: [Int]) throws -> Gathered {
        let clock = Stopwatch()
        let update = counters.updates
        let k = update / settings.updates + 1
        let reference = settings.row.comparesPairs ? pool.index(update: update, k: k) : nil
        func denoiser(_ index: Int) throws -> any Denoiser {
            var denoiser = try pool.network(index)
            denoiser.precision = settings.precision
            return denoiser
        }
        var references = ExampleGradients.References(reference: try reference.map(denoiser))
        let first = update * settings.batch
        if reference != 0, gradients.watches(first..<first + settings.batch) { references.base = try denoiser(0) }
        var diagnostics = Diagnostics()
        var sampleSeconds = 0.0
        let size = settings.microBatch > 0 ? min(settings.microBatch, settings.batch) : settings.batch
        for done in stride(from: 0, to: settings.batch, by: size) {
            let networks = policies.map(\.network)
            let outcomes = try Workers.map(min(size, settings.batch - done), limit: networks.count) { [gradients, references, lossScale] worker, part in
                let examples = done + part.lowerBound..<done + part.upperBound
                return try gradients.add(
                    rows: Array(rows[examples]), numbers: first + examples.lowerBound..<first + examples.upperBound, policy: networks[worker],
                    references, lossScale: lossScale)
            }
            for outcome in outcomes { diagnostics.append(outcome.diagnostics) }
            sampleSeconds += outcomes.map(\.sampleSeconds).reduce(0, +) / Double(outcomes.count)
        }
        if reference == 0 { diagnostics.takeReferenceAsBase() }
        for copy in policies.dropFirst() { policyStore.addGradients(of: copy.store) }
        let norm = optimiser.gradientNorm() / lossScale
        return Gathered(
            example: (rows[0], first), k: k, reference: reference, diagnostics: diagnostics, norm: norm, sampleSeconds: sampleSeconds,
            seconds: clock.seconds)
    }

    /// The second half: step, or leave the update out where its gradients are not finite.
    private func advance(_ gathered: Gathered) -> LoggedUpdate {
        let clock = Stopwatch()
        let rate = settings.rates.rate(at: counters.updates)
        if gathered.areFinite {
            optimiser.clipGradients(norm: gathered.norm, to: settings.gradientClip, scale: lossScale)
            optimiser.step(learningRate: rate)
            average?.update()
            latestExample = gathered.example
        } else {
            optimiser.clearGradients()
        }
        let isFirst = counters.updates == counters.startedFrom.map { $0 * settings.updates }
        counters.updates += 1
        counters.lossScale?.update(wasFinite: gathered.areFinite)
        counters.skipsInARow = gathered.areFinite ? 0 : counters.skipsInARow + 1
        let seconds = gathered.seconds + clock.seconds
        var entry = LoggedUpdate(update: counters.updates)
        entry.k = gathered.k
        entry.reference = gathered.reference
        entry.examples = counters.updates * settings.batch
        entry.fromCheckpoint = isFirst ? counters.startedFrom : nil
        gathered.diagnostics.fill(&entry, k: gathered.k, reference: gathered.reference)
        entry.gradientNorm = gathered.norm.isFinite ? gathered.norm : nil
        entry.learningRate = rate
        entry.sampleSeconds = gathered.sampleSeconds
        entry.updateSeconds = max(0, seconds - gathered.sampleSeconds)
        entry.examplesPerSecond = seconds > 0 ? Double(settings.batch) / seconds : nil
        entry.peakMegabytes = Double(Runtime.peakMegabytes)
        entry.skipped = gathered.areFinite ? 0 : 1
        var errors = counters.winnerErrors ?? PairedErrors()
        errors.append(gathered.diagnostics.pairsWithBase)
        counters.winnerErrors = errors
        entry.winnerErrorRatio = errors.ratio
        entry.alarms = alarms.raised(
            by: entry, margins: gathered.diagnostics.margins, errors: errors, skipped: counters.updates - updatesBefore - optimiser.stepCount)
        return entry
    }

    /// Saves the state that a run stops with, where it is good.
    /// - Returns: whether it was saved
    private func saveIfGood() throws -> Bool {
        guard try isGood() else { return false }
        try save()
        return true
    }

    /// Whether the state that a run stops or ends with is worth keeping: finite gradients come out of it, and an end is of something. The next update would
    /// prove the former, as it does of the other states, but it may take minutes, and after the last there is none.
    private func isGood() throws -> Bool { try (hasLearned || counters.updates < settings.totalUpdates) && isFinite() }

    /// Whether the policy's weights, a winner's own error and its gradient are finite. Where this process took no step, they are those of a good state.
    private func isFinite() throws -> Bool {
        guard policyStore.trained.allSatisfy(\.value.isFinite) else { return false }
        guard let latestExample else { return true }
        defer { optimiser.clearGradients() }
        let error = try gradients.addWinner(row: latestExample.row, number: latestExample.number, policy: policies[0].network)
        return error.isFinite && optimiser.gradientNorm().isFinite
    }

    private func save() throws {
        try mayWrite()
        try log.flush()
        try events.flush()
        try RunState.save(counters, inputs: inputs, policy: policyStore.trained, optimiser: optimiser, average: average, in: directory)
        updatesSaved = counters.updates
    }
}
