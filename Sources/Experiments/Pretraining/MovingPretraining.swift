import Diffusion
import Layers
import Networks
import Storage
import Tokenizers
import Torch

/// Makes a model that draws moving scenes of one that draws still ones: motion modules over it, which change nothing at first; then network and text
/// encoder learn from clean clips what captions mean, and at last from a corpus of clips, good and bad alike, to draw flawed ones.
///
/// Motion modules alone cannot learn what captions say of motion: the still model's text encoder and cross-attention have never met the words.
public struct MovingPretraining: Sendable {
    public var quality = MovingSceneQuality.mixed
    /// Clips of the corpus.
    public var count = 6000
    public var heads = 4
    /// Frames for which the motion modules have positions.
    public var maximumFrames = 16
    /// On clean clips.
    public var training = DenoiserPretraining()
    /// On the corpus, after that.
    public var spoiling = DenoiserPretraining()
    public var seed: UInt64

    public init(seed: UInt64) {
        self.seed = seed
        (training.seed, spoiling.seed) = (seed, seed &+ 1)
        (training.steps, training.learningRate, training.averageDecay) = (5000, 1.5e-3, 0.999)
        (spoiling.steps, spoiling.learningRate, spoiling.averageDecay) = (1000, 5e-4, 0.995)
        (training.batch, spoiling.batch) = (16, 16)
    }

    /// - Parameter base: draws still scenes; of it the autoencoder stays as it is
    public func train(over base: Pipeline, progress: Pretraining.Progress) throws -> Pipeline {
        let scheduler = base.scheduler.forClips
        var text = base.textEncoderTensors
        var unet = try beginning(over: base)
        for (stage, quality, training) in [("clean clips", .good, training), ("all clips", quality, spoiling)] {
            let corpus = MovingSceneCorpus(quality: quality, split: .train, count: count, seed: training.seed)
            let latents = try latents(of: corpus, base.autoencoder) { try progress("encoding \(stage)", $0, count, 0) }
            let trained = try training.train(
                configuration(base), from: unet, textEncoder: (base.textEncoder.configuration, text), tokenizer: base.tokenizer,
                schedule: scheduler.noiseSchedule(), latents: latents, captions: corpus.indices.map { corpus.scene(at: $0).caption }
            ) { try progress(stage, $0, training.steps, $1) }
            (text, unet) = (trained.textEncoder.tensors, trained.unet.tensors)
        }
        return try Pipeline(
            tokenizer: base.tokenizer, textEncoder: (base.textEncoder.configuration, ParameterStore(text)),
            autoencoder: (base.autoencoder.configuration, ParameterStore(base.autoencoderTensors)), unet: (configuration(base), ParameterStore(unet)),
            scheduler: scheduler)
    }

    func configuration(_ base: Pipeline) -> UNetConfiguration {
        var configuration = base.unet.configuration
        configuration.motion = MotionConfiguration(
            layers: configuration.layersPerBlock, heads: configuration.channels.map { _ in heads }, depth: configuration.channels.map { _ in 1 },
            maximumFrames: maximumFrames)
        return configuration
    }

    /// The still model's UNet with motion modules that change nothing.
    func beginning(over base: Pipeline) throws -> [String: Tensor] {
        let store = ParameterStore(seed: SeededGenerator.seed(seed, "motion modules", 0), isTrainable: false)
        let configuration = configuration(base)
        _ = try store.build { UNet($0, configuration) }
        return base.unetTensors.merging(store.tensors.filter { MotionConfiguration.owns($0.key) }) { $1 }
    }

    /// Modes of the posterior, scaled, `[N, C, F, h, w]`.
    private func latents(of corpus: MovingSceneCorpus, _ autoencoder: Autoencoder, progress: (_ done: Int) throws -> Void) throws -> Tensor {
        try noGradients {
            var parts: [Tensor] = []
            for first in stride(from: 0, to: corpus.count, by: 16) {
                let samples = (first..<min(first + 16, corpus.count)).map { corpus.sample(at: $0).pixels }
                let frames = Tensor(samples.flatMap { $0 }, shape: [samples.count * MovingSceneRenderer.frames, 3, SceneRenderer.size, SceneRenderer.size])
                // As of pictures in eight bits, which winners are.
                let pixels = (frames * 255.0).rounded / 127.5 - 1
                let modes = autoencoder.scaled(autoencoder.posterior(pixels).mode)
                parts.append(modes.reshaped([samples.count, MovingSceneRenderer.frames] + modes.shape.dropFirst()).transposed(1, 2).contiguous())
                try progress(first + samples.count)
            }
            return Tensor.concatenated(parts)
        }
    }
}
