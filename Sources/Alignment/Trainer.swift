import Encoding
import Foundation
import Torch
import Winners

/// Algorithm 1 of the paper, and every other row of the method table.
///
/// It knows nothing of a run's files: references come from a pool that it is given, and what else is to be kept of it is a ``RunKeeper``'s matter.
/// Several processes train together, each with its share of every batch's examples: the policy is the same in all, to the bit.
public final class Trainer {
    public let settings: AlignmentSettings
    let winners: EncodedWinners
    /// Rows of the winners that are trained on.
    private let trainingRows: [Int]
    let pool: ReferencePool
    let policy: Policy
    let optimiser: AdamW
    /// Becomes the resulting model, where it is kept.
    let average: ExponentialMovingAverage?
    let gradients: ExampleGradients
    let gradientSum: GradientSum
    var ranks: Ranks
    var counters = RunState.Counters()
    /// An example of the latest update that was taken in this process: nothing but that step can have spoilt its gradient since.
    var latestExample: (row: Int, number: Int)?

    /// Seed purpose of the winners' order.
    static let orderPurpose = "winner order"
    /// How many updates in a row may be left out before the training gives up.
    public static let greatestSkipsInARow = 10

    private init(
        _ settings: AlignmentSettings, _ winners: EncodedWinners, _ pool: ReferencePool, _ policy: Policy, _ gradients: ExampleGradients, _ ranks: Ranks
    ) {
        (self.settings, self.winners, self.pool, self.policy, self.gradients) = (settings, winners, pool, policy, gradients)
        self.ranks = ranks
        gradientSum = GradientSum(of: policy.trained.map(\.value), over: ranks.collective)
        trainingRows = HeldOutSplit(of: winners, settings).training
        optimiser = AdamW(policy.trained, settings: AdamW.Settings(weightDecay: settings.optimisation.weightDecay))
        average = settings.optimisation.ema > 0 ? ExponentialMovingAverage(policy.trained, decay: settings.optimisation.ema) : nil
        counters.lossScale = settings.computation.precision == .f16 ? LossScale() : nil
    }

    /// Sets a training up at its start. Throws where settings, model and winners do not suit each other.
    /// - Parameter collective: the processes that train together
    public static func prepare(
        _ settings: AlignmentSettings, _ winners: EncodedWinners, _ pool: ReferencePool, over collective: any Collective = Alone()
    ) throws -> Trainer {
        try settings.validate()
        guard settings.row.losers != .dataset || winners.settings.withLosers else { throw RunError.model("this method needs winners with losing images") }
        let pipeline = pool.part.pipeline
        let gradients = ExampleGradients(settings, winners, pipeline.schedule, try pipeline.latentSampler(settings.sampling))
        return Trainer(settings, winners, pool, try pool.part.makePolicy(settings), gradients, Ranks(collective))
    }

    /// Trains to the end.
    /// - Parameter keeper: of the run; without one nothing remains but the policy, and its checkpoints in the pool. Of several processes the first has it
    public func run(_ keeper: RunKeeper? = nil) throws {
        if settings.row.comparesPairs { try ranks.collective.whileOthersWait(pool.keepFirst) }
        try ranks.alone { try keeper?.begin(self) }
        while !isDone {
            // Take winners: when all ranks have theirs, the first has kept what the update before led to.
            let (rows, position) = try takeWinners(keeper)
            // Draw the reference; sample, noise, errors, loss.
            let gathered = try gatherGradients(rows)
            try ranks.alone { try keeper?.confirm(gathered, self) }
            // Step.
            let update = advance(gathered)
            counters.position = position
            // Append the policy to the checkpoints.
            if let keeper {
                try ranks.alone { try keeper.record(update, gathered, self) }
            } else {
                if endsIteration { try appendCheckpoint() }
                if let stop = gathered.stop { throw StoppedBySignal(number: stop) }
                try giveUpIfStuck()
            }
        }
        guard hasLearned else { throw RunError.noneTaken(counters.updates) }
        average?.apply()
        try ranks.alone { try keeper?.export(self) }
    }

    // MARK: Where it is

    /// Updates done, those of former processes included.
    public var updatesDone: Int { counters.updates }

    var isDone: Bool { counters.updates >= settings.totalUpdates }

    /// Whether the latest update was the last of its iteration.
    var endsIteration: Bool { counters.updates % settings.optimisation.updates == 0 }

    /// The iteration from whose checkpoint the training went on, if it did and has made no update since.
    public var restartedFrom: Int? { counters.startedFrom.flatMap { $0 * settings.optimisation.updates == counters.updates ? $0 : nil } }

    /// Updates that the optimiser has forgotten, where the training went on from a checkpoint.
    private var updatesBefore: Int { (counters.startedFrom ?? 0) * settings.optimisation.updates }

    /// Whether the policy is another than the model that the training began with.
    var hasLearned: Bool { updatesBefore + optimiser.stepCount > 0 }

    /// Updates that were left out, because their gradients were not finite.
    var updatesSkipped: Int { counters.updates - updatesBefore - optimiser.stepCount }

    func giveUpIfStuck() throws {
        if counters.skipsInARow >= Self.greatestSkipsInARow { throw RunError.notFinite(counters.skipsInARow) }
    }

    func appendCheckpoint() throws { try pool.append(counters.updates / settings.optimisation.updates, policy.trained) }

    // MARK: State

    /// All that moves while it trains, beside the counters.
    private var parts: [(component: RunState.Component, part: any Restorable)] {
        [(.policy, policy), (.optimiser, optimiser)] + (average.map { [(.average, $0)] } ?? [])
    }

    /// What a run saves of it.
    var state: [RunState.Part] { parts.map { RunState.Part(component: $0.component, tensors: $0.part.state) } }

    /// Goes on where a run has saved it.
    func restore(_ saved: RunState) throws {
        counters = saved.counters
        if settings.computation.precision == .f16, counters.lossScale == nil { counters.lossScale = LossScale() }
        do {
            try policy.restore(saved[.policy])
        } catch {
            throw RunError.state("the saved state of this run belongs to another model: \(error)")
        }
        for (component, part) in parts where component != .policy { try part.restore(saved[component]) }
        // An update that was left out moved neither.
        average?.updates = optimiser.stepCount
    }

    /// Has all ranks go on where the first is, with its bits.
    func goOnWithFirst() throws {
        guard ranks.collective.size > 1 else { return }
        counters = try ranks.collective.gather(counters)[0]
        for (_, part) in parts {
            for (_, tensor) in part.state { try ranks.collective.broadcast(tensor.detached, from: 0) }
        }
        average?.updates = optimiser.stepCount
    }

    /// Has ranks that do not see the run's files keep its checkpoints in memory.
    func handOutCheckpoints() throws {
        try pool.hand(through: counters.updates / settings.optimisation.updates, like: policy.trained, over: ranks.collective)
    }

    // MARK: Winners

    /// The winners still to come, in their order, and how many of them.
    public var outlook: (order: ShuffledOrder, count: Int) {
        let position = counters.position ?? counters.updates * settings.optimisation.batch
        let order = ShuffledOrder(of: trainingRows, seed: settings.run.seed, purpose: Self.orderPurpose, position: position)
        return (order, (settings.totalUpdates - counters.updates) * settings.optimisation.batch)
    }

    /// The next winners of the order, encoded, and the position after them. One that cannot be used is passed over.
    private func takeWinners(_ keeper: RunKeeper?) throws -> (rows: [Int], position: Int) {
        var order = outlook.order
        let start = order.position
        var rows: [Int] = []
        while rows.count < settings.optimisation.batch {
            // From wherever the order is, two passes' worth holds a whole one.
            if rows.isEmpty, order.position - start >= 2 * order.count { throw winners.noneUsable }
            let drawn = order.next(min(settings.optimisation.batch - rows.count, order.count))
            do {
                let areUsable = try ranks.prepare(drawn, of: winners) { try keeper?.observer.encoding($0, $1) }
                rows += zip(drawn, areUsable).filter(\.1).map(\.0)
            } catch let stop as StoppedBySignal {
                try ranks.alone { try keeper?.stop(stop.number, self) }
                throw stop
            }
        }
        return (rows, order.position)
    }
}
