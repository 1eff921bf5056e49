import Foundation

/// What keeps a training: its state, log, events, alarms, checkpoints and validations, a stop by signal, and the model that it ends with.
///
/// A training goes without one as well; of several processes one has one.
public final class RunKeeper {
    private let directory: RunDirectory
    private let inputs: RunState.Inputs
    private let log: RunLog
    private let events: RunEvents
    private let validator: Validator?
    /// By the newest saved state.
    private var updatesSaved: Int
    /// Whether the training's state is to be saved as soon as it is known to be good.
    private var isSaveDue = false
    public var observer = Observer()

    /// Who looks on, and may interrupt.
    public struct Observer {
        /// Called before files of the run are replaced; where it throws, nothing is.
        public var mayWrite: () throws -> Void = {}
        /// Called while an update waits for its winners to be encoded.
        public var encoding: (_ done: Int, _ of: Int) throws -> Void = { _, _ in }
        /// Called with every update, when all of it is written.
        public var updated: (LoggedUpdate) throws -> Void = { _ in }

        public init() {}
    }

    private init(
        _ directory: RunDirectory, _ inputs: RunState.Inputs, _ log: RunLog, _ events: RunEvents, _ validator: Validator?, updatesSaved: Int
    ) {
        (self.directory, self.inputs, self.log, self.events, self.validator) = (directory, inputs, log, events, validator)
        self.updatesSaved = updatesSaved
    }

    /// Opens a run's files and has the training go on with the newest saved state, if there is one.
    /// - Parameter validator: measures every checkpoint, the base model's first; nil where nothing is to be measured
    public static func open(_ directory: RunDirectory, _ trainer: Trainer, _ validator: Validator? = nil) throws -> RunKeeper {
        let inputs = RunState.Inputs(data: trainer.winners.key, unet: trainer.pool.part.pipeline.unetKey)
        if let saved = try RunState.load(directory) {
            try inputs.refuseChanges(from: saved.inputs)
            try trainer.restore(saved)
        }
        let updates = trainer.updatesDone
        let events = try RunEvents.open(directory, trainer.settings, continuingAfter: updates)
        // What the events lack of the log is made up for.
        let log = try RunLog.open(directory.log, continuingAfter: updates, known: events.append)
        return RunKeeper(directory, inputs, log, events, validator, updatesSaved: updates)
    }

    // MARK: While it trains

    func begin(_ trainer: Trainer) throws { try validate(trainer) }

    /// Saves the state of a training that a signal has stopped while it waited for an update's winners, and throws.
    func stop(_ signal: Int32, _ trainer: Trainer) throws {
        throw StoppedBySignal(number: signal, isSaved: try updatesSaved == trainer.updatesDone || saveIfGood(trainer))
    }

    /// Saves the state before an update's step, if that is due and finite gradients have come out of it: one that a last huge step has spoilt never
    /// replaces a good one.
    func confirm(_ gathered: GatheredGradients, _ trainer: Trainer) throws {
        guard isSaveDue, gathered.areFinite else { return }
        try save(trainer)
        isSaveDue = false
    }

    /// Writes down an update that was made, and what follows from it. Throws where the run ends here.
    func record(_ update: LoggedUpdate, _ gathered: GatheredGradients, _ trainer: Trainer) throws {
        var update = update
        update.alarms = Alarms(totalUpdates: trainer.settings.totalUpdates).raised(
            by: update, margins: gathered.diagnostics.margins, errors: trainer.counters.winnerErrors ?? PairedErrors(), skipped: trainer.updatesSkipped)
        try log.append(update)
        try events.append(update)

        let stop = gathered.stop
        let isGood = trainer.isDone || stop != nil ? try isGood(trainer) : true
        if trainer.endsIteration, isGood {
            try observer.mayWrite()
            try trainer.appendCheckpoint()
        }
        isSaveDue = isSaveDue || trainer.endsIteration || trainer.updatesDone % trainer.settings.run.saveEvery == 0
        if trainer.isDone || stop != nil, isGood { try save(trainer) }
        try observer.updated(update)

        if let stop { throw StoppedBySignal(number: stop, isSaved: isGood) }
        try trainer.giveUpIfStuck()
        if trainer.isDone, !isGood { throw trainer.hasLearned ? RunError.spoilt : .noneTaken(trainer.updatesDone) }
        if trainer.endsIteration { try validate(trainer) }
    }

    /// Validates the checkpoints so far that were not yet.
    private func validate(_ trainer: Trainer) throws {
        try validator?.run(through: trainer.updatesDone / trainer.settings.optimisation.updates, of: trainer.pool, events, stopping: trainer.ranks.signals)
    }

    // MARK: What it leaves

    /// Writes the model that the training has led to.
    func export(_ trainer: Trainer) throws {
        if let stop = trainer.ranks.signals.received { throw StoppedBySignal(number: stop) }
        try observer.mayWrite()
        let (settings, part) = (trainer.settings, trainer.pool.part)
        if settings.optimisation.ema > 0 { guard try trainer.isFinite() else { throw RunError.spoilt } }
        try part.writeAdapters(trainer.policy.trained, naming: settings.adapters.names, to: directory.adapters)
        try settings.modelFiles.write(to: directory.model, unet: part.pipeline.unet.configuration, unetTensors: trainer.policy.merged)
        if let stop = trainer.ranks.signals.received { throw StoppedBySignal(number: stop) }
    }

    /// Saves the state that a run stops with, where it is good.
    /// - Returns: whether it was saved
    private func saveIfGood(_ trainer: Trainer) throws -> Bool {
        guard try isGood(trainer) else { return false }
        try save(trainer)
        return true
    }

    /// Whether the state that a run stops or ends with is worth keeping: finite gradients come out of it, and an end is of something. The next update would
    /// prove the former, as it does of the other states, but it may take minutes, and after the last there is none.
    private func isGood(_ trainer: Trainer) throws -> Bool { try (trainer.hasLearned || !trainer.isDone) && trainer.isFinite() }

    private func save(_ trainer: Trainer) throws {
        try observer.mayWrite()
        try log.flush()
        try events.flush()
        try RunState.save(trainer.counters, inputs: inputs, trainer.state, in: directory)
        updatesSaved = trainer.updatesDone
    }
}
