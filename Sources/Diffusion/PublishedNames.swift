/// Older names of tensors in published files; ours are those that diffusers and transformers' Stable Diffusion files have today.
enum PublishedNames {
    case unet
    case autoencoder
    case textEncoder

    /// The tensors, or what is known of them, under today's names. A tensor whose new name is taken keeps its old one, and is reported as no part of the network.
    func current<Value>(_ tensors: [String: Value]) -> [String: Value] {
        var renamed = tensors
        for (name, tensor) in tensors {
            if self == .textEncoder, Self.isNoWeight(name) {
                renamed[name] = nil
            } else if case let new = current(name), tensors[new] == nil {
                renamed[name] = nil
                renamed[new] = tensor
            }
        }
        return renamed
    }

    /// transformers before 4.31 stored the positions 0, 1, 2, …
    static func isNoWeight(_ name: String) -> Bool { name.hasSuffix("embeddings.position_ids") }

    func current(_ name: String) -> String {
        switch self {
        case .unet: return name
        case .textEncoder: return name.hasPrefix("text_model.") ? name : "text_model." + name  // transformers 5 leaves it out
        case .autoencoder:
            // diffusers before 0.18, and so Stable Diffusion 1.x and 2.x as they were published.
            let attention = ["query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"]
            return name.split(separator: ".", omittingEmptySubsequences: false).map { attention[String($0)] ?? String($0) }.joined(separator: ".")
        }
    }
}
