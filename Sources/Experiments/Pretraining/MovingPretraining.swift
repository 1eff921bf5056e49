import Diffusion
import Layers
import Networks
import Storage
import Tokenizers
import Torch

/// Makes a model that draws moving scenes of one that draws still ones: motion modules over it, trained on a corpus of clips, good and bad alike.
public struct MovingPretraining: Sendable {
    public var quality = MovingSceneQuality.mixed
    /// Clips of the corpus.
    public var count = 6000
    public var heads = 4
    /// Frames for which the motion modules have positions.
    public var maximumFrames = 16
    public var training = MotionPretraining()
    public var seed: UInt64

    public init(seed: UInt64) {
        self.seed = seed
        training.seed = seed
    }

    /// - Parameter base: draws still scenes; all of it but its noise schedule stays as it is
    public func train(over base: Pipeline, progress: Pretraining.Progress) throws -> Pipeline {
        let start = try moving(base, motion: newModules(of: base))
        let corpus = MovingSceneCorpus(quality: quality, split: .train, count: count, seed: seed)
        let captions = Array(Set(corpus.indices.map { corpus.scene(at: $0).caption })).sorted()
        let rows = Dictionary(uniqueKeysWithValues: captions.enumerated().map { ($1, $0) })
        let states = base.textStates(captions + [""])
        let latents = try latents(of: corpus, base.autoencoder) { try progress("encoding clips", $0, count, 0) }
        let trained = try training.train(
            start.denoising, latents: latents, states: states, captions: corpus.indices.map { rows[corpus.scene(at: $0).caption]! }
        ) { try progress("motion modules", $0, training.steps, $1) }
        return try moving(base, motion: Dictionary(uniqueKeysWithValues: trained.map { ($0.name, $0.value) }))
    }

    private func configuration(_ base: Pipeline) -> UNetConfiguration {
        var configuration = base.unet.configuration
        configuration.motion = MotionConfiguration(
            layers: configuration.layersPerBlock, heads: configuration.channels.map { _ in heads }, depth: configuration.channels.map { _ in 1 },
            maximumFrames: maximumFrames)
        return configuration
    }

    /// Motion modules that change nothing.
    private func newModules(of base: Pipeline) throws -> [String: Tensor] {
        let store = ParameterStore(seed: SeededGenerator.seed(seed, "motion modules", 0), isTrainable: false)
        let configuration = configuration(base)
        _ = try store.build { UNet($0, configuration) }
        return store.tensors.filter { MotionConfiguration.owns($0.key) }
    }

    /// The base with motion modules, and the schedule that these are made for.
    private func moving(_ base: Pipeline, motion: [String: Tensor]) throws -> Pipeline {
        try Pipeline(
            tokenizer: base.tokenizer, textEncoder: (base.textEncoder.configuration, ParameterStore(base.textEncoderTensors)),
            autoencoder: (base.autoencoder.configuration, ParameterStore(base.autoencoderTensors)),
            unet: (configuration(base), ParameterStore(base.unetTensors.merging(motion) { $1 })), scheduler: base.scheduler.forClips)
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
