import Alignment
import ArgumentParser
import Datasets
import Diffusion
import Foundation
import Torch

struct Pretrain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a small, complete model from nothing.",
        discussion: """
            Trains a vocabulary, an autoencoder, a CLIP text encoder and a UNet and writes them as a diffusers folder. The built-in model is made by

              seppo pretrain --scenes --output Sources/Datasets/Resources/scenes

            on a mixed corpus of Scenes: good pictures, blurred, washed-out and wrong ones, so that it has learned good and bad alike.
            """)

    @Flag(help: "Train on the built-in world.")
    var scenes = false

    @Option(help: "Where the model folder is written.", transform: { URL(fileURLWithPath: $0) })
    var output: URL

    @Option(help: "Pictures in the corpus of Scenes.")
    var count = 24000

    @Option(help: "Share of flawed pictures in the corpus of Scenes.")
    var flawed = 0.75

    @Option(help: "Share of the flaws that are blurred or washed out rather than wrong.")
    var qualityFlaws = 0.9

    @Option(help: "Updates of text encoder and UNet.")
    var steps = 8000

    @Option(help: "Updates of the autoencoder.")
    var autoencoderSteps = 2000

    @Option(help: "Images an update of text encoder and UNet.")
    var batch = 64

    @Option(help: "Greatest learning rate of text encoder and UNet.")
    var learningRate = 1.5e-3

    @Option(help: "Threads of one operator; 0 leaves the choice to libtorch.")
    var threads = 0

    @Option var seed: UInt64 = 0

    func run() throws {
        Runtime.threads = threads
        let corpus = CaptionedImages(SceneCorpus(quality: SceneQuality(flawed: flawed, qualityFlaws: qualityFlaws), split: .train, count: count, seed: seed))
        var pretraining = Pretraining(side: SceneRenderer.size, seed: seed)
        pretraining.autoencoderTraining.steps = autoencoderSteps
        pretraining.denoiserTraining.steps = steps
        pretraining.denoiserTraining.batch = batch
        pretraining.denoiserTraining.learningRate = learningRate
        let start = Date()
        var smoothed = 0.0
        let pipeline = try pretraining.train(on: corpus) { stage, step, steps, loss in
            smoothed = step == 1 ? loss : smoothed * 0.98 + loss * 0.02
            if step % 100 == 0 || step == steps {
                let line = String(format: "%@ %d/%d  loss %.4f  %.0f s\n", stage, step, steps, smoothed, -start.timeIntervalSinceNow)
                FileHandle.standardError.write(Data(line.utf8))
            }
        }
        try pipeline.write(to: output)
    }
}
