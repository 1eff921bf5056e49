import ArgumentParser
import Commands
import Diffusion
import Experiments
import Foundation
import Storage
import Torch
import Winners

struct Pretrain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a small, complete model from nothing.",
        discussion: """
            Trains a vocabulary, an autoencoder, a CLIP text encoder and a UNet and writes them as a diffusers folder. The built-in model \
            was made in 37 minutes by

              seppo pretrain --scenes --threads 1 --output Sources/Diffusion/Resources/scenes

            on a mixed corpus of Scenes: good pictures, blurred, washed-out and wrong ones, so that it has learned good and bad alike. With \
            --images it learns from pictures of your own, in any form that `seppo data` reads. The built-in model of clips goes on from that one:

              seppo pretrain --moving-scenes --threads 1 --output Sources/Diffusion/Resources/moving-scenes
            """)

    @Flag(help: "Train on the built-in world.")
    var scenes = false

    @Flag(help: "Go on from the built-in model with motion modules, on clips of moving scenes.")
    var movingScenes = false

    @Option(
        help: "Train on the images and captions of this folder, .parquet or .tar file; transparency becomes white.",
        transform: Place.url)
    var images: URL?

    @Option(help: "Side of the images of --images in pixels, a multiple of 8: the shorter side is resized to it, the middle cropped.")
    var resolution = 64

    @Option(help: "Where the model folder is written: not there yet, or empty.", transform: Place.url)
    var output: URL

    @Option(help: "Pictures of Scenes (default: 24000), clips of moving Scenes (default: 6000), or at most that many of --images (default: all).")
    var count: Int?

    @Option(help: "Share of flawed pictures or clips in the corpus of Scenes. Default: 0.75 of pictures, 0.65 of clips.")
    var flawed: Double?

    @Option(help: "Share of the flaws that are blurred or washed out rather than wrong.")
    var qualityFlaws = 0.9

    @Option(help: "Updates of text encoder and UNet. Default: 6000 on images, 5000 on clean clips.")
    var steps: Int?

    @Option(help: "Updates on the corpus of clips, clean ones and flawed ones, after that. Default: 1000.")
    var flawedSteps: Int?

    @Option(help: "Updates of the text encoder alone, before that.")
    var textSteps = 600

    @Option(help: "Updates of the autoencoder.")
    var autoencoderSteps = 2000

    @Option(help: "Images or clips an update. Default: 64 images, 16 clips.")
    var batch: Int?

    @Option(help: "Greatest learning rate. Default: 0.0015; with flawed clips a third of it.")
    var learningRate: Double?

    @Option(help: "Largest vocabulary learned from the captions, 514 or more.")
    var vocabulary = 700

    @Option(help: "Tokens of a caption, its start and end included; longer ones are cut.")
    var captionLength = 16

    @Option(help: "Threads of one operator; 0 leaves the choice to libtorch.")
    var threads = 0

    @Option(help: "Of the corpus, the weights and the order.")
    var seed: UInt64 = 0

    @OptionGroup var device: DeviceOptions

    @OptionGroup var reading: ReadingOptions

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard [scenes, images != nil, movingScenes].count(where: \.self) == 1 else {
            throw ValidationError("Give either --scenes, --moving-scenes or --images PATH.")
        }
        try require("resolution", resolution, in: 16...2048)
        guard resolution % 8 == 0 else { throw ValidationError("--resolution is \(resolution): it must be a multiple of 8") }
        try require("count", count, in: 1...1_000_000)
        try require("flawed", flawed, in: 0...1)
        try require("quality-flaws", qualityFlaws, in: 0...1)
        for (option, steps) in [("steps", steps), ("flawed-steps", flawedSteps), ("text-steps", textSteps), ("autoencoder-steps", autoencoderSteps)] {
            try require(option, steps, in: 1...100_000_000)
        }
        try require("batch", batch, in: 1...65_536)
        try require("learning-rate", learningRate, in: 0...1)
        try require("vocabulary", vocabulary, in: 514...1_000_000)
        try require("caption-length", captionLength, in: 2...1024)
        try require("threads", threads, in: threadCounts)
        var use = FileUse()
        common.reads(&use)
        use.reads("--images", images)
        use.writes("--output", output)
        try use.checkUsage()
        try Output.checkFolder(output)
    }

    func run() throws {
        Runtime.threads = threads
        let placement = try device.placement()
        if movingScenes { return try trainMotion() }
        let corpus = try corpus()
        var pretraining = Pretraining(side: scenes ? SceneRenderer.size : resolution, seed: seed)
        pretraining.placement = placement
        pretraining.vocabularySize = vocabulary
        pretraining.captionLength = captionLength
        pretraining.autoencoderTraining.steps = autoencoderSteps
        pretraining.textEncoderTraining.steps = textSteps
        pretraining.denoiserTraining.steps = steps ?? pretraining.denoiserTraining.steps
        pretraining.denoiserTraining.batch = batch ?? pretraining.denoiserTraining.batch
        pretraining.denoiserTraining.learningRate = learningRate ?? pretraining.denoiserTraining.learningRate
        try pretraining.train(on: corpus, progress: Self.progress()).write(to: output)
    }

    private func trainMotion() throws {
        var pretraining = MovingPretraining(seed: seed)
        if let flawed { pretraining.quality.flawed = flawed }
        pretraining.count = count ?? pretraining.count
        pretraining.training.steps = steps ?? pretraining.training.steps
        pretraining.spoiling.steps = flawedSteps ?? pretraining.spoiling.steps
        (pretraining.training.batch, pretraining.spoiling.batch) = (batch ?? pretraining.training.batch, batch ?? pretraining.spoiling.batch)
        if let learningRate { (pretraining.training.learningRate, pretraining.spoiling.learningRate) = (learningRate, learningRate / 3) }
        try pretraining.train(over: Pipeline.load(BuiltInModel.scenes.folder), progress: Self.progress()).write(to: output, as: .float16)
    }

    /// Says every hundred steps how far it is.
    private static func progress() -> Pretraining.Progress {
        let clock = Stopwatch()
        var smoothed = 0.0
        return { stage, step, steps, loss in
            smoothed = step == 1 ? loss : smoothed * 0.98 + loss * 0.02
            if step % 100 == 0 || step == steps {
                Console.line(String(format: "%@ %d/%d  loss %.4f  %.0f s", stage, step, steps, smoothed, clock.seconds))
            }
        }
    }

    private func corpus() throws -> CaptionedImages {
        guard let images else {
            let quality = SceneQuality(flawed: flawed ?? 0.75, qualityFlaws: qualityFlaws)
            return CaptionedImages(SceneCorpus(quality: quality, split: .train, count: count ?? 24000, seed: seed))
        }
        let set = try WinnerSet.list(images, columns: reading.columns, captionLines: reading.lines)
        var skips = set.report
        let corpus = try CaptionedImages(set, side: resolution, limit: count) { skips.append($0) }
        let leftOut = skips.isEmpty ? "" : ", \(skips.count) left out:\n" + skips.map { "  \($0)" }.joined(separator: "\n")
        Console.line("\(images.path): \(corpus.count) images\(leftOut)")
        return corpus
    }
}
