import Alignment
import ArgumentParser
import Diffusion
import Encoding
import Foundation
import Networks
import Pages
import Reports
import Storage
import Torch

struct Align: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Align a model with images that people like.",
        discussion: """
            Winners are an image folder with metadata.jsonl or metadata.csv (file_name, text), or with a .txt caption beside each image; or \
            Parquet or WebDataset files: see `seppo data --help`. The model is a diffusers folder, or `scenes`, the built-in one, which has \
            defaults of its own (learning rate 1e-4, beta 50, 10 sampling steps, guidance 3, no winner held out). The aligned pipeline is written to OUTPUT/model.

              seppo align --model ./sd15 --winners ./liked --output runs/liked
            """)

    @Option(help: "A diffusers folder, a .safetensors file, or `scenes`.", transform: Place.path) var model: String
    @Option(help: "The model that a UNet alone was trained from, which gives the other parts.", transform: Place.path) var base: String?
    @OptionGroup var parts: ModelPartOptions
    @Option(help: "Winning images: a folder, a .parquet or a .tar file.", transform: Place.path) var winners: String
    @Option(help: "Run directory.", transform: Place.url) var output: URL
    @Option(help: "Row of the method table.") var method: Method.Name = .seppo
    @Option(help: "Which earlier checkpoint is the reference. Default: the method's.") var reference: ReferenceRule?
    @Option(help: "When a reference sample counts as a loser. Default: the method's.") var flip: Flip?
    @Option(help: "Where losing samples come from. Default: the method's.") var losers: LosingSource?
    @Option(help: "How often the policy joins the references. Default: 7.") var iterations: Int?
    @Option(help: "Updates an iteration. Default: 30.") var updates: Int?
    @Option(help: "Winners an update. Default: 16.") var batch: Int?
    @Option(help: "Winners computed at once; less memory, the same gradient. Default: the batch.") var microBatch: Int?
    @Flag(inversion: .prefixedNo, exclusivity: .chooseLast, help: "Keep less for the gradient and compute it again: less memory, more time. Default: no.")
    var gradientCheckpointing: Bool?
    @Option(help: "In which the UNet computes; weights, optimiser and errors stay f32. Default: f32.") var precision: Precision?
    @Option(help: "Train adapters of this rank, not the whole UNet. Default: 0, the whole.") var lora: Int?
    @Option(help: "The adapters' changes count alpha / rank. Default: the rank.") var loraAlpha: Double?
    @Option(parsing: .upToNextOption, help: "Layers with adapters: attention, feed-forward, convolutions. Default: attention.")
    var loraTargets: [LoRA.Target] = []
    @Option(help: "A LoRA file to go on from, with its own layers and rank.", transform: Place.path) var loraFrom: String?
    @Option(help: "Names in OUTPUT/lora.safetensors: kohya, which most programs read, or diffusers. Default: kohya.") var loraNames: LoRA.Naming?
    @Option(help: "Temperature of the preference loss, as in the Diffusion-DPO code. Default: 2000.") var beta: Double?
    @Option(help: "Default: 2e-5, which belongs to an effective batch of 2048.") var learningRate: Double?
    @Option(help: "Shape of the learning rate over the updates. Default: constant.") var schedule: LearningRateSchedule.Shape?
    @Option(help: "Updates over which the learning rate rises from zero. Default: 0.") var warmup: Int?
    @Option(help: "Decoupled weight decay of AdamW. Default: 0.01.") var weightDecay: Double?
    @Option(help: "Greatest norm of the gradient. Default: 1.") var gradientClip: Double?
    @Option(help: "Decay of the average of the weights that becomes the aligned model; 0 is none. Default: 0.") var ema: Double?
    @Option(help: "Sampler of the reference samples. Default: ddim.") var sampler: SamplerName?
    @Option(help: "Steps of a reference sample. Default: 50.") var sampleSteps: Int?
    @Option(help: "Guidance of the reference samples; 1 is none. Default: 7.5.") var guidance: Double?
    @Option(help: "DDIM's eta. Default: 0.") var eta: Double?
    @Option(help: "Side of the training images in pixels. Default: the model's.") var resolution: Int?
    @Option(help: "Share of captions replaced by the empty one. Default: 0.") var captionDropout: Double?
    @Option(help: "Extra draws of timestep and noise that decide the flip. Default: 0.") var anchorDraws: Int?
    @Option(help: "Latents of winners: a sample of the autoencoder's posterior, or its mode. Default: sample.") var vaePosterior: EncodingSettings.Posterior?
    @Flag(inversion: .prefixedNo, exclusivity: .chooseLast, help: "Mirror winners at random. Not for captions that name sides. Default: no.")
    var flipImages: Bool?
    @Flag(inversion: .prefixedNo, exclusivity: .chooseLast, help: "Give winner and losing sample timesteps and noise of their own. Default: no.")
    var unshareNoise: Bool?
    @Option(help: "Draw the reference for every update, or once an iteration. Default: update.") var referenceDraw: AlignmentSettings.ReferenceDraw?
    @Option(help: "Use only the first N winners. Default: all.") var limit: Int?
    @Option(help: "Share of the winners that is not trained on but measured at every checkpoint, at most 64 of them. Default: 0.05.") var heldOut: Double?
    @Option(help: "Images that every checkpoint draws, at fixed prompts and seeds. Default: 4.") var validationPrompts: Int?
    @Option(help: "Threads; 0 leaves the choice to libtorch. Default: 0.") var threads: Int?
    @Option(help: "Folder for encoded winners; several runs may share one. Default: OUTPUT/cache.", transform: Place.path) var cache: String?
    @Option(help: "Updates between saved states. Default: 10.") var saveEvery: Int?
    @Option(help: "Of every random number of the run. Default: 0.") var seed: UInt64?
    @Flag(help: "Go on with the run in OUTPUT.") var resume = false
    @Flag(help: "Go on from the newest checkpoint of a run that has lost its saved state: its weights alone, with a fresh optimiser.")
    var fromCheckpoint = false
    @OptionGroup var reading: ReadingOptions
    @OptionGroup var common: CommonOptions

    var settings: AlignmentSettings {
        // Absolute, so that a resume from another folder means the same files.
        func absolute(_ path: String) -> String { path == BuiltInModel.name ? path : URL(fileURLWithPath: path).standardizedFileURL.path }
        var s = AlignmentSettings.preset(model: absolute(model), winners: URL(fileURLWithPath: winners).standardizedFileURL.path)
        (s.model.base, s.model.prediction) = (base.map(absolute), parts.prediction)
        (s.model.vae, s.model.textEncoder) = (parts.vae.map(absolute), parts.textEncoder.map(absolute))
        (s.objective.method, s.objective.reference, s.objective.flip, s.objective.losers) = (method, reference, flip, losers)
        s.optimisation.iterations = iterations ?? s.optimisation.iterations
        s.optimisation.updates = updates ?? s.optimisation.updates
        s.optimisation.batch = batch ?? s.optimisation.batch
        s.computation.microBatch = microBatch ?? s.computation.microBatch
        (s.adapters.rank, s.adapters.alpha) = (lora ?? s.adapters.rank, loraAlpha ?? s.adapters.alpha)
        s.adapters.targets = loraTargets.isEmpty ? s.adapters.targets : LoRA.Target.allCases.filter(loraTargets.contains)
        s.adapters.from = loraFrom.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
        s.adapters.names = loraNames ?? s.adapters.names
        (s.computation.precision, s.optimisation.ema) = (precision ?? s.computation.precision, ema ?? s.optimisation.ema)
        s.computation.gradientCheckpointing = gradientCheckpointing ?? s.computation.gradientCheckpointing
        s.objective.beta = beta ?? s.objective.beta
        s.optimisation.learningRate = learningRate ?? s.optimisation.learningRate
        s.optimisation.schedule = schedule ?? s.optimisation.schedule
        s.optimisation.warmup = warmup ?? s.optimisation.warmup
        s.optimisation.weightDecay = weightDecay ?? s.optimisation.weightDecay
        s.optimisation.gradientClip = gradientClip ?? s.optimisation.gradientClip
        s.sampling.sampler = sampler ?? s.sampling.sampler
        s.sampling.steps = sampleSteps ?? s.sampling.steps
        s.sampling.guidance = guidance ?? s.sampling.guidance
        s.sampling.eta = eta ?? s.sampling.eta
        s.data.resolution = resolution ?? s.data.resolution
        s.data.captionDropout = captionDropout ?? s.data.captionDropout
        s.objective.anchorDraws = anchorDraws ?? s.objective.anchorDraws
        s.data.vaePosterior = vaePosterior ?? s.data.vaePosterior
        (s.data.flipImages, s.objective.unshareNoise) = (flipImages ?? s.data.flipImages, unshareNoise ?? s.objective.unshareNoise)
        s.objective.referenceDraw = referenceDraw ?? s.objective.referenceDraw
        s.data.limit = limit ?? s.data.limit
        (s.data.captionColumn, s.data.imageColumn, s.data.captionLines) = (reading.captionColumn, reading.imageColumn, reading.lines)
        (s.validation.heldOut, s.validation.prompts) = (heldOut ?? s.validation.heldOut, validationPrompts ?? s.validation.prompts)
        s.computation.threads = threads ?? s.computation.threads
        s.run.cache = cache.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
        s.run.saveEvery = saveEvery ?? s.run.saveEvery
        s.run.seed = seed ?? s.run.seed
        return s
    }

    func validate() throws {
        do {
            try settings.validate()
            try settings.checkFiles(in: RunDirectory(output)) { "--" + $0 }
            try checkConfiguration()
        } catch {
            throw ValidationError("\(error)")
        }
    }

    /// The file of options may be the run's own record, which is not written again once anything was saved, but nothing else that the run writes.
    private func checkConfiguration() throws {
        guard let config = common.config.map({ URL(fileURLWithPath: $0) }) else { return }
        let directory = RunDirectory(output)
        let isRecord = FileUse.lies(config, within: directory.configuration) && directory.holdsRun
        guard isRecord || !directory.claims(config) else {
            throw ValidationError("--config \(config.path) stands where the run in \(output.path) would write: move it, or choose another --output")
        }
    }

    func run() throws {
        if resume, !RunDirectory(output).holdsRun { Console.line("\(output.path) holds no run to go on with: a new one begins") }
        let session = try AlignmentSession(settings, in: output, resumes: resume || fromCheckpoint, fromCheckpoint: fromCheckpoint)
        let directory = session.run.directory
        if session.run.isComplete, RunRecord.isReported(directory) {
            let missing = directory.missingRecords(settings)
            if !missing.isEmpty { Console.line("of this run are gone or cut short, and not made again: \(missing.joined(separator: ", "))") }
            let places = "Its model is \(directory.model.path), its report \(directory.report.path)"
            return Console.line("\(output.path) is a finished run: nothing is left to do. \(places)")
        }
        // The session holds the run's lock until the report is written.
        try withExtendedLifetime(session) {
            try session.run()
            let (record, note) = try AlignmentSession.evaluate(session.settings, session.run.data, directory, notes: session.run.notes)
            let skipped = record.log.skippedUpdates
            if skipped > 0 { Console.line("\(skipped) of \(settings.totalUpdates) updates were left out: their loss or gradient was not finite") }
            try Report(title: output.lastPathComponent, runs: [record], captionsNote: note).write(to: directory.report)
        }
        Console.print("run \(output.path) is done: the aligned model is \(directory.model.path), the report \(directory.report.path)")
    }
}
