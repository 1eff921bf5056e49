import Alignment
import ArgumentParser
import Commands
import Diffusion
import Encoding
import Foundation
import Media
import Storage
import Torch

// The options of `align`, in the groups of its settings.

struct ModelSettingOptions: ParsableArguments {
    @Option(path: \.model.path) var model: String
    @Option(path: \.model.base) var base: String?
    @Option(path: \.model.motion) var motion: String?
    @OptionGroup var parts: ModelPartOptions

    func apply(to settings: inout ModelSettings) {
        settings.base = base.map(Place.ofModel)
        settings.motion = motion.map(Place.absolute)
        settings.vae = parts.vae.map(Place.ofModel)
        settings.textEncoder = parts.textEncoder.map(Place.ofModel)
        settings.prediction = parts.prediction
    }
}

struct DataSettingOptions: ParsableArguments {
    @Option(path: \.data.winners) var winners: String
    @OptionGroup var reading: ReadingOptions
    @Option(\.data.limit) var limit: Int?
    @Option(\.data.resolution) var resolution: Int?
    @Option(\.data.vaePosterior) var vaePosterior: EncodingSettings.Posterior?
    @Flag(\.data.flipImages) var flipImages: Bool?
    @Option(\.data.captionDropout) var captionDropout: Double?

    func apply(to settings: inout DataSettings) {
        settings.captionColumn = reading.captionColumn
        settings.imageColumn = reading.imageColumn
        settings.captionLines = reading.lines
        settings.limit = limit ?? settings.limit
        settings.resolution = resolution ?? settings.resolution
        settings.vaePosterior = vaePosterior ?? settings.vaePosterior
        settings.flipImages = flipImages ?? settings.flipImages
        settings.captionDropout = captionDropout ?? settings.captionDropout
    }
}

struct ClipOptions: ParsableArguments {
    @Option(\.clips.frames) var frames: Int?
    @Option(\.clips.rule) var rule: FrameRule.Spacing?
    @Option(\.clips.stride) var stride: Int?
    @Option(\.clips.fps) var fps: Double?
    @Option(\.clips.start) var start: FrameRule.Start?
    @Option(\.clips.shortClips) var shortClips: FrameRule.ShortClips?

    func apply(to settings: inout ClipSettings) {
        settings.frames = frames ?? settings.frames
        settings.rule = rule ?? settings.rule
        settings.stride = stride ?? settings.stride
        settings.fps = fps ?? settings.fps
        settings.start = start ?? settings.start
        settings.shortClips = shortClips ?? settings.shortClips
    }
}

struct ObjectiveOptions: ParsableArguments {
    @Option(\.objective.method) var method: Method.Name?
    @Option(\.objective.reference) var reference: ReferenceRule?
    @Option(\.objective.flip) var flip: Flip?
    @Option(\.objective.losers) var losers: LosingSource?
    @Option(\.objective.referenceDraw) var referenceDraw: AlignmentSettings.ReferenceDraw?
    @Option(\.objective.beta) var beta: Double?
    @Option(\.objective.anchorDraws) var anchorDraws: Int?
    @Flag(\.objective.unshareNoise) var unshareNoise: Bool?

    func apply(to settings: inout ObjectiveSettings) {
        settings.method = method ?? settings.method
        settings.reference = reference
        settings.flip = flip
        settings.losers = losers
        settings.referenceDraw = referenceDraw ?? settings.referenceDraw
        settings.beta = beta ?? settings.beta
        settings.anchorDraws = anchorDraws ?? settings.anchorDraws
        settings.unshareNoise = unshareNoise ?? settings.unshareNoise
    }
}

struct SamplingOptions: ParsableArguments {
    @Option(\.sampling.sampler) var sampler: SamplerName?
    @Option(\.sampling.steps) var steps: Int?
    @Option(\.sampling.guidance) var guidance: Double?
    @Option(\.sampling.eta) var eta: Double?

    func apply(to settings: inout SamplingSettings) {
        settings.sampler = sampler ?? settings.sampler
        settings.steps = steps ?? settings.steps
        settings.guidance = guidance ?? settings.guidance
        settings.eta = eta ?? settings.eta
    }
}

struct OptimisationOptions: ParsableArguments {
    @Option(\.optimisation.iterations) var iterations: Int?
    @Option(\.optimisation.updates) var updates: Int?
    @Option(\.optimisation.batch) var batch: Int?
    @Option(\.optimisation.learningRate) var learningRate: Double?
    @Option(\.optimisation.schedule) var schedule: LearningRateSchedule.Shape?
    @Option(\.optimisation.warmup) var warmup: Int?
    @Option(\.optimisation.weightDecay) var weightDecay: Double?
    @Option(\.optimisation.gradientClip) var gradientClip: Double?
    @Option(\.optimisation.ema) var ema: Double?

    func apply(to settings: inout OptimisationSettings) {
        settings.iterations = iterations ?? settings.iterations
        settings.updates = updates ?? settings.updates
        settings.batch = batch ?? settings.batch
        settings.learningRate = learningRate ?? settings.learningRate
        settings.schedule = schedule ?? settings.schedule
        settings.warmup = warmup ?? settings.warmup
        settings.weightDecay = weightDecay ?? settings.weightDecay
        settings.gradientClip = gradientClip ?? settings.gradientClip
        settings.ema = ema ?? settings.ema
    }
}

struct AdapterOptions: ParsableArguments {
    @Option(\.adapters.train) var train: TrainedPart.Kind?
    @Option(\.adapters.rank) var rank: Int?
    @Option(\.adapters.alpha) var alpha: Double?
    @Option(severalOf: \.adapters.targets) var targets: [LoRA.Target]
    @Option(path: \.adapters.from) var from: String?
    @Option(\.adapters.names) var names: LoRA.Naming?

    func apply(to settings: inout AdapterSettings) {
        settings.train = train
        settings.rank = rank ?? settings.rank
        settings.alpha = alpha
        settings.targets = targets.isEmpty ? settings.targets : LoRA.Target.allCases.filter(targets.contains)
        settings.from = from.map(Place.absolute)
        settings.names = names ?? settings.names
    }
}

struct ComputationOptions: ParsableArguments {
    @Option(\.computation.precision) var precision: Precision?
    @Option(\.computation.microBatch) var microBatch: Int?
    @Flag(\.computation.gradientCheckpointing) var gradientCheckpointing: Bool?
    @Option(\.computation.threads) var threads: Int?
    @OptionGroup var device: DeviceOptions
    @Option(\.computation.processes) var processes: Int?

    func apply(to settings: inout ComputationSettings) {
        settings.device = device.device ?? settings.device
        settings.precision = precision ?? settings.precision
        settings.microBatch = microBatch ?? settings.microBatch
        settings.gradientCheckpointing = gradientCheckpointing ?? settings.gradientCheckpointing
        settings.threads = threads ?? settings.threads
        settings.processes = processes ?? settings.processes
    }
}

struct ValidationOptions: ParsableArguments {
    @Option(\.validation.heldOut) var heldOut: Double?
    @Option(\.validation.prompts) var prompts: Int?

    func apply(to settings: inout ValidationSettings) {
        settings.heldOut = heldOut ?? settings.heldOut
        settings.prompts = prompts ?? settings.prompts
    }
}

struct RunOptions: ParsableArguments {
    @Option(help: "Run directory.", transform: Place.url) var output: URL
    @Flag(help: "Go on with the run in OUTPUT.") var resume = false
    @Flag(help: "Go on from the newest checkpoint of a run that has lost its saved state: its weights alone, with a fresh optimiser.")
    var fromCheckpoint = false
    @Option(\.run.seed) var seed: UInt64?
    @Option(path: \.run.cache) var cache: String?
    @Option(\.run.saveEvery) var saveEvery: Int?
    @Option(\.run.rankTimeout) var rankTimeout: Double?

    func apply(to settings: inout RunSettings) {
        settings.seed = seed ?? settings.seed
        settings.cache = cache.map(Place.absolute)
        settings.saveEvery = saveEvery ?? settings.saveEvery
        settings.rankTimeout = rankTimeout ?? settings.rankTimeout
    }
}
