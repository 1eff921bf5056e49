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

            --protocol draws a clip for each prompt of a test set and measures it against the set's own clip, both in 8 bits and at one size: FVD, LPIPS, \
            SSIM and PSNR, beside them how much moves, and what the references reach against themselves re-encoded, shuffled and standing still. Seeds are \
            a prompt's own, the same for every model. Weights of FVD and LPIPS: Scripts/metric-weights.

              seppo evaluate --protocol chronomagic-150 --model ./sd15 \\
                --motion ./motion-adapter --prompts prompts.csv \\
                --reference ./videos --metric fvd=i3d-kinetics-400.safetensors
            """)

    @Option(help: "A diffusers folder, a .safetensors file, `scenes` or `moving-scenes`.", transform: Place.path) var model: String
    @Option(
        help: "The model that a UNet alone (--model) was trained from, which gives the other parts; --base is the one to compare with.",
        transform: Place.path) var modelBase: String?
    @OptionGroup var parts: ModelPartOptions
    @Flag(help: "Score drawings of the built-in world.") var scenes = false
    @Option(help: "Measure the denoising error on these images: a folder, a .parquet or a .tar file.", transform: Place.path) var winners: String?
    @Option(help: "The model to compare with.", transform: Place.path) var base: String?
    @OptionGroup(title: "A test set of clips") var testSet: ProtocolOptions
    @Option(help: "Captions, prompts or winners; 0 for all.") var count = 0
    @Option(help: "Drawings of a caption, or clips a prompt. Default: with --scenes 2, with --protocol 1.") var seeds: Int?
    @Option(help: "Sampling steps. Default: with --scenes 20, with --protocol 25.") var steps: Int?
    @Option(parsing: .upToNextOption, help: "With --scenes one or several, by default 1 and 3; with --protocol one, by default 8.") var guidance: [Double] = []
    @Option(help: "With --scenes: captions, train, tune or held-out. Default: held-out.") var split: SceneSplit?
    @Option(help: "Of the drawings, or of the noise.") var seed: UInt64 = 0
    @Option(help: "Threads; 0 leaves the choice to libtorch.") var threads = 0
    @Flag(help: "Print one JSON object.") var json = false
    @OptionGroup var device: DeviceOptions
    @OptionGroup var reading: ReadingOptions
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard [scenes, winners != nil, testSet.name != nil].count(where: { $0 }) == 1 else {
            throw ValidationError("give one of --scenes, --winners and --protocol")
        }
        guard testSet.name == nil || guidance.count <= 1 else { throw ValidationError("--guidance: --protocol draws at one") }
        try require("count", count, in: 0...1_000_000_000)
        try require("seeds", seeds, in: 1...1000)
        try require("steps", steps, in: 1...10_000)
        for guidance in guidance { try requireFinite("guidance", guidance) }
        try require("threads", threads, in: threadCounts)
        var use = FileUse()
        try testSet.use(&use)
        use.reads("--model", BuiltInModel.resolve(model))
        use.reads("--base", base.map(BuiltInModel.resolve))
        common.reads(&use)
        try use.checkUsage()
    }

    private func runProtocol(on placement: Placement) throws {
        var sources = [parts.source(model, base: modelBase)]
        sources[0].motion = testSet.motion
        if let base {
            sources.append(parts.source(base, base: nil))
            sources[1].motion = testSet.baseMotion
        }
        let chosen = try testSet.chosen(seeds: seeds, steps: steps, guidance: guidance.first)
        let session = ProtocolSession(chosen: chosen, options: testSet, reading: reading, models: sources, count: count, placement: placement)
        let result = try session.run()
        try json ? Console.result(json: result.json()) : Console.result(result.text)
    }

    func run() throws {
        Runtime.threads = threads
        let placement = try device.placement()
        if testSet.name != nil { return try runProtocol(on: placement) }
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
