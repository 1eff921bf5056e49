import Datasets
import Diffusion
import Foundation
import Torch

/// Everything that determines the numbers of a run. Defaults are those of Stable Diffusion 1.5 in the paper, where it states them.
public struct AlignmentSettings: Codable, Sendable, Equatable {
    /// A diffusers folder, or `scenes` for the built-in model.
    public var model: String
    /// The model that gives the parts that `model` lacks, where that is a UNet alone.
    public var base: String?
    /// Stand in for the model's own parts.
    public var vae: String?
    public var textEncoder: String?
    /// What the UNet predicts; nil: what its files say, which a run writes down.
    public var prediction: PredictionType?
    public var winners: String
    /// Columns of Parquet files, or keys of metadata files, that are the caption and the image; nil: by their names.
    public var captionColumn: String?
    public var imageColumn: String?
    /// What becomes of captions of several lines.
    public var captionLines = CaptionLines.join
    public var method: Method.Name = .seppo
    /// Overrides of the method's row.
    public var reference: ReferenceRule?
    public var flip: Flip?
    public var losers: LosingSource?
    /// K, how often the policy joins the reference pool.
    public var iterations = 7
    /// U, updates an iteration.
    public var updates = 30
    /// Winners an update.
    public var batch = 16
    /// Winners that are computed at once; gradients of the micro-batches of an update are summed. 0: the whole batch.
    public var microBatch = 0
    /// Whether blocks of the policy are run again for the gradient instead of keeping what they computed: less memory, the same gradient, more time.
    public var gradientCheckpointing = false
    /// In which policy and references compute. Weights, their gradients, the optimiser and the reduction of errors stay float32.
    public var precision = Precision.f32
    /// Rank of the adapters that are trained beside the layers of `loraTargets`; 0: the whole UNet is trained.
    public var lora = 0
    /// Which layers have adapters.
    public var loraTargets = [LoRA.Target.attention]
    /// A file of adapters to go on from, which says itself which layers have them and of which rank; nil: new ones.
    public var loraFrom: String?
    /// Their changes count alpha / rank; nil: alpha is the rank.
    public var loraAlpha: Double?
    /// Names of the tensors in the file of adapters that a run ends with.
    public var loraNames = LoRA.Naming.kohya
    public var beta = 2000.0
    public var learningRate = 2e-5
    public var schedule = LearningRateSchedule.Shape.constant
    /// Updates over which the learning rate rises from zero.
    public var warmup = 0
    public var weightDecay = 1e-2
    public var gradientClip = 1.0
    /// Decay of the slowly following average of the policy's weights that becomes the resulting model; 0: the policy itself does.
    public var ema = 0.0
    public var sampler = SamplerName.ddim
    public var sampleSteps = 50
    public var guidance = 7.5
    public var eta = 0.0
    /// Side of the training images in pixels; 0: the model's.
    public var resolution = 0
    /// Share of captions replaced by the empty one.
    public var captionDropout = 0.0
    /// Extra draws of (t, ε) that the flip's criterion is averaged over, beside the loss's own.
    public var anchorDraws = 0
    public var vaePosterior = EncodingSettings.Posterior.sample
    public var flipImages = false
    /// Whether winner and losing sample get timesteps and noise of their own.
    public var unshareNoise = false
    /// Whether the reference is drawn for every update or once an iteration.
    public var referenceDraw = ReferenceDraw.update
    /// Use at most that many winners; 0: all.
    public var limit = 0
    /// Share of the winners that is not trained on but measured at every checkpoint: at most 64 of them; 0: none.
    public var heldOut = 0.05
    /// Images that every checkpoint draws, at fixed prompts and seeds; 0: none.
    public var validationPrompts = 4
    public var seed: UInt64 = 0
    public var threads = 0
    /// Folder where latents and text states are kept, for any number of runs; nil: the run's own.
    public var cache: String?
    /// Updates between two saved states.
    public var saveEvery = 10

    public enum ReferenceDraw: String, Codable, Sendable, CaseIterable { case update, iteration }

    public init(model: String, winners: String) {
        self.model = model
        self.winners = winners
    }

    /// The row of the method table with its overrides.
    public var row: Method {
        var row = method.method
        if let losers { row.losers = losers }
        if let reference { row.reference = reference }
        if let flip { row.flip = flip }
        return row
    }

    /// The data set, listed.
    public func listedWinners() throws -> WinnerSet {
        let columns = ParquetColumnNames(image: imageColumn, caption: captionColumn)
        return try WinnerSet(URL(fileURLWithPath: winners), columns: columns, captionLines: captionLines)
    }

    public var totalUpdates: Int { iterations * updates }

    public var rates: LearningRateSchedule { LearningRateSchedule(peak: learningRate, shape: schedule, warmup: warmup, updates: totalUpdates) }

    /// Throws with the first setting that makes no sense, and the range it should lie in.
    public func validate() throws {
        func require(_ holds: Bool, _ message: String) throws { if !holds { throw RunError.setting(message) } }
        func require<Number: Comparable>(_ name: String, _ value: Number, in range: ClosedRange<Number>) throws {
            // No range holds a number that is none.
            try require(range ~= value, "\(name) is \(value): it must lie between \(range.lowerBound) and \(range.upperBound)")
        }
        let isOther = method == .sft && losers != nil && losers != Method.Name.sft.method.losers
        try require(!isOther, "losers make another method of sft, which compares no pairs: name the method whose losers are meant, such as dpo")
        try require("iterations", iterations, in: 1...1_000_000)
        try require("updates", updates, in: 1...1_000_000)
        try require("batch", batch, in: 1...1_000_000)
        try require(totalUpdates <= 1_000_000_000, "iterations times updates is \(totalUpdates): it must not exceed 1000000000")
        try require("micro-batch", microBatch, in: 0...1_000_000)
        try require(seed < 1 << 53, "seed must be below 2^53: run.yaml keeps greater numbers inexactly")
        try require("lora", lora, in: 0...4096)
        if let loraAlpha { try require(loraAlpha > 0 && loraAlpha <= 1e6, "lora-alpha is \(loraAlpha): it must be above 0 and at most 1000000") }
        try require(loraFrom == nil || lora == 0 && loraAlpha == nil, "lora-from brings its rank and alpha along: leave lora and lora-alpha out")
        try require(loraNames == .kohya || lora > 0 || loraFrom != nil, "lora-names is for a run that trains adapters: give lora or lora-from")
        try require(!loraTargets.isEmpty, "lora-targets must name some layers")
        try require((0..<1) ~= ema, "ema is \(ema): it must be 0 or more and below 1")
        try require(beta > 0 && beta.isFinite, "beta is \(beta): it must be positive and finite")
        try require(learningRate >= 0 && learningRate.isFinite, "learning-rate is \(learningRate): it must be 0 or more and finite")
        try require("warmup", warmup, in: 0...totalUpdates)
        try require("weight-decay", weightDecay, in: 0...1000)
        try require(gradientClip > 0 && gradientClip.isFinite, "gradient-clip is \(gradientClip): it must be positive and finite")
        try require("sample-steps", sampleSteps, in: 1...10_000)
        try require(guidance.isFinite, "guidance is \(guidance): it must be finite")
        try require("eta", eta, in: 0...1)
        try require("resolution", resolution, in: 0...16_384)
        try require("caption-dropout", captionDropout, in: 0...1)
        try require("anchor-draws", anchorDraws, in: 0...1000)
        try require("limit", limit, in: 0...1_000_000_000)
        try require("held-out", heldOut, in: 0...0.5)
        try require("validation-prompts", validationPrompts, in: 0...100)
        try require("threads", threads, in: 0...1024)
        try require("save-every", saveEvery, in: 1...1_000_000_000)
        try require(!(row.losers == .none && (flip ?? Flip.none) != Flip.none), "a flip needs losing samples: choose --losers sampled or dataset")
    }
}
