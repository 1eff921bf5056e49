import ArgumentParser
import Commands
import Diffusion
import Experiments
import Foundation
import Scoring
import Storage
import Torch
import Winners

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Score a model, alone or against its base.",
        discussion: """
            --scenes draws the held-out captions of the built-in world and has the oracle score quality and faithfulness; of a model that draws \
            clips, those of the moving world: appearance, motion, consistency and their product, quality, and how far things move. --winners measures \
            the denoising error, at fixed timesteps and noise; lower is better. Intervals are 95 %, by bootstrap over captions.
            """)

    @Option(help: "A diffusers folder, a .safetensors file, `scenes` or `moving-scenes`.", transform: Place.path) var model: String
    @Option(
        help: "The model that a UNet alone (--model) was trained from, which gives the other parts; --base is the one to compare with.",
        transform: Place.path) var modelBase: String?
    @OptionGroup var parts: ModelPartOptions
    @Flag(help: "Score drawings of the built-in world.") var scenes = false
    @Option(help: "Measure the denoising error on these images: a folder, a .parquet or a .tar file.", transform: Place.path) var winners: String?
    @Option(help: "The model to compare with.", transform: Place.path) var base: String?
    @Option(help: "Captions, or winners; 0 for all.") var count = 0
    @Option(help: "With --scenes: drawings of a caption. Default: 2.") var seeds: Int?
    @Option(help: "With --scenes: sampling steps. Default: 20.") var steps: Int?
    @Option(parsing: .upToNextOption, help: "With --scenes: one or several. Default: 1 and 3.") var guidance: [Double] = []
    @Option(help: "With --scenes: captions, train, tune or held-out. Default: held-out.") var split: SceneSplit?
    @Option(help: "Of the drawings, or of the noise.") var seed: UInt64 = 0
    @Option(help: "Threads; 0 leaves the choice to libtorch.") var threads = 0
    @Flag(help: "Print one JSON object.") var json = false
    @OptionGroup var device: DeviceOptions
    @OptionGroup var reading: ReadingOptions
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
        let placement = try device.placement()
        let bar = ProgressBar("evaluating")
        let models = [model] + (base.map { [$0] } ?? [])
        var denoising = DenoisingEvaluation()
        (denoising.count, denoising.seed) = (count, seed)
        let data = try winners.map { try WinnerSet.list(URL(fileURLWithPath: $0), columns: reading.columns, captionLines: reading.lines) }
        if let data { Console.line(data.summary) }
        let outcomes = try models.enumerated().map { index, name in
            let files = try ModelFiles(parts.source(name, base: index == 0 ? modelBase : nil))
            let pipeline = try Pipeline.load(files, on: placement)
            if index == 0, let data, let note = pipeline.tokenizer.truncationNote(of: data.winners.flatMap(\.captions)) { Console.line("note: \(note)") }
            return try data.map { try denoising.run(pipeline, $0) { bar.show(index * $1 + $0, of: models.count * $1) } }
                ?? drawn(pipeline) { bar.show(index * $1 + $0, of: models.count * $1) }
        }
        var comparison = try Comparison(outcomes[0].records, base: outcomes.count > 1 ? outcomes[1].records : nil)
        if data != nil { comparison.skipped = outcomes[0].skipped }
        outcomes[0].skipped.show()
        try json ? Console.result(json: comparison.json()) : Console.result(Self.table(comparison))
    }

    private func drawn(_ pipeline: Pipeline, progress: (Int, Int) throws -> Void) throws -> DenoisingEvaluation.Outcome {
        var evaluation = ScenesEvaluation()
        (evaluation.count, evaluation.seedsPerCaption, evaluation.steps) = (count, seeds ?? 2, steps ?? 20)
        (evaluation.seed, evaluation.split) = (seed, split ?? .heldOut)
        if !guidance.isEmpty { evaluation.guidances = guidance }
        return try DenoisingEvaluation.Outcome(records: evaluation.run(pipeline, progress: progress).records, skipped: [])
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
