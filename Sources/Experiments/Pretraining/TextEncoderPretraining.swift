import Alignment
import Layers
import Networks
import Storage
import Tokenizers
import Torch

/// Trains a text encoder from nothing by drawing: a small decoder, one learned query for each place of the latent and one cross-attention over
/// the text's states, is to give the mean of the pictures a caption names.
///
/// That is what a denoiser does at the noisiest timestep, without a denoiser in the way. A denoiser has no queries that know their place at the
/// start and teaches its text encoder slowly which object goes where: it comes to draw the right objects and tosses a coin for their places.
/// Begun with states that cross-attention can read, it learns both in a few hundred updates.
public struct TextEncoderPretraining: Sendable {
    public var steps = 600
    public var batch = 256
    public var learningRate = 2e-3
    public var seed: UInt64 = 0

    public init() {}

    /// - Parameters:
    ///   - latents: scaled latents `[N, C, h, w]`
    ///   - captions: one for each latent
    ///   - placement: where the latents lie, and networks compute
    /// - Returns: the text encoder's parameters; the decoder has served
    public func train(
        _ configuration: CLIPTextConfiguration, tokenizer: CLIPTokenizer, latents: Tensor, captions: [String], on placement: Placement = Placement(),
        progress: (_ step: Int, _ loss: Double) throws -> Void
    ) throws -> ParameterStore {
        let store = ParameterStore(seed: SeededGenerator.seed(seed, "text encoder", 0), on: placement)
        let textEncoder = try store.build { CLIPTextModel($0, configuration) }
        let decoderStore = ParameterStore(seed: SeededGenerator.seed(seed, "text decoder", 0), on: placement)
        let decoder = try decoderStore.build { Decoder($0, latent: Array(latents.shape[1...]), text: configuration) }
        let optimiser = AdamW(
            store.parameters.map { ("text_encoder." + $0.name, $0.value) } + decoderStore.parameters.map { ("decoder." + $0.name, $0.value) })
        let rates = LearningRateSchedule(peak: learningRate, shape: .cosine, warmup: min(100, steps / 10), updates: steps)
        let ids = Tensor(tokenizer.ids(captions).flatMap { $0 }, shape: [captions.count, tokenizer.maximumLength]).to(placement.device)
        var order = ShuffledOrder(count: captions.count, seed: seed, purpose: "text encoder order")
        for step in 0..<steps {
            let examples = order.next(batch)
            let loss = (decoder(textEncoder(ids.gathered(examples))) - latents.gathered(examples)).squared.mean()
            optimiser.descend(loss, learningRate: rates.rate(at: step))
            try progress(step + 1, loss.item)
        }
        return store
    }

    /// Text states `[B, L, D]` to latents `[B, C, h, w]`.
    private struct Decoder {
        let queries: Tensor
        let attention: Attention
        let norm: LayerNorm
        let hidden: Linear
        let output: Linear
        let latent: [Int]

        init(_ p: Parameters, latent: [Int], text: CLIPTextConfiguration) {
            let width = text.width
            queries = p("queries", [1, latent[1] * latent[2], width], .normal(deviation: 0.5))
            attention = Attention(p["attention"], channels: width, contextChannels: width, heads: text.heads)
            norm = LayerNorm(p["norm"], width)
            hidden = Linear(p["hidden"], width, 4 * width)
            output = Linear(p["output"], 4 * width, latent[0])
            self.latent = latent
        }

        func callAsFunction(_ states: Tensor) -> Tensor {
            let places = queries.expanded([states.size(0), queries.size(1), queries.size(2)])
            let drawn = output(hidden(norm(places + attention(places, context: states))).gelu)
            return drawn.transposed(1, 2).reshaped([states.size(0)] + latent)
        }
    }
}
