import Alignment
import Diffusion
import Foundation
import Reports
import Scoring
import Storage

/// One training run with its evaluation, or an evaluation of the base model: the unit that is done whole and kept in a file.
public struct AblationJob: Codable, Sendable, Equatable {
    public let name: String
    public let model: String
    /// nil: the base model.
    public let method: AblationMethod?
    public let setting: AblationSetting?
    public let seed: UInt64
    public let iterations: Int
    public let updates: Int
    public let batch: Int
    public let split: SceneSplit
    /// Captions, spread evenly over the split; 0: all.
    public let captions: Int
    public let steps: Int
    public let flipExamples: Int

    init(_ split: SceneSplit, _ method: AblationMethod?, _ setting: AblationSetting?, seed: UInt64, plan: AblationPlan) {
        let tunes = split == .tune
        let values = setting.map { String(format: "-lr%g", $0.learningRate) + ($0.beta.map { String(format: "-beta%g", $0) } ?? "") } ?? ""
        name = "\(tunes ? "sweep" : "final")-\(method?.id ?? "base")\(values)-seed\(seed)"
        model = plan.model
        (self.method, self.setting, self.seed, self.split) = (method, setting, seed, split)
        (iterations, updates, batch) = (plan.iterations, plan.updates, plan.batch)
        captions = tunes ? plan.sweepCaptions : 0
        steps = tunes ? plan.sweepSteps : plan.evaluationSteps
        flipExamples = !tunes && method?.id == "seppo" ? plan.flipExamples : 0
    }

    func settings(in folder: AblationFolder) -> AlignmentSettings {
        var settings = AlignmentSettings.preset(model: BuiltInModel.scenes.rawValue, winners: folder.winners.standardizedFileURL.path)
        settings.run.cache = folder.cache.standardizedFileURL.path
        settings.model.path = model
        if let method { (settings.objective.method, settings.objective.reference, settings.objective.flip) = (method.method, method.reference, method.flip) }
        if let setting {
            settings.optimisation.learningRate = setting.learningRate
            settings.objective.beta = setting.beta ?? settings.objective.beta
        }
        (settings.optimisation.iterations, settings.optimisation.updates, settings.optimisation.batch) = (iterations, updates, batch)
        // Many small jobs side by side, whose numbers are published: one thread of the processor each.
        (settings.run.seed, settings.computation.threads, settings.computation.device) = (seed, 1, "cpu")
        settings.validation.prompts = 0
        return settings
    }

    /// Does the job in this process; a run that was interrupted before goes on.
    /// - Parameters:
    ///   - folder: the ablation's; the run lies in `runs/` of it until its result is known
    ///   - signals: end the training after the update in hand, the rest at once
    ///   - isOrphan: whether nobody waits for the result any more
    public func run(in folder: AblationFolder, stopping signals: StopSignals, isOrphan: @escaping () -> Bool) throws -> AblationResult {
        func interrupted() throws {
            if let number = signals.received { throw StoppedBySignal(number: number) }
            if isOrphan() { throw StoppedBySignal(number: SIGHUP) }
        }
        let clock = Stopwatch()
        var result = AblationResult(job: self)
        let directory = RunDirectory(folder.run(self))
        do {
            if method != nil { try train(directory, folder, signals, interrupted) }
            let weights = method == nil ? nil : directory.checkpoint(iterations)
            let pipeline = try Pipeline.load(BuiltInModel.resolve(model), unetWeights: weights)
            var evaluation = ScenesEvaluation()
            (evaluation.split, evaluation.count, evaluation.seedsPerCaption, evaluation.steps) = (split, captions, 1, steps)
            result.records = try evaluation.run(pipeline) { _, _ in try interrupted() }.records
            if flipExamples > 0 {
                let check = FlipPrecision(count: flipExamples, seed: seed)
                result.flip = try check.measure(settings(in: folder), directory, progress: interrupted)
            }
        } catch let error as GenerationError {
            result.failure = "\(error)"
        } catch RunError.notFinite(let updates) {
            result.failure = "\(RunError.notFinite(updates))"
        }
        if method != nil { try result.readLog(RunRecord(name: name, directory: directory.root).log.updates) }
        result.seconds = clock.seconds
        return result
    }

    private func train(_ directory: RunDirectory, _ folder: AblationFolder, _ signals: StopSignals, _ interrupted: @escaping () throws -> Void) throws {
        let settings = settings(in: folder)
        let run = try AlignmentRun.open(settings, in: directory.root, resumes: directory.holdsRun)
        guard !run.isComplete else { return }
        try run.run(stopping: signals) { _ in try interrupted() }
    }
}

/// What a job found.
public struct AblationResult: Codable, Sendable, Equatable {
    public let job: AblationJob
    /// One an image; empty where the run failed.
    public var records: [ImageScores] = []
    /// Why there are no scores: the run or its images were not finite.
    public var failure: String?
    /// The winners' own error by iteration, and the share of examples with r_w > m_w.
    public var winnerErrors: [Double] = []
    public var flipShares: [Double] = []
    public var flip: [FlipPrecision.Example]?
    public var seconds = 0.0

    init(job: AblationJob) { self.job = job }

    /// Mean of a score over all captions and guidances, or at one guidance; 0 for a failed run: an image that is not there has no quality.
    public func mean(_ score: String, guidance: Double? = nil) -> Double {
        let values = records.filter { guidance == nil || $0.guidance == guidance }.compactMap { $0.scores[score] }
        return values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }

    mutating func readLog(_ updates: [LoggedUpdate]) {
        let iterations = Dictionary(grouping: updates) { $0.k ?? 0 }.sorted { $0.key < $1.key }.map(\.value)
        func means(_ value: (LoggedUpdate) -> Double?) -> [Double] {
            iterations.compactMap { updates in
                let values = updates.compactMap(value)
                return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
            }
        }
        winnerErrors = means(\.winnerError)
        flipShares = means(\.flipPositive)
    }
}

/// Where an ablation keeps what it has.
public struct AblationFolder: Sendable {
    public let root: URL

    public init(_ root: URL) { self.root = root }

    public var winners: URL { root.appendingPathComponent("winners") }
    public var results: URL { root.appendingPathComponent("jobs") }
    public var table: URL { root.appendingPathComponent("table.md") }
    public var summary: URL { root.appendingPathComponent("results.json") }

    public func run(_ job: AblationJob) -> URL { root.appendingPathComponent("runs").appendingPathComponent(job.name) }
    public func result(_ job: AblationJob) -> URL { results.appendingPathComponent(job.name + ".json") }
    public func log(_ job: AblationJob) -> URL { results.appendingPathComponent(job.name + ".log") }
    /// Encoded winners, the same for every run.
    var cache: URL { root.appendingPathComponent("cache") }

    /// The result of a job that was done before with the very same settings.
    public func finished(_ job: AblationJob) -> AblationResult? {
        guard let data = try? Data(contentsOf: result(job)), let result = try? JSONDecoder().decode(AblationResult.self, from: data) else { return nil }
        return result.job == job ? result : nil
    }

    /// Throws where the folder holds other people's files in the places of its own.
    public func check() throws {
        let manager = FileManager.default
        guard !manager.fileExists(atPath: results.path) else { return }
        for file in [table, summary] where manager.fileExists(atPath: file.path) { throw RunError.inTheWay([file.path], folder: root.path) }
    }

    /// Keeps a result, and lets go of the run behind it: its weights are many times larger than what the table needs.
    public func keep(_ result: AblationResult) throws {
        try createFolder(results)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try writeAtomically(encoder.encode(result), to: self.result(result.job))
        try RunDirectory(run(result.job)).remove()
    }
}
