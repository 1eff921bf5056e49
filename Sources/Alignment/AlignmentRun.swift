import Diffusion
import Encoding
import Foundation
import Layers
import Storage
import Torch
import Winners

/// One `align`: everything is checked before work starts, then the trainer runs.
///
/// Several processes go through it together; the first of them keeps the run, and nothing else writes in its directory but the encoding of winners.
public final class AlignmentRun {
    public let settings: AlignmentSettings
    public let directory: RunDirectory
    /// The data set, listed once.
    public let data: WinnerSet
    private let pipeline: DenoisingPipeline
    private let part: TrainedPart
    private let winners: EncodedWinners
    /// Of the first process.
    private let lock: RunLock?
    private let ranks: Ranks
    /// Whether nothing is left to do.
    public let isComplete: Bool
    private let openingNotes: [String]
    /// Tensors of the model that no part uses, for people; nil where there are none.
    private let setAside: String?

    private init(
        _ settings: AlignmentSettings, _ directory: RunDirectory, _ data: WinnerSet, _ pipeline: DenoisingPipeline, _ part: TrainedPart,
        _ winners: EncodedWinners, _ lock: RunLock?, _ ranks: Ranks, isComplete: Bool, notes: [String], setAside: String?
    ) {
        (self.settings, self.directory, self.data, self.pipeline, self.part) = (settings, directory, data, pipeline, part)
        (self.winners, self.lock, self.ranks) = (winners, lock, ranks)
        (self.isComplete, openingNotes, self.setAside) = (isComplete, notes, setAside)
    }

    /// Takes the run directory, or refuses it.
    /// - Parameters:
    ///   - resumes: whether a run that was begun there goes on
    ///   - fromCheckpoint: whether it goes on from its newest checkpoint with a fresh optimiser, its saved state being lost
    ///   - collective: the processes that work on it together: where one cannot go on, all end with its message
    public static func open(
        _ settings: AlignmentSettings, in folder: URL, resumes: Bool, fromCheckpoint: Bool = false, over collective: any Collective = Alone()
    ) throws -> AlignmentRun {
        do {
            return try collective.whileOthersWait {
                try open(settings, in: folder, resumes: resumes, fromCheckpoint: fromCheckpoint, Ranks(collective))
            }
        } catch {
            collective.fail("\(error)")
            throw error
        }
    }

    private static func open(
        _ settings: AlignmentSettings, in folder: URL, resumes: Bool, fromCheckpoint: Bool, _ ranks: Ranks
    ) throws -> AlignmentRun {
        try settings.validate()
        var settings = settings
        let directory = RunDirectory(folder)
        try settings.checkFiles(in: directory)
        // Before anything is made there.
        if ranks.isFirst { _ = try RunStart.recorded(directory, resumes: resumes) }
        let cache = EncodingCache(settings.cacheFolder(of: directory))
        if settings.run.cache != nil { try cache.check() }
        let model = try settings.modelFiles
        // A run goes on with what it began with, whatever files beside the model say later.
        settings.model.prediction = try model.prediction().value
        let placement = try settings.placement
        let pipeline = try DenoisingPipeline.load(model, on: placement)
        let moves = pipeline.unet.configuration.motion != nil
        if moves, settings.adapters.train == nil, !settings.trainsAdapters { settings.adapters.train = .motion }
        guard moves || settings.clips == ClipSettings() else {
            throw RunError.setting("frames and how they are chosen are of clips, and this model draws pictures: motion names motion modules for it")
        }
        let part = try TrainedPart.choose(settings, of: pipeline)
        let encoder = try WinnerEncoder.load(model, on: placement)
        try encoder.check(fits: pipeline)
        let encoding = try settings.encoding(encoder, pipeline)
        // Whether the sampler takes that many steps is known before the first is taken.
        if settings.row.losers == .sampled || settings.validation.prompts > 0 { _ = try pipeline.latentSampler(settings.sampling) }
        let data = try settings.listedWinners()
        let taken = ranks.isFirst ? try take(directory, settings, resumes: resumes, fromCheckpoint: fromCheckpoint) : nil
        let isComplete = try ranks.ofFirst(taken?.start.isComplete(directory, settings, pipeline) ?? false)
        let winners = try EncodedWinners.open(data, encoder, encoding, limit: settings.data.limit, store: cache)
        try ranks.requireSameData(winners, pipeline)
        let run = AlignmentRun(
            settings, directory, data, pipeline, part, winners, taken?.lock, ranks, isComplete: isComplete,
            notes: try model.motionNotes() + [encoder.tokenizer.truncationNote(of: winners.captions)].compactMap { $0 }, setAside: model.setAsideText)
        if let start = taken?.start {
            if !isComplete { try run.checkDisk(encoders: encoder.parameterCount) }
            try run.begin(start)
        }
        if isComplete { try ranks.collective.close() }
        return run
    }

    /// Makes the run's folder this process's own.
    private static func take(
        _ directory: RunDirectory, _ settings: AlignmentSettings, resumes: Bool, fromCheckpoint: Bool
    ) throws -> (lock: RunLock, start: RunStart) {
        try createFolder(directory.root)
        let lock = try RunLock(directory)
        let start = try RunStart.choose(directory, settings, resumes: resumes, fromCheckpoint: fromCheckpoint)
        try directory.create()
        try directory.removeLeftovers()
        return (lock, start)
    }

    /// Writes what a run begins with.
    private func begin(_ start: RunStart) throws {
        switch start {
        case .saved: break
        case .checkpoint(let k):
            let inputs = RunState.Inputs(data: winners.key, unet: pipeline.unetKey)
            try RunState.save(fromCheckpoint: k, settings, inputs: inputs, in: directory)
        case .new, .again:
            // A run that was killed before its first save leaves nothing worth keeping; other people's files in the folder stay.
            directory.removeResults()
            try writeAtomically(Data(settings.yaml().utf8), to: directory.configuration)
            try RunState.awaitFirst(in: directory)
        }
    }

    /// What a user should know of the data before the first update, and after the last.
    public var notes: [String] { openingNotes + [shortClipsNote].compactMap { $0 } }

    /// How many clips were too short, as far as this process has seen; nil where none was.
    public var shortClipsNote: String? { winners.shortClipsNote }

    /// Which winners are measured, and not trained on.
    public var heldOut: HeldOutSplit { HeldOutSplit(of: winners, settings) }

    /// What a run prints before its first update.
    public var arithmetic: [String] {
        let examples = settings.totalUpdates * settings.optimisation.batch
        let size = settings.computation.microBatch > 0 ? min(settings.computation.microBatch, settings.optimisation.batch) : settings.optimisation.batch
        var lines = [
            "\(settings.optimisation.iterations) iterations x \(settings.optimisation.updates) updates x batch \(settings.optimisation.batch) = \(examples) examples; "
                + (size < settings.optimisation.batch
                    ? "\((settings.optimisation.batch + size - 1) / size) micro-batches of \(size) an update" : "one micro-batch an update"),
            "policy: \(part.count) parameters\(part.kind.place); a loss of 0.693 = ln 2 is that of an untrained pair",
        ]
        if !settings.model.isBuiltIn, settings.optimisation.batch * 8 < 2048,
            settings.optimisation.learningRate >= AlignmentSettings(model: "", winners: "").optimisation.learningRate
        {
            let batches = "belongs to an effective batch of 2048, and this one is \(settings.optimisation.batch)"
            lines.append("warning: the learning rate \(settings.optimisation.learningRate) \(batches): expect noise, or take a lower rate")
        }
        let processes = ranks.collective.size
        if processes > 1 { lines.append("\(processes) processes share out the examples of every update") }
        if let setAside { lines.append("of the model's file not used: \(setAside)") }
        return lines
    }

    /// Trains to the end, or to a signal, while winners are encoded ahead of their turn.
    /// - Parameters:
    ///   - encoding: called while the first update, or the first validation, waits for winners to be encoded
    ///   - started: called before the first update, with what is known to be left out by then
    ///   - restarted: called where the run goes on from an iteration's checkpoint with a fresh optimiser
    ///   - leftOut: called for every winner that is found unusable later
    public func run(
        stopping signals: StopSignals, encoding: @escaping (_ done: Int, _ of: Int) throws -> Void = { _, _ in },
        started: (_ winners: Int, _ heldOut: Int, _ skips: [Skip], _ updatesDone: Int) throws -> Void = { _, _, _, _ in },
        restarted: (_ k: Int) -> Void = { _ in }, leftOut: @escaping (Skip) throws -> Void = { _ in },
        validated: @escaping (Validation) -> Void = { _ in }, progress: @escaping (LoggedUpdate) throws -> Void
    ) throws {
        do {
            try train(signals, encoding, started, restarted, leftOut, validated, progress)
        } catch let stop as StoppedBySignal {
            // All stop at the same update; whatever else ends this process ends the others as well.
            try? ranks.collective.close()
            throw stop
        } catch {
            ranks.collective.fail("\(error)")
            throw error
        }
        try ranks.collective.close()
    }

    private func train(
        _ signals: StopSignals, _ encoding: @escaping (_ done: Int, _ of: Int) throws -> Void,
        _ started: (_ winners: Int, _ heldOut: Int, _ skips: [Skip], _ updatesDone: Int) throws -> Void, _ restarted: (_ k: Int) -> Void,
        _ leftOut: @escaping (Skip) throws -> Void, _ validated: @escaping (Validation) -> Void, _ progress: @escaping (LoggedUpdate) throws -> Void
    ) throws {
        let validator: Validator? =
            try ranks.first {
                try Validator.prepare(
                    settings, pipeline, winners, directory, autoencoder: { [settings, pipeline] in try settings.modelFiles.decoder(on: pipeline.placement) }
                ) {
                    if let number = signals.received { throw StoppedBySignal(number: number) }
                    try encoding($0, $1)
                }
            } ?? nil
        let seesFiles = try ranks.allSee(directory.root)
        let pool = ReferencePool(settings, part, in: ranks.isFirst || seesFiles ? directory : nil, isReader: !ranks.isFirst && seesFiles)
        let trainer = try Trainer.prepare(settings, winners, pool, over: ranks.collective)
        trainer.ranks.signals = signals
        let keeper = ranks.isFirst ? try RunKeeper.open(directory, trainer, validator) : nil
        try trainer.goOnWithFirst()
        if !seesFiles { try trainer.handOutCheckpoints() }
        let (order, batch) = (trainer.outlook.order, settings.optimisation.batch)
        let share = ranks.share(of: batch)
        let ahead = EncodingAhead(
            winners, in: SharedOrder(order, batch: batch, share: share), pass: order.count, count: trainer.outlook.count / batch * share.count)
        defer { ahead.stop() }
        guard let keeper else { return try trainer.run() }
        validator?.onValidation = validated
        if let k = trainer.restartedFrom { restarted(k) }
        var skips = SkippedFiles(directory, keepingFormer: trainer.updatesDone > 0)
        try skips.record(winners.skips)
        try started(winners.count, winners.count - order.count, skips.all, trainer.updatesDone)
        var isFirst = true
        if let lock { keeper.observer.mayWrite = lock.check }
        keeper.observer.encoding = { if isFirst { try encoding($0, $1) } }
        keeper.observer.updated = { [winners] update in
            isFirst = false
            for skip in try skips.record(winners.skips) { try leftOut(skip) }
            try progress(update)
        }
        try trainer.run(keeper)
        ahead.stop()
        for skip in try skips.record(winners.skips) { try leftOut(skip) }
    }

    /// K checkpoints, the state twice while it is replaced, the resulting pipeline and the records; and what the cache lacks, which may lie elsewhere.
    private func checkDisk(encoders: Int) throws {
        let unet = pipeline.unetTensors.values.reduce(0) { $0 + $1.count * 4 }
        let policy = part.count * 4
        let ofBase = part.kind != .lora && ParameterStore.isLarge(pipeline.unetTensors) ? 1 : 0
        let (checkpoints, overflow) = policy.multipliedReportingOverflow(by: settings.optimisation.iterations + ofBase)
        let needed =
            (overflow ? Int.max / 2 : checkpoints) + 2 * (settings.optimisation.ema > 0 ? 4 : 3) * policy + unet + 4 * encoders + recordBytes + (64 << 20)
        let order = ShuffledOrder(of: heldOut.training, seed: settings.run.seed, purpose: Trainer.orderPurpose)
        let cache = settings.cacheFolder(of: directory)
        let missing = winners.bytesMissing(order.first(settings.totalUpdates * settings.optimisation.batch) + heldOut.heldOut)
        guard let disk = Disk(directory.root), let cacheDisk = Disk(cache) else { return }
        // What a resumed run has written already is counted in what it needs.
        try disk.require(needed - directory.bytes + (cacheDisk.device == disk.device ? missing : 0), at: directory.root)
        if cacheDisk.device != disk.device { try cacheDisk.require(missing, at: cache) }
    }

    /// A line and an event an update, a kilobyte each, and the samples as files and as events.
    private var recordBytes: Int {
        let pixels = winners.settings.width * winners.settings.height
        return settings.totalUpdates * 4096 + (settings.optimisation.iterations + 1) * settings.validation.prompts * 2 * 3 * pixels
    }
}
