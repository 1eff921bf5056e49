import Foundation
import Layers
import Storage
import Torch

/// `text_encoder/config.json` of a CLIP text model.
public struct CLIPTextConfiguration: Sendable, Equatable {
    public var vocabularySize = 49408
    public var width = 768
    public var hiddenWidth = 3072
    public var layers = 12
    public var heads = 12
    public var maximumLength = 77
    public var activation = Activation.quickGELU
    public var epsilon = 1e-5

    /// What transformers calls the model, and its kind.
    public static let className = "CLIPTextModel"
    public static let modelType = "clip_text_model"

    public init() {}

    /// transformers writes dozens of generic keys into this file (generation, export), so keys that do not shape the text model are passed over.
    public init(_ url: URL) throws {
        var reader = try ConfigurationReader(url)
        vocabularySize = try reader.integer("vocab_size", vocabularySize, in: 1...10_000_000)
        width = try reader.integer("hidden_size", 512, in: 1...65536)
        hiddenWidth = try reader.integer("intermediate_size", 2048, in: 1...262144)
        layers = try reader.integer("num_hidden_layers", layers, in: 1...512)
        heads = try reader.integer("num_attention_heads", 8, in: 1...1024)
        maximumLength = try reader.integer("max_position_embeddings", maximumLength, in: 1...65536)
        let name = try reader.string("hidden_act", activation.rawValue)
        guard let activation = Activation(rawValue: name) else { throw reader.wrong("hidden_act", "quick_gelu or gelu") }
        self.activation = activation
        epsilon = try reader.number("layer_norm_eps", epsilon, in: 0...1)
        guard width % heads == 0 else { throw reader.wrong("hidden_size", "a multiple of num_attention_heads") }
    }

    public var json: JSONValue {
        .object([
            "architectures": .strings([Self.className]), "model_type": .string(Self.modelType), "torch_dtype": .string("float32"),
            "vocab_size": .number(Double(vocabularySize)), "hidden_size": .number(Double(width)), "intermediate_size": .number(Double(hiddenWidth)),
            "num_hidden_layers": .number(Double(layers)), "num_attention_heads": .number(Double(heads)), "projection_dim": .number(Double(width)),
            "max_position_embeddings": .number(Double(maximumLength)), "hidden_act": .string(activation.rawValue), "layer_norm_eps": .number(epsilon),
            "bos_token_id": .number(Double(vocabularySize - 2)), "eos_token_id": .number(Double(vocabularySize - 1)),
            "pad_token_id": .number(Double(vocabularySize - 1)),
        ])
    }
}

/// The text tower of CLIP (Radford et al., arXiv 2103.00020), with transformers' tensor names.
public struct CLIPTextModel: Sendable {
    public let configuration: CLIPTextConfiguration
    public let device: Device
    private let tokens: Embedding
    private let positions: Embedding
    private let layers: [Layer]
    private let finalNorm: LayerNorm

    public init(_ p: Parameters, _ configuration: CLIPTextConfiguration) {
        self.configuration = configuration
        device = p.device
        let model = p["text_model"]
        tokens = Embedding(model["embeddings"]["token_embedding"], configuration.vocabularySize, configuration.width)
        positions = Embedding(model["embeddings"]["position_embedding"], configuration.maximumLength, configuration.width)
        layers = (0..<configuration.layers).map { Layer(model["encoder"]["layers"][$0], configuration) }
        finalNorm = LayerNorm(model["final_layer_norm"], configuration.width, epsilon: configuration.epsilon)
    }

    /// Token ids `[B, L]` (int64) → last hidden states `[B, L, width]` after the final normalisation.
    public func callAsFunction(_ ids: Tensor) -> Tensor {
        let start = tokens(ids) + positions(Tensor.range(ids.size(1), on: Placement(ids.device, .int64)))
        return finalNorm(layers.reduce(start) { states, layer in layer(states) })
    }

    private struct Layer {
        let norm1: LayerNorm
        let norm2: LayerNorm
        let query: Linear
        let key: Linear
        let value: Linear
        let output: Linear
        let fc1: Linear
        let fc2: Linear
        let heads: Int
        let activation: Activation

        init(_ p: Parameters, _ c: CLIPTextConfiguration) {
            norm1 = LayerNorm(p["layer_norm1"], c.width, epsilon: c.epsilon)
            norm2 = LayerNorm(p["layer_norm2"], c.width, epsilon: c.epsilon)
            query = Linear(p["self_attn"]["q_proj"], c.width, c.width)
            key = Linear(p["self_attn"]["k_proj"], c.width, c.width)
            value = Linear(p["self_attn"]["v_proj"], c.width, c.width)
            output = Linear(p["self_attn"]["out_proj"], c.width, c.width)
            fc1 = Linear(p["mlp"]["fc1"], c.width, c.hiddenWidth)
            fc2 = Linear(p["mlp"]["fc2"], c.hiddenWidth, c.width)
            heads = c.heads
            activation = c.activation
        }

        func callAsFunction(_ x: Tensor) -> Tensor {
            let h = norm1(x)
            let split = { Attention.split($0, heads: heads) }
            let attended = Tensor.attention(split(query(h)), split(key(h)), split(value(h)), isCausal: true)
            let y = x + output(Attention.joined(attended))
            return y + fc2(activation(fc1(norm2(y))))
        }
    }
}
