import Alignment
import ArgumentParser
import Datasets
import Diffusion
import Evaluation
import Foundation
import Torch

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Score a model, alone or against its base.",
        discussion: """
            --scenes draws the held-out captions of the built-in world and has the oracle score quality and faithfulness. --winners measures the \
            denoising error on images, at fixed timesteps and noise; lower is better. Intervals are 95 %, by bootstrap over captions.
            """)

    @Option(help: "A diffusers folder, a .safetensors file, or `scenes`.") var model: String
    @Flag(help: "Score drawings of the built-in world.") var scenes = false
    @Option(help: "Measure the denoising error on these images: a folder, a .parquet or a .tar file.") var winners: String?
    @Option(help: "The model to compare with.") var base: String?
    @Option(help: "Captions, or winners; 0 for all.") var count = 0
    @Option(help: "Images a caption.") var seeds = 2
    @Option(help: "Sampling steps.") var steps = 20
    @Option(parsing: .upToNextOption, help: "One or several. Default: 1 and 3.") var guidance: [Double] = []
    @Option(help: "Captions: train, tune or held-out.") var split: SceneSplit = .heldOut
    @Option(help: "Of the drawings, or of the noise.") var seed: UInt64 = 0
    @Option(help: "Threads; 0 leaves the choice to libtorch.") var threads = 0
    @Flag(help: "Print one JSON object.") var json = false
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard scenes != (winners != nil) else { throw ValidationError("give --scenes or --winners, and not both") }
        try require("count", count, in: 0...1_000_000_000)
        try require("seeds", seeds, in: 1...1000)
        try require("steps", steps, in: 1...10_000)
        for guidance in guidance { try requireFinite("guidance", guidance) }
        try require("threads", threads, in: threadCounts)
    }

    func run() throws {
        Runtime.threads = threads
        let bar = ProgressBar("evaluating")
        let models = [model] + (base.map { [$0] } ?? [])
        var denoising = DenoisingEvaluation()
        (denoising.count, denoising.seed) = (count, seed)
        let outcomes = try models.enumerated().map { index, name in
            try records(Pipeline(BuiltInModel.resolve(name)), denoising) { bar.show(index * $1 + $0, of: models.count * $1) }
        }
        let comparison = try Comparison(outcomes[0], base: outcomes.count > 1 ? outcomes[1] : nil)
        print(json ? String(decoding: try comparison.json(), as: UTF8.self) : Self.table(comparison))
    }

    private func records(_ pipeline: Pipeline, _ denoising: DenoisingEvaluation, progress: (Int, Int) throws -> Void) throws -> [ImageScores] {
        if let winners {
            let set = try WinnerSet(URL(fileURLWithPath: winners))
            if let note = pipeline.tokenizer.truncationNote(of: set.winners.map(\.caption)) { Console.line("note: \(note)") }
            return try denoising.run(pipeline, set, progress: progress)
        }
        var evaluation = ScenesEvaluation()
        (evaluation.count, evaluation.seedsPerCaption, evaluation.steps, evaluation.seed, evaluation.split) = (count, seeds, steps, seed, split)
        if !guidance.isEmpty { evaluation.guidances = guidance }
        return try evaluation.run(pipeline, progress: progress).records
    }

    private static func table(_ comparison: Comparison) -> String {
        func interval(_ s: Interval) -> String { String(format: "%.4f [%.4f, %.4f]", s.mean, s.low, s.high) }
        var lines = ["\(comparison.n) images of \(comparison.captions) captions; 95 % intervals"]
        for result in comparison.results {
            for (name, score) in result.scores.sorted(by: { $0.key < $1.key }) {
                var line = String(format: "guidance %g  ", result.guidance) + name.padding(toLength: 16, withPad: " ", startingAt: 0) + interval(score.interval)
                if let base = score.base { line += "  base " + interval(base) }
                if let difference = score.difference { line += "  difference " + interval(difference) }
                if let rate = score.winRate { line += String(format: "  win rate %.3f", rate) }
                lines.append(line)
            }
        }
        return lines.joined(separator: "\n")
    }
}
