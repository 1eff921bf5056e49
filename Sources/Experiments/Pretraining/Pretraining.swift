import Diffusion
import Foundation
import Layers
import Networks
import Tokenizers
import Torch

/// Makes a small but complete text-to-image model from nothing: vocabulary, autoencoder, text encoder and UNet.
public struct Pretraining {
    public var vocabularySize = 700
    /// Tokens of a caption, with its start and end.
    public var captionLength = 16
    /// Where networks compute.
    public var placement = Placement()
    public var autoencoder = AutoencoderConfiguration()
    public var text = CLIPTextConfiguration()
    public var unet = UNetConfiguration()
    public var autoencoderTraining = AutoencoderPretraining()
    public var textEncoderTraining = TextEncoderPretraining()
    public var denoiserTraining = DenoiserPretraining()

    /// The built-in architecture for square images of `side` pixels, a multiple of 8: latents of a quarter of the side.
    public init(side: Int, seed: UInt64) {
        autoencoder.channels = [16, 32, 64]
        autoencoder.layersPerBlock = 1
        autoencoder.groups = 8
        autoencoder.sampleSize = side
        autoencoder.scalingFactor = 1
        text.width = 64
        text.hiddenWidth = 256
        text.layers = 3
        text.heads = 4
        unet.sampleSize = side / autoencoder.downsampling
        unet.channels = [32, 64]
        unet.layersPerBlock = [1, 1]
        unet.downAttention = [true, true]
        unet.upAttention = [true, true]
        unet.onlyCrossAttention = [false, false]
        unet.transformerDepth = [1, 1]
        unet.heads = [4, 4]
        unet.groups = 8
        unet.crossAttentionChannels = text.width
        autoencoderTraining.seed = seed
        textEncoderTraining.seed = seed
        denoiserTraining.seed = seed
    }

    /// What is being trained, how far it is and its latest loss.
    public typealias Progress = (_ stage: String, _ step: Int, _ steps: Int, _ loss: Double) throws -> Void

    public func train(on corpus: CaptionedImages, progress: Progress) throws -> Pipeline {
        let tokenizer = try CLIPTokenizer.train(captions: corpus.captions, vocabularySize: vocabularySize, maximumLength: captionLength)
        var text = text
        text.vocabularySize = tokenizer.vocabularySize
        text.maximumLength = captionLength
        let scheduler = SchedulerConfiguration(
            className: "DDIMScheduler", trainTimesteps: 1000, betaStart: 0.00085, betaEnd: 0.012, betaSchedule: .scaledLinear,
            predictionType: .epsilon, timestepSpacing: .leading, stepsOffset: 1, setAlphaToOne: false, clipSample: false)
        let autoencoderStore = try autoencoderTraining.train(autoencoder, corpus, on: placement) { step, loss in
            try progress("autoencoder", step, autoencoderTraining.steps, loss)
        }
        let trained = ParameterStore(autoencoderStore.tensors, on: placement)
        let latents = try encoded(corpus, try trained.build { Autoencoder($0, autoencoder) })
        let schedule = try scheduler.noiseSchedule()
        let textEncoderStore = try textEncoderTraining.train(
            text, tokenizer: tokenizer, latents: latents, captions: corpus.captions, on: placement
        ) { step, loss in
            try progress("text encoder", step, textEncoderTraining.steps, loss)
        }
        let networks = try denoiserTraining.train(
            unet, textEncoder: (text, textEncoderStore.tensors), tokenizer: tokenizer, schedule: schedule, latents: latents, captions: corpus.captions,
            on: placement
        ) { step, loss in
            try progress("text encoder and UNet", step, denoiserTraining.steps, loss)
        }
        return try Pipeline(
            tokenizer: tokenizer, textEncoder: (text, ParameterStore(networks.textEncoder.tensors, on: placement)),
            autoencoder: (autoencoder, ParameterStore(autoencoderStore.tensors, on: placement)),
            unet: (unet, ParameterStore(networks.unet.tensors, on: placement)), scheduler: scheduler)
    }

    /// Modes of the posterior, scaled, `[N, C, h, w]`.
    private func encoded(_ corpus: CaptionedImages, _ model: Autoencoder) throws -> Tensor {
        noGradients {
            Tensor.concatenated(
                stride(from: 0, to: corpus.count, by: 64).map { first in
                    model.scaled(model.posterior(corpus.batch(Array(first..<min(first + 64, corpus.count))).to(model.device)).mode)
                })
        }
    }
}

extension AdamW {
    /// One step down the gradient of `loss`, of norm 1 at most.
    func descend(_ loss: Tensor, learningRate: Double) {
        loss.backward()
        clipGradients(norm: gradientNorm(), to: 1)
        step(learningRate: learningRate)
    }
}

extension CaptionedImages {
    /// Draws a corpus of the built-in world.
    public init(_ corpus: SceneCorpus) {
        var pixels: [UInt8] = []
        pixels.reserveCapacity(corpus.count * SceneRenderer.valuesPerImage)
        var captions: [String] = []
        for sample in corpus {
            pixels += sample.pixels.map { UInt8(($0 * 255).rounded()) }
            captions.append(sample.caption)
        }
        self.init(images: Tensor(pixels, shape: [corpus.count, 3, SceneRenderer.size, SceneRenderer.size]), captions: captions)
    }
}
