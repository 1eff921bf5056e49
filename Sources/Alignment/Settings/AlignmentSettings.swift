import Diffusion
import Foundation
import Winners

/// Everything that determines the numbers of a run, in groups by what they configure. Defaults are those of Stable Diffusion 1.5 in the paper, where it
/// states them.
public struct AlignmentSettings: Sendable, Equatable {
    public var model: ModelSettings
    public var data: DataSettings
    public var clips = ClipSettings()
    public var objective = ObjectiveSettings()
    /// How references draw their losing samples, and checkpoints their pictures.
    public var sampling = SamplingSettings(sampler: .ddim)
    public var optimisation = OptimisationSettings()
    public var adapters = AdapterSettings()
    public var computation = ComputationSettings()
    public var validation = ValidationSettings()
    public var run = RunSettings()

    public enum ReferenceDraw: String, Codable, Sendable, CaseIterable { case update, iteration }

    public init(model: String, winners: String) {
        self.model = ModelSettings(path: model)
        data = DataSettings(winners: winners)
    }

    /// The row of the method table with its overrides.
    public var row: Method {
        var row = objective.method.method
        if let losers = objective.losers { row.losers = losers }
        if let reference = objective.reference { row.reference = reference }
        if let flip = objective.flip { row.flip = flip }
        return row
    }

    /// The data set, listed.
    public func listedWinners() throws -> WinnerSet {
        let columns = ParquetColumnNames(image: data.imageColumn, caption: data.captionColumn)
        return try WinnerSet.list(URL(fileURLWithPath: data.winners), columns: columns, captionLines: data.captionLines)
    }

    public var totalUpdates: Int { optimisation.iterations * optimisation.updates }

    public var rates: LearningRateSchedule {
        LearningRateSchedule(peak: optimisation.learningRate, shape: optimisation.schedule, warmup: optimisation.warmup, updates: totalUpdates)
    }

    /// Throws `RunError.setting` with the first setting that makes no sense, and the range it should lie in.
    public func validate() throws {
        for setting in Self.all { try setting.check(self) }
        func require(_ holds: Bool, _ message: String) throws { if !holds { throw RunError.setting(message) } }
        let isOther = objective.method == .sft && objective.losers != nil && objective.losers != Method.Name.sft.method.losers
        try require(!isOther, "losers make another method of sft, which compares no pairs: name the method whose losers are meant, such as dpo")
        try require(!(row.losers == .none && (objective.flip ?? Flip.none) != Flip.none), "a flip needs losing samples: losers must be sampled or dataset")
        try require(totalUpdates <= 1_000_000_000, "iterations times updates is \(totalUpdates): it must not exceed 1000000000")
        let warmup = optimisation.warmup
        try require(warmup <= totalUpdates, "warmup is \(warmup): it must lie between 0 and \(totalUpdates), the updates of the run")
        if let kind = adapters.train {
            try require(kind != .lora || trainsAdapters, "train is lora: its rank is missing, give lora")
            try require(kind == .lora || !trainsAdapters, "train is \(kind.rawValue), which trains no adapters: leave lora and lora-from out")
        }
        let isNew = adapters.rank == 0 && adapters.alpha == nil
        try require(adapters.from == nil || isNew, "lora-from brings its rank and alpha along: leave lora and lora-alpha out")
        try require(adapters.names == .kohya || trainsAdapters, "lora-names is for a run that trains adapters: give lora or lora-from")
    }
}
