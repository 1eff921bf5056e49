import Diffusion
import Experiments
import Foundation
import Pages
import Testing
import Torch

/// What the committed model must be for the claims made with it.
@Suite struct BuiltInModelTests {
    let pipeline: Pipeline

    init() throws { pipeline = try Pipeline.load(BuiltInModel.folder) }

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

    @Test func itIsSmallEnoughToCommit() throws {
        let files = try #require(FileManager.default.enumerator(at: BuiltInModel.folder, includingPropertiesForKeys: [.fileSizeKey]))
        let bytes = try files.compactMap { try ($0 as? URL)?.resourceValues(forKeys: [.fileSizeKey]).fileSize }.reduce(0, +)
        #expect(bytes > 1 << 20 && bytes <= 12 << 20)
    }
}
