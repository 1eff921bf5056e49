import Alignment
import Layers
import Networks
import Storage
import Torch

/// Trains an autoencoder from nothing: absolute error of the reconstruction and a small pull of the posterior towards the unit normal
/// (Rombach et al., arXiv 2112.10752, without the adversarial and perceptual parts).
public struct AutoencoderPretraining: Sendable {
    public var steps = 2000
    public var batch = 32
    public var learningRate = 2e-3
    /// Weight of the Kullback–Leibler divergence against the unit normal, a mean over all latent values. Small, so that the posterior is narrow
    /// beside the spread of the latents: a wide one makes every sampled latent a noisy one.
    public var divergenceWeight = 1e-6
    public var seed: UInt64 = 0

    public init() {}

    /// - Returns: the parameters of the trained autoencoder, its latents normalised to mean 0 and deviation 1 a channel.
    public func train(
        _ configuration: AutoencoderConfiguration, _ corpus: CaptionedImages, on placement: Placement = Placement(),
        progress: (_ step: Int, _ loss: Double) throws -> Void
    ) throws -> ParameterStore {
        let store = ParameterStore(seed: SeededGenerator.seed(seed, "autoencoder", 0), on: placement)
        let model = try store.build { Autoencoder($0, configuration) }
        let optimiser = AdamW(store.parameters, settings: AdamW.Settings(weightDecay: 0))
        let average = ExponentialMovingAverage(store.parameters, decay: 0.995)
        let schedule = LearningRateSchedule(peak: learningRate, shape: .cosine, warmup: min(50, steps / 10), updates: steps)
        var order = ShuffledOrder(count: corpus.count, seed: seed, purpose: "autoencoder order")
        for step in 0..<steps {
            let images = corpus.batch(order.next(batch)).to(placement.device)
            let posterior = model.posterior(images)
            let noise = Generator(seed: SeededGenerator.seed(seed, "autoencoder noise", step)).normal(posterior.mean.shape).to(placement.device)
            let reconstruction = model.decode(unscaled: posterior.sample(noise))
            let divergence = (posterior.mean.squared + posterior.logVariance.exponential - posterior.logVariance - 1).mean() * 0.5
            let loss = (reconstruction - images).magnitude.mean() + divergence * divergenceWeight
            optimiser.descend(loss, learningRate: schedule.rate(at: step))
            average.update()
            try progress(step + 1, loss.item)
        }
        average.apply()
        return noGradients { normalised(store, model, corpus) }
    }

    /// Folds the mean and the deviation of every latent channel into the quantising convolutions, so that one scaling factor of 1 fits all
    /// channels: raw channels differ by a factor of ten in spread, and the denoiser would see some of them as noise alone.
    private func normalised(_ store: ParameterStore, _ model: Autoencoder, _ corpus: CaptionedImages) -> ParameterStore {
        let sample = Array(0..<min(corpus.count, 2048))
        let means = Tensor.concatenated(
            stride(from: 0, to: sample.count, by: 64).map {
                model.posterior(corpus.batch(Array(sample[$0..<min($0 + 64, sample.count)])).to(model.device)).mean
            })
        let mean = means.mean([0, 2, 3])
        let deviation = means.standardDeviation([0, 2, 3])
        let channels = model.configuration.latentChannels
        let tensors = Dictionary(uniqueKeysWithValues: store.parameters.map { ($0.name, $0.value.detached) })
        guard let weight = tensors["quant_conv.weight"], let bias = tensors["quant_conv.bias"],
            let postWeight = tensors["post_quant_conv.weight"], let postBias = tensors["post_quant_conv.bias"]
        else { return store }
        // The log-variance changes by −2·ln σ through its bias alone.
        postBias.copy_(postBias + postWeight.reshaped([channels, channels]).matmul(mean))
        postWeight.copy_(postWeight * deviation.reshaped([1, channels, 1, 1]))
        let ones = Tensor.ones([channels], on: deviation.placement)
        let scale = Tensor.concatenated([ones / deviation, ones])
        let shift = Tensor.concatenated([-(mean / deviation), deviation.logarithm * -2])
        weight.copy_(weight * scale.reshaped([2 * channels, 1, 1, 1]))
        bias.copy_(bias * scale + shift)
        return store
    }
}
