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
        abstract: "See the method work on the built-in model, in minutes.",
        discussion: """
            Draws 1,000 good pictures of Scenes, aligns the built-in model with them by SePPO, and beside it by plain fine-tuning (SFT) and by \
            SePPO without its flipper, at the same budget. An oracle that knows what every picture should look like then scores the models on \
            captions none of them has seen. The last line names the report. Interrupted? The same command goes on.
            """)

    @Option(help: "Where the runs and the report go. Default: runs/demo.", transform: Place.url)
    var output = URL(fileURLWithPath: "runs/demo")
    @Option(help: "Of pictures, training and drawing.") var seed: UInt64 = 0
    @Option(help: "Threads; 0 leaves the choice to libtorch.") var threads = 0
    @OptionGroup var device: DeviceOptions
    @OptionGroup var common: CommonOptions

    private static let winners = 1000

    func validate() throws {
        try require("threads", threads, in: threadCounts)
        var use = FileUse()
        common.reads(&use)
        use.writes("--output", output)
        try use.checkUsage()
    }

    func run() throws {
        Runtime.threads = threads
        let placement = try device.placement()
        let clock = Stopwatch()
        let report = output.appendingPathComponent("report.html")
        if FileManager.default.fileExists(atPath: report.path), !RunDirectory(output.appendingPathComponent("seppo")).holdsRun {
            throw RunError.inTheWay([report.path], folder: output.path)
        }
        let folder = output.appendingPathComponent("winners")
        try SceneFolder.provide(SceneCorpus(quality: .good, split: .train, count: Self.winners, seed: seed), in: folder) {
            Console.line("drawing \(Self.winners) winners")
        }
        let methods: [(name: String, method: Method.Name, flip: Flip?)] = [
            ("SePPO", .seppo, nil), ("SFT", .sft, nil), ("SePPO without flipper", .seppo, Flip.none),
        ]
        var evaluation = ScenesEvaluation()
        evaluation.seed = seed
        let bar = ProgressBar("evaluating the base model")
        let base = try evaluation.run(Pipeline.load(BuiltInModel.folder, on: placement)) { bar.show($0, of: $1) }
        var outcomes: [ScenesEvaluation.Outcome] = []
        var records: [RunRecord] = []
        for (name, method, flip) in methods {
            var settings = AlignmentSettings.preset(model: BuiltInModel.name, winners: folder.standardizedFileURL.path)
            (settings.objective.method, settings.objective.flip, settings.run.seed, settings.computation.threads) = (method, flip, seed, threads)
            settings.computation.device = "\(placement.device)"
            settings.run.cache = output.appendingPathComponent("cache").standardizedFileURL.path
            let directory = RunDirectory(output.appendingPathComponent(name.lowercased().replacingOccurrences(of: " ", with: "-")))
            try AlignmentSession(settings, in: directory.root, resumes: directory.holdsRun).run(title: name)
            let bar = ProgressBar("evaluating \(name)")
            let outcome = try evaluation.run(Pipeline.load(directory.model, on: placement)) { bar.show($0, of: $1) }
            try writeAtomically(Comparison(outcome.records, base: base.records).json(), to: directory.evaluation)
            if records.isEmpty { try scoreCheckpoints(settings, directory, on: placement) }
            records.append(try AlignmentSession.record(name, settings, directory, images: AlignmentSession.imagePairs(base, outcome)))
            outcomes.append(outcome)
        }
        let contrasts = try zip(methods, outcomes).dropFirst().map { method, outcome in
            Report.Contrast(run: methods[0].name, against: method.name, comparison: try Comparison(outcomes[0].records, base: outcome.records))
        }
        records[0].times.append(RunRecord.Fact("whole demo", ProgressBar.clock(clock.seconds)))
        try Report(
            title: "SePPO on the built-in model", runs: records, contrasts: Array(contrasts), captionsNote: "none of them in the training data"
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
            let outcome = try evaluation.run(Pipeline.load(BuiltInModel.folder, unetWeights: weights, on: placement))
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
