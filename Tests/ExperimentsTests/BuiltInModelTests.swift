import Diffusion
import Foundation
import Layers
import Networks
import TestSupport
import Testing
import Torch

@testable import Experiments

/// What the committed model must be for the claims made with it.
@Suite struct BuiltInModelTests {
    let pipeline: Pipeline

    init() throws { pipeline = try Pipeline.load(BuiltInModel.scenes.folder) }

    private func images(_ corpus: SceneCorpus) -> Tensor {
        Tensor(corpus.flatMap(\.pixels), shape: [corpus.count, 3, SceneRenderer.size, SceneRenderer.size]) * 2 - 1
    }

    private func scores(_ images: Tensor, _ scenes: [Scene]) -> [SceneScore] {
        SceneOracle().score(((images + 1) / 2).contiguous().values(), scenes: scenes)
    }

    private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    @Test func idealRenderingsStayIdealThroughTheAutoencoder() {
        let corpus = SceneCorpus(quality: .good, split: .heldOut, count: 244, seed: 11)
        let model = pipeline.autoencoder
        noGradients {
            let latents = model.scaled(model.posterior(images(corpus)).mode)
            let scores = scores(model.decode(latents), corpus.map(\.scene))
            let (faithfulness, quality) = (mean(scores.map(\.faithfulness)), mean(scores.map(\.quality)))
            #expect(faithfulness >= 0.9 && quality >= 0.9, "\(faithfulness), \(quality)")
            let faithful = scores.count { $0.faithful }
            #expect(faithful == scores.count)
            // Twin: latents with a third of noise no longer are.
            let noise = Generator(seed: 1).normal(latents.shape)
            let spoilt = self.scores(model.decode(latents * 0.67 + noise * 0.33), corpus.map(\.scene))
            #expect(mean(spoilt.map(\.quality)) < 0.8)
        }
    }

    /// Latents of about unit spread, and a posterior narrow beside it: a sampled latent is not a noisy one.
    @Test func latentsAreNormalisedAndThePosteriorIsNarrow() {
        noGradients {
            let posterior = pipeline.autoencoder.posterior(images(SceneCorpus(quality: .good, split: .train, count: 200, seed: 12)))
            for deviation in posterior.mean.standardDeviation([0, 2, 3]).values() { #expect((0.7...1.5).contains(deviation), "\(deviation)") }
            #expect((posterior.logVariance * 0.5).exponential.mean().item < 0.1)
        }
    }

    @Test(arguments: zip(BuiltInModel.allCases, [12, 6])) func itIsSmallEnoughToCommit(_ model: BuiltInModel, megabytes: Int) throws {
        let files = try #require(FileManager.default.enumerator(at: model.folder, includingPropertiesForKeys: [.fileSizeKey]))
        let bytes = try files.compactMap { try ($0 as? URL)?.resourceValues(forKeys: [.fileSizeKey]).fileSize }.reduce(0, +)
        #expect(bytes > 1 << 20 && bytes <= megabytes << 20, "\(bytes)")
    }

    /// What the model of clips began as: every frame the answer of the model of pictures.
    @Test func newMotionModulesChangeNothing() throws {
        let pretraining = MovingPretraining(seed: 1)
        let moving = try ParameterStore(pretraining.beginning(over: pipeline)).build { UNet($0, pretraining.configuration(pipeline)) }
        let noise = Generator(seed: 4).normal([2, 4, 3, 8, 8])
        let times = Tensor([10.0, 900], shape: [2]).to(.float32)
        let text = pipeline.conditioning(["a red circle moves left", "a blue square grows"])
        try noGradients {
            let clips = moving(noise, at: times, text)
            for frame in 0..<3 {
                let still = pipeline.unet(self.frame(frame, of: noise), at: times, text)
                #expect(largestDifference(self.frame(frame, of: clips), still) < 1e-6 * still.magnitude.max().item)
            }
            // Twin: the committed model's frames look at each other.
            let trained = try Pipeline.load(BuiltInModel.movingScenes.folder).unet
            let other = Tensor.concatenated([noise.slice(0..<2, axis: 2), Generator(seed: 5).normal([2, 4, 1, 8, 8])], axis: 2)
            #expect(largestDifference(frame(0, of: trained(noise, at: times, text)), frame(0, of: trained(other, at: times, text))) > 1e-2)
        }
    }

    private func frame(_ index: Int, of clips: Tensor) -> Tensor {
        clips.slice(index..<index + 1, axis: 2).reshaped([clips.size(0), clips.size(1), clips.size(3), clips.size(4)])
    }

    /// The model of clips draws the captions' objects, and some of what they do, since it learned good and bad alike.
    @Test func itDrawsMovingScenes() throws {
        var evaluation = ScenesEvaluation()
        (evaluation.split, evaluation.seedsPerCaption, evaluation.guidances, evaluation.steps) = (.tune, 2, [3], 10)
        let records = try evaluation.run(Pipeline.load(BuiltInModel.movingScenes.folder)).records
        #expect(records.count == 44 && Set(records.flatMap(\.scores.keys)).count == 6)
        let (appearance, composite) = (mean(records.map { $0.scores["appearance"]! }), mean(records.map { $0.scores["composite"]! }))
        #expect(appearance > 0.5 && composite > 0.05, "\(appearance), \(composite)")
    }
}
