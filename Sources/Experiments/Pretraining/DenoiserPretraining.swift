import Alignment
import Diffusion
import Layers
import Networks
import Storage
import Tokenizers
import Torch

/// Trains a UNet on latents, of pictures or of clips, and with it the text encoder further, by the mean squared error of the predicted noise.
public struct DenoiserPretraining: Sendable {
    public var steps = 6000
    public var batch = 64
    public var learningRate = 1.5e-3
    public var averageDecay = 0.9995
    /// Share of captions replaced by the empty one, which guidance needs.
    public var captionDropout = 0.1
    /// Greatest weight of an example. Errors of ε count 1/ᾱ, the weight of a v-prediction loss (Salimans and Ho, arXiv 2202.00512): unweighted,
    /// noisy timesteps, where the layout is decided, hardly count.
    public var greatestWeight = 20.0
    public var seed: UInt64 = 0

    public init() {}

    public struct Networks {
        public let textEncoder: ParameterStore
        public let unet: ParameterStore
    }

    /// - Parameters:
    ///   - beginning: the UNet's tensors to begin with; nil: new ones
    ///   - start: the text encoder to begin with
    ///   - latents: scaled latents `[N, C, h, w]`, of clips `[N, C, F, h, w]`
    ///   - captions: one for each latent
    ///   - placement: where the latents lie, and networks compute
    /// - Returns: the averaged parameters
    public func train(
        _ unet: UNetConfiguration, from beginning: [String: Tensor]? = nil,
        textEncoder start: (configuration: CLIPTextConfiguration, tensors: [String: Tensor]), tokenizer: CLIPTokenizer,
        schedule: NoiseSchedule, latents: Tensor, captions: [String], on placement: Placement = Placement(),
        progress: (_ step: Int, _ loss: Double) throws -> Void
    ) throws -> Networks {
        let textStore = ParameterStore(start.tensors, isTrainable: true, on: placement)
        let textEncoder = try textStore.build { CLIPTextModel($0, start.configuration) }
        let unetStore =
            beginning.map { ParameterStore($0, isTrainable: true, on: placement) }
            ?? ParameterStore(seed: SeededGenerator.seed(seed, "unet", 0), on: placement)
        let network = try unetStore.build { UNet($0, unet) }
        let parameters = textStore.trained.map { ("text_encoder." + $0.name, $0.value) } + unetStore.trained.map { ("unet." + $0.name, $0.value) }
        let optimiser = AdamW(parameters)
        let average = ExponentialMovingAverage(parameters, decay: averageDecay)
        let rates = LearningRateSchedule(peak: learningRate, shape: .cosine, warmup: min(200, steps / 10), updates: steps)
        // The last row is the empty caption.
        let ids = Tensor(tokenizer.ids(captions + [""]).flatMap { $0 }, shape: [captions.count + 1, tokenizer.maximumLength]).to(placement.device)
        var order = ShuffledOrder(count: captions.count, seed: seed, purpose: "denoiser order")
        for step in 0..<steps {
            let examples = order.next(batch)
            var chance = SeededGenerator(seed: seed, purpose: "caption dropout", index: step)
            let rows = examples.map { chance.uniform() < captionDropout ? captions.count : $0 }
            let generator = Generator(seed: SeededGenerator.seed(seed, "denoiser noise", step))
            let clean = latents.gathered(examples)
            let times = schedule.times(from: generator, count: batch)
            let noised = schedule.noise(clean, with: generator.normal(clean.shape).to(placement.device), at: times.to(placement.device))
            let answers = network(noised.latents, at: times, Conditioning(text: textEncoder(ids.gathered(rows))))
            let errors = (answers - noised.target).squared.exampleMeans
            let weights = (Tensor.ones([batch]) / schedule.alphasCumulative.gathered(times.to(.int64))).clamped(1, greatestWeight).to(placement.device)
            let loss = (errors * weights).mean()
            optimiser.descend(loss, learningRate: rates.rate(at: step))
            average.update()
            try progress(step + 1, loss.item)
        }
        average.apply()
        return Networks(textEncoder: textStore, unet: unetStore)
    }
}
