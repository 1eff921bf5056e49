import Alignment
import ArgumentParser
import Commands
import Diffusion
import Experiments
import Foundation
import Reports
import Scoring
import Storage
import Torch

struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "See the method work on the built-in models, in minutes.",
        discussion: """
            Draws good pictures of Scenes, aligns the built-in model with them by SePPO, and beside it by plain fine-tuning (SFT) and by SePPO \
            without its flipper, at the same budget. An oracle that knows what every picture should look like then scores the models on captions \
            none of them has seen. With --video clips of moving Scenes, whose motion modules alone are trained, and SePPO with the indicator too. \
            The last line names the report. Interrupted? The same command goes on.
            """)

    @Flag(help: "Align the built-in model that draws clips.") var video = false
    @Option(help: "Where the runs and the report go. Default: runs/demo, with --video runs/demo-video.", transform: Place.url)
    var output: URL?
    @Option(help: "Of pictures or clips, training and drawing.") var seed: UInt64 = 0
    @Option(help: "Threads; 0 leaves the choice to libtorch.") var threads = 0
    @OptionGroup var device: DeviceOptions
    @OptionGroup var common: CommonOptions

    private var folder: URL { output ?? URL(fileURLWithPath: video ? "runs/demo-video" : "runs/demo") }

    func validate() throws {
        try require("threads", threads, in: threadCounts)
        var use = FileUse()
        common.reads(&use)
        use.writes("--output", folder)
        try use.checkUsage()
    }

    func run() throws {
        Runtime.threads = threads
        let placement = try device.placement()
        let clock = Stopwatch()
        let report = folder.appendingPathComponent("report.html")
        if FileManager.default.fileExists(atPath: report.path), !RunDirectory(folder.appendingPathComponent("seppo")).holdsRun {
            throw RunError.inTheWay([report.path], folder: folder.path)
        }
        let demonstration: Demonstration = video ? .clips : .pictures
        let winners = folder.appendingPathComponent("winners")
        try demonstration.provideWinners(winners, seed: seed)
        var evaluation = demonstration.evaluation
        evaluation.seed = seed
        let bar = ProgressBar("evaluating the base model")
        let base = try evaluation.run(Pipeline.load(demonstration.model.folder, on: placement)) { bar.show($0, of: $1) }
        var outcomes: [ScenesEvaluation.Outcome] = []
        var records: [RunRecord] = []
        for row in demonstration.rows {
            var settings = AlignmentSettings.preset(model: demonstration.model.rawValue, winners: winners.standardizedFileURL.path)
            (settings.objective.method, settings.objective.flip, settings.run.seed, settings.computation.threads) = (row.method, row.flip, seed, threads)
            settings.computation.device = "\(placement.device)"
            settings.run.cache = folder.appendingPathComponent("cache").standardizedFileURL.path
            demonstration.adjust(&settings)
            let directory = RunDirectory(folder.appendingPathComponent(row.name.lowercased().replacingOccurrences(of: " ", with: "-")))
            try AlignmentSession(settings, in: directory.root, resumes: directory.holdsRun).run(title: row.name)
            let bar = ProgressBar("evaluating \(row.name)")
            let outcome = try evaluation.run(Pipeline.load(directory.model, on: placement)) { bar.show($0, of: $1) }
            try writeAtomically(Comparison(outcome.records, base: base.records).json(), to: directory.evaluation)
            if records.isEmpty, !video { try scoreCheckpoints(settings, directory, on: placement) }
            records.append(try AlignmentSession.record(row.name, settings, directory, images: AlignmentSession.imagePairs(base, outcome)))
            outcomes.append(outcome)
        }
        let contrasts = try zip(demonstration.rows, outcomes).dropFirst().map { row, outcome in
            Report.Contrast(
                run: demonstration.rows[0].name, against: row.name, comparison: try Comparison(outcomes[0].records, base: outcome.records))
        }
        records[0].times.append(RunRecord.Fact("whole demo", ProgressBar.clock(clock.seconds)))
        try Report(
            title: demonstration.title, runs: records, contrasts: Array(contrasts), captionsNote: "none of them in the training data",
            drawings: video ? .clips : .images
        ).write(to: report)
        Console.print("report: \(report.path)")
    }

    /// How quality and faithfulness went from iteration to iteration, on fewer captions.
    private func scoreCheckpoints(_ settings: AlignmentSettings, _ directory: RunDirectory, on placement: Placement) throws {
        var evaluation = ScenesEvaluation()
        evaluation.seed = seed
        evaluation.count = 70
        evaluation.seedsPerCaption = 1
        let bar = ProgressBar("evaluating checkpoints")
        var lines = Data()
        for k in 0...settings.optimisation.iterations {
            let weights = k == 0 ? nil : directory.checkpoint(k)
            let outcome = try evaluation.run(Pipeline.load(BuiltInModel.scenes.folder, unetWeights: weights, on: placement))
            for result in try Comparison(outcome.records).results {
                for (score, summary) in result.scores.sorted(by: { $0.key < $1.key }) {
                    lines += try JSONLines.line(RunRecord.CheckpointScore(k: k, guidance: result.guidance, score: score, summary.interval))
                }
            }
            bar.show(k + 1, of: settings.optimisation.iterations + 1)
        }
        try writeAtomically(lines, to: directory.root.appendingPathComponent("scores.jsonl"))
    }
}

/// What the demo shows of a built-in model.
private struct Demonstration: Sendable {
    struct Row: Sendable {
        let name: String
        let method: Method.Name
        var flip: Flip?
    }

    let title: String
    let model: BuiltInModel
    /// How many pictures or clips the models learn from.
    let winners: Int
    /// The first is the one that the report speaks of.
    let rows: [Row]
    var evaluation = ScenesEvaluation()
    /// What of the model's preset is too long for a demo.
    var adjust: @Sendable (inout AlignmentSettings) -> Void = { _ in }

    static let pictures = Demonstration(
        title: "SePPO on the built-in model", model: .scenes, winners: 1000,
        rows: [Row(name: "SePPO", method: .seppo), Row(name: "SFT", method: .sft), Row(name: "SePPO without flipper", method: .seppo, flip: Flip.none)])

    static let clips: Demonstration = {
        var clips = Demonstration(
            title: "SePPO on the built-in model of clips", model: .movingScenes, winners: 298,
            rows: pictures.rows + [Row(name: "SePPO with indicator", method: .sspo)])
        clips.evaluation.steps = 10
        clips.adjust = { ($0.optimisation.iterations, $0.optimisation.updates) = (4, 15) }
        return clips
    }()

    func provideWinners(_ folder: URL, seed: UInt64) throws {
        let writing = { Console.line("drawing \(winners) winners") }
        switch model {
        case .scenes:
            try SceneFolder.provide(SceneCorpus(quality: .good, split: .train, count: winners, seed: seed), in: folder, writing: writing)
        case .movingScenes:
            try MovingSceneFolder.provide(MovingSceneCorpus(quality: .good, split: .train, count: winners, seed: seed), in: folder, writing: writing)
        }
    }
}
