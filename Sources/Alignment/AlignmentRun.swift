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
    public let pipeline: Pipeline
    private let lock: RunLock
    private let isFinished: Bool
    /// Numbers that are trained.
    private let trainedCount: Int

    /// Takes the run directory, or refuses it.
    /// - Parameter resumes: whether a run that was begun there goes on
    public init(_ settings: AlignmentSettings, in folder: URL, resumes: Bool) throws {
        try settings.validate()
        self.settings = settings
        directory = RunDirectory(folder)
        pipeline = try settings.basePipeline()
        trainedCount = try settings.trainedCount(pipeline.unetTensors)
        let winners = try WinnerSet(URL(fileURLWithPath: settings.winners)).winners
        do {
            try directory.create()
        } catch {
            throw RunError.unusable(folder.path, error.localizedDescription)
        }
        lock = try RunLock(directory)
        let holdsRun = directory.holdsRun
        guard resumes || !holdsRun else { throw RunError.exists(folder.path) }
        try directory.removeLeftovers()
        let saved = holdsRun ? try RunState.newest(directory) : nil
        if saved != nil { try Self.refuseChanges(settings, directory) }
        isFinished = saved?.counters.updates == settings.totalUpdates && FileManager.default.fileExists(atPath: PipelineFolder(directory.model).index.path)
        if !isFinished { try checkDisk(winners) }
        if saved == nil {
            // A run that was killed before its first save leaves nothing worth keeping; other people's files in the folder stay.
            if holdsRun { directory.removeResults() }
            try writeAtomically(Data(settings.yaml().utf8), to: directory.configuration)
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
        return lines
    }

    /// Encodes the winners and trains to the end, or to a signal.
    public func run(
        stopping signals: StopSignals, encoding: (_ done: Int, _ of: Int) throws -> Void = { _, _ in },
        started: (_ winners: EncodedWinners, _ updatesDone: Int) throws -> Void = { _, _ in }, progress: (LoggedUpdate) throws -> Void
    ) throws {
        let resolution = settings.resolution > 0 ? settings.resolution : pipeline.resolution
        let factor = pipeline.autoencoder.configuration.downsampling
        guard resolution % factor == 0 else { throw RunError.model("resolution must be a multiple of \(factor) for this model") }
        let encodingSettings = EncodingSettings(
            resolution: resolution, posterior: settings.vaePosterior, flipsImages: settings.flipImages, withLosers: settings.row.losers == .dataset)
        let winners = try EncodedWinners(
            WinnerSet(URL(fileURLWithPath: settings.winners)), pipeline, encodingSettings, limit: settings.limit, cache: directory.cache,
            progress: { done, count in
                // Nothing of it is kept yet, so there is nothing to wait for.
                if let number = signals.received { throw StoppedBySignal(number: number) }
                try encoding(done, count)
            })
        try recordSkips(winners.skips)
        let trainer = try Trainer(settings, pipeline, winners, directory)
        try started(winners, trainer.updatesDone)
        try trainer.run(stopping: signals, progress: progress)
    }

    private func recordSkips(_ skips: [Skip]) throws {
        let encoder = JSONEncoder()
        let lines = try skips.map { try encoder.encode($0) + Data("\n".utf8) }
        try writeAtomically(lines.reduce(Data(), +), to: directory.skippedFiles)
    }

    private static func refuseChanges(_ settings: AlignmentSettings, _ directory: RunDirectory) throws {
        // A setting that the run's program did not have yet was what its default is.
        let before = try AlignmentSettings(model: "", winners: "").fields()
            .merging(AlignmentSettings.fields(yaml: String(contentsOf: directory.configuration, encoding: .utf8))) { $1 }
        let now = try settings.fields()
        let changes = Set(before.keys).union(now.keys).subtracting(["save_every"]).sorted().filter { before[$0] != now[$0] }
        guard changes.isEmpty else {
            throw RunError.differs(changes.map { "\($0): was \(before[$0]?.text ?? "not set"), now \(now[$0]?.text ?? "not set")" })
        }
    }

    /// K checkpoints, the state twice while it is replaced, the resulting pipeline and the encoded winners.
    private func checkDisk(_ listed: [Winner]) throws {
        let unet = pipeline.unetTensors.values.reduce(0) { $0 + $1.count * 4 }
        let policy = trainedCount * 4
        let encoders = pipeline.encoderTensors.values.reduce(0) { $0 + $1.count * 4 }
        let ofBase = !settings.trainsAdapters && ParameterStore.isLarge(pipeline.unetTensors) ? 1 : 0
        let (checkpoints, overflow) = policy.multipliedReportingOverflow(by: settings.iterations + ofBase)
        let needed = (overflow ? Int.max / 2 : checkpoints) + 2 * (settings.ema > 0 ? 4 : 3) * policy + unet + encoders + cacheBytes(listed) + (64 << 20)
        var status = statvfs()
        guard statvfs(directory.root.path, &status) == 0 else { return }
        let free = Int(status.f_bavail) * Int(status.f_frsize)
        // What a resumed run has written already is counted in both.
        guard free + directory.bytes >= needed else { throw RunError.disk(needed: needed, free: free, directory.root.path) }
    }

    private func cacheBytes(_ listed: [Winner]) -> Int {
        let winners = settings.limit > 0 ? Array(listed.prefix(settings.limit)) : listed
        let side = (settings.resolution > 0 ? settings.resolution : pipeline.resolution) / pipeline.autoencoder.configuration.downsampling
        let moments = settings.vaePosterior == .mode ? 1 : 2
        let posteriors = 1 + (settings.flipImages ? 1 : 0) + (settings.row.losers == .dataset ? 1 : 0)
        let latents = winners.count * posteriors * moments * pipeline.autoencoder.configuration.latentChannels * side * side
        let states = (Set(winners.map(\.caption)).count + 1) * pipeline.tokenizer.maximumLength * pipeline.textEncoder.configuration.width
        return 4 * (latents + states)
    }
}

extension AlignmentSettings {
    /// Every setting under its name in a configuration file.
    func fields() throws -> [String: JSONValue] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try JSONDecoder().decode([String: JSONValue].self, from: encoder.encode(self))
    }

    /// The settings in a configuration file, whichever there are.
    public static func fields(yaml: String) throws -> [String: JSONValue] {
        let object = try Yams.load(yaml: yaml) as? [String: Any] ?? [:]
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
    /// Name and value of every setting, for people.
    public var facts: [(name: String, value: String)] {
        get throws {
            try fields().sorted { $0.key < $1.key }.map { entry in
                if case .string(let text) = entry.value { return (entry.key, text) }
                return (entry.key, entry.value.text)
            }
        }
    }
}
