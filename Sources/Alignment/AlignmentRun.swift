import Datasets
import Diffusion
import Foundation
import Layers
import Torch
import Yams

/// One `align`: everything is checked before work starts, then the trainer runs.
public final class AlignmentRun {
    public let settings: AlignmentSettings
    public let directory: RunDirectory
    /// The data set, listed once.
    public let data: WinnerSet
    private let pipeline: DenoisingPipeline
    private let winners: EncodedWinners
    /// Which winners are measured, and not trained on.
    public let heldOut: HeldOutSplit
    private let lock: RunLock
    private let isFinished: Bool
    /// What a user should know of the data before the first update, and after the last.
    public let notes: [String]
    /// Numbers that are trained.
    private let trainedCount: Int
    /// Tensors of the model that no part uses, for people; nil where there are none.
    private let setAside: String?

    /// Takes the run directory, or refuses it.
    /// - Parameters:
    ///   - resumes: whether a run that was begun there goes on
    ///   - fromCheckpoint: whether it goes on from its newest checkpoint with a fresh optimiser, its saved state being lost
    public init(_ settings: AlignmentSettings, in folder: URL, resumes: Bool, fromCheckpoint: Bool = false) throws {
        try settings.validate()
        var settings = settings
        directory = RunDirectory(folder)
        try settings.checkFiles(in: directory)
        // Before anything is made there.
        _ = try RunStart.recorded(directory, resumes: resumes)
        let cache = EncodingCache(settings.cacheFolder(of: directory))
        if settings.cache != nil { try cache.check() }
        let model = try settings.modelFiles
        // A run goes on with what it began with, whatever files beside the model say later.
        settings.prediction = try model.prediction().value
        self.settings = settings
        setAside = model.setAsideText
        pipeline = try DenoisingPipeline(model)
        trainedCount = try settings.trainedCount(pipeline.unetTensors)
        let encoder = try WinnerEncoder(model)
        try encoder.check(fits: pipeline)
        let encoding = try settings.encoding(encoder, pipeline)
        if settings.row.losers == .sampled || settings.validationPrompts > 0 {
            // Whether the sampler takes that many steps is known before the first is taken.
            _ = try pipeline.latentSampler(settings.sampling)
        }
        data = try settings.listedWinners()
        try createFolder(folder)
        lock = try RunLock(directory)
        let start = try RunStart(directory, settings, resumes: resumes, fromCheckpoint: fromCheckpoint)
        try directory.create()
        try directory.removeLeftovers()
        if case .saved(let saved) = start, saved.counters.updates == settings.totalUpdates {
            isFinished = directory.hasResults(settings, unet: pipeline.unetTensors.mapValues(\.shape))
        } else {
            isFinished = false
        }
        winners = try EncodedWinners.open(data, encoder, encoding, limit: settings.limit, store: cache)
        heldOut = HeldOutSplit(of: winners, settings)
        notes = [encoder.tokenizer.truncationNote(of: winners.captions)].compactMap { $0 }
        if !isFinished { try checkDisk(encoders: encoder.parameterCount) }
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

    /// Whether nothing is left to do.
    public var isComplete: Bool { isFinished }

    /// What a run prints before its first update.
    public var arithmetic: [String] {
        let examples = settings.totalUpdates * settings.batch
        let size = settings.microBatch > 0 ? min(settings.microBatch, settings.batch) : settings.batch
        var lines = [
            "\(settings.iterations) iterations x \(settings.updates) updates x batch \(settings.batch) = \(examples) examples; "
                + (size < settings.batch ? "\((settings.batch + size - 1) / size) micro-batches of \(size) an update" : "one micro-batch an update"),
            "policy: \(trainedCount) parameters\(settings.trainsAdapters ? " in adapters" : ""); a loss of 0.693 = ln 2 is that of an untrained pair",
        ]
        if settings.model != BuiltInModel.name, settings.batch * 8 < 2048, settings.learningRate >= AlignmentSettings(model: "", winners: "").learningRate {
            let batches = "belongs to an effective batch of 2048, and this one is \(settings.batch)"
            lines.append("warning: the learning rate \(settings.learningRate) \(batches): expect noise, or take a lower rate")
        }
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
        stopping signals: StopSignals, encoding: (_ done: Int, _ of: Int) throws -> Void = { _, _ in },
        started: (_ winners: Int, _ heldOut: Int, _ skips: [Skip], _ updatesDone: Int) throws -> Void = { _, _, _, _ in },
        restarted: (_ k: Int) -> Void = { _ in }, leftOut: (Skip) throws -> Void = { _ in }, validated: @escaping (Validation) -> Void = { _ in },
        progress: (LoggedUpdate) throws -> Void
    ) throws {
        let validator = try Validator(settings, pipeline, winners, directory, autoencoder: { [settings] in try settings.modelFiles.decoder() }) {
            if let number = signals.received { throw StoppedBySignal(number: number) }
            try encoding($0, $1)
        }
        validator?.onValidation = validated
        let trainer = try Trainer(settings, pipeline, winners, directory, validator)
        trainer.mayWrite = lock.check
        if let k = trainer.restartedFrom { restarted(k) }
        var skips = SkippedFiles(directory, keepingFormer: trainer.updatesDone > 0)
        try skips.record(winners.skips)
        try started(winners.count, winners.count - trainer.outlook.order.count, skips.all, trainer.updatesDone)
        let ahead = EncodingAhead(winners, in: trainer.outlook.order, pass: trainer.outlook.order.count, count: trainer.outlook.count)
        defer { ahead.stop() }
        var isFirst = true
        try trainer.run(stopping: signals, encoding: { if isFirst { try encoding($0, $1) } }) { entry in
            isFirst = false
            for skip in try skips.record(winners.skips) { try leftOut(skip) }
            try progress(entry)
        }
        ahead.stop()
        for skip in try skips.record(winners.skips) { try leftOut(skip) }
    }

    /// K checkpoints, the state twice while it is replaced, the resulting pipeline and the records; and what the cache lacks, which may lie elsewhere.
    private func checkDisk(encoders: Int) throws {
        let unet = pipeline.unetTensors.values.reduce(0) { $0 + $1.count * 4 }
        let policy = trainedCount * 4
        let ofBase = !settings.trainsAdapters && ParameterStore.isLarge(pipeline.unetTensors) ? 1 : 0
        let (checkpoints, overflow) = policy.multipliedReportingOverflow(by: settings.iterations + ofBase)
        let needed = (overflow ? Int.max / 2 : checkpoints) + 2 * (settings.ema > 0 ? 4 : 3) * policy + unet + 4 * encoders + recordBytes + (64 << 20)
        let order = ShuffledOrder(of: heldOut.training, seed: settings.seed, purpose: Trainer.orderPurpose)
        let cache = settings.cacheFolder(of: directory)
        let missing = winners.bytesMissing(order.first(settings.totalUpdates * settings.batch) + heldOut.heldOut)
        guard let disk = Disk(directory.root), let cacheDisk = Disk(cache) else { return }
        // What a resumed run has written already is counted in what it needs.
        try disk.require(needed - directory.bytes + (cacheDisk.device == disk.device ? missing : 0), at: directory.root)
        if cacheDisk.device != disk.device { try cacheDisk.require(missing, at: cache) }
    }

    /// A line and an event an update, a kilobyte each, and the samples as files and as events.
    private var recordBytes: Int {
        let pixels = winners.settings.width * winners.settings.height
        return settings.totalUpdates * 4096 + (settings.iterations + 1) * settings.validationPrompts * 2 * 3 * pixels
    }
}

extension AlignmentSettings {
    /// Where latents and text states are kept.
    public func cacheFolder(of directory: RunDirectory) -> URL { cache.map { URL(fileURLWithPath: $0) } ?? directory.cache }

    /// How winners are encoded for this run. Throws where the resolution does not suit the model.
    func encoding(_ encoder: WinnerEncoder, _ pipeline: DenoisingPipeline) throws -> EncodingSettings {
        let factor = encoder.autoencoder.downsampling
        let side = resolution > 0 ? resolution : pipeline.unet.configuration.sampleSize * factor
        guard side % factor == 0 else { throw RunError.setting("resolution is \(side): it must be a multiple of \(factor) for this model") }
        return EncodingSettings(resolution: side, posterior: vaePosterior, flipsImages: flipImages, withLosers: row.losers == .dataset)
    }

    /// How losing samples and those of validations are drawn.
    public var sampling: SamplingSettings { SamplingSettings(sampler: sampler, steps: sampleSteps, guidance: guidance, eta: eta) }

    /// Every setting under its name in a configuration file.
    func fields() throws -> [String: JSONValue] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try JSONDecoder().decode([String: JSONValue].self, from: encoder.encode(self))
    }

    /// The settings in a configuration file, whichever there are.
    public static func fields(yaml: String) throws -> [String: JSONValue] {
        let object = try YAMLOptions.read(yaml) ?? [:]
        guard JSONSerialization.isValidJSONObject(object) else { throw YAMLOptionsError.noOptions }
        return try JSONDecoder().decode([String: JSONValue].self, from: JSONSerialization.data(withJSONObject: object))
    }

    /// The resolved settings, as `--config` takes them.
    func yaml() throws -> String {
        try Yams.dump(object: fields().mapValues(\.yaml), sortKeys: true)
    }
}

extension JSONValue {
    /// As the YAML writer tells kinds apart: whole numbers, flags and texts by their types.
    fileprivate var yaml: Any {
        switch self {
        case .null: NSNull()
        case .bool(let value): value
        case .number(let value): Int(exactly: value).map { $0 as Any } ?? value
        case .string(let value): value
        case .array(let values): values.map(\.yaml)
        case .object(let entries): entries.mapValues(\.yaml)
        }
    }
}

extension AlignmentSettings {
    /// Name and value of every setting, for people, of paths the last part: whoever is shown a report need not know where it was made.
    public var facts: [(name: String, value: String)] {
        get throws {
            try fields().sorted { $0.key < $1.key }.map { entry in
                if case .string(let text) = entry.value { return (entry.key, Self.shortened(text)) }
                return (entry.key, entry.value.text)
            }
        }
    }

    private static func shortened(_ text: String) -> String {
        text.contains("/") ? "…/" + URL(fileURLWithPath: text).lastPathComponent : text
    }
}
