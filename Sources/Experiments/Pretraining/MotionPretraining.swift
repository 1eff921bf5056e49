import Alignment
import Diffusion
import Layers
import Networks
import Storage
import Torch

/// Trains motion modules from nothing over a model that draws still pictures, by the mean squared error of the predicted noise; nothing else of it
/// changes. Before the first update every frame is the still model's picture, since new modules add nothing.
public struct MotionPretraining: Sendable {
    public var steps = 6000
    public var batch = 16
    public var learningRate = 1e-3
    public var averageDecay = 0.999
    /// Share of captions replaced by the empty one, which guidance needs.
    public var captionDropout = 0.1
    /// Greatest weight of an example; see ``DenoiserPretraining/greatestWeight``.
    public var greatestWeight = 20.0
    public var seed: UInt64 = 0

    public init() {}

    /// - Parameters:
    ///   - start: the model with new motion modules, on the processor
    ///   - latents: scaled latents `[N, C, F, h, w]`
    ///   - states: text states `[M + 1, L, D]`, the empty caption's last
    ///   - captions: for each clip the row of its caption among the states
    /// - Returns: the averaged parameters of the whole network
    public func train(
        _ start: DenoisingPipeline, latents: Tensor, states: Tensor, captions: [Int], progress: (_ step: Int, _ loss: Double) throws -> Void
    ) throws -> [(name: String, value: Tensor)] {
        let store = ParameterStore(start.unetTensors, isTrainable: true, training: MotionConfiguration.owns)
        let network = try start.denoiser(over: store)
        let schedule = start.schedule
        let optimiser = AdamW(store.trained)
        let average = ExponentialMovingAverage(store.trained, decay: averageDecay)
        let rates = LearningRateSchedule(peak: learningRate, shape: .cosine, warmup: min(200, steps / 10), updates: steps)
        var order = ShuffledOrder(count: captions.count, seed: seed, purpose: "motion order")
        for step in 0..<steps {
            let examples = order.next(batch)
            var chance = SeededGenerator(seed: seed, purpose: "caption dropout", index: step)
            let rows = examples.map { chance.uniform() < captionDropout ? states.size(0) - 1 : captions[$0] }
            let generator = Generator(seed: SeededGenerator.seed(seed, "motion noise", step))
            let clean = latents.gathered(examples)
            let times = schedule.times(from: generator, count: batch)
            let noised = schedule.noise(clean, with: generator.normal(clean.shape), at: times)
            let errors = (network(noised.latents, at: times, Conditioning(text: states.gathered(rows))) - noised.target).squared.exampleMeans
            let weights = (Tensor.ones([batch]) / schedule.alphasCumulative.gathered(times.to(.int64))).clamped(1, greatestWeight)
            let loss = (errors * weights).mean()
            optimiser.descend(loss, learningRate: rates.rate(at: step))
            average.update()
            try progress(step + 1, loss.item)
        }
        average.apply()
        return store.parameters.map { ($0.name, $0.value.detached) }
    }
}
