/// The names of a text encoder's tensors in open_clip, which Stable Diffusion 2.x in a single file has, beside transformers' names.
///
/// Source: `open_clip/transformer.py` of mlfoundations/open_clip. Query, key and value of a layer are one tensor there.
enum OpenCLIPNames {
    private static let layer = [
        "ln_1.weight": "layer_norm1.weight", "ln_1.bias": "layer_norm1.bias", "ln_2.weight": "layer_norm2.weight", "ln_2.bias": "layer_norm2.bias",
        "mlp.c_fc.weight": "mlp.fc1.weight", "mlp.c_fc.bias": "mlp.fc1.bias", "mlp.c_proj.weight": "mlp.fc2.weight", "mlp.c_proj.bias": "mlp.fc2.bias",
        "attn.out_proj.weight": "self_attn.out_proj.weight", "attn.out_proj.bias": "self_attn.out_proj.bias",
    ]
    private static let outside = [
        "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
        "positional_embedding": "text_model.embeddings.position_embedding.weight",
        "ln_final.weight": "text_model.final_layer_norm.weight", "ln_final.bias": "text_model.final_layer_norm.bias",
    ]

    /// Today's names of what a tensor holds, three for query, key and value together; none where the name is not known.
    static func current(_ name: String) -> [String] {
        if let known = outside[name] { return [known] }
        guard let (number, rest) = block(name) else { return [] }
        let path = "text_model.encoder.layers.\(number)."
        for end in ["weight", "bias"] where rest == "attn.in_proj_\(end)" { return ["q", "k", "v"].map { "\(path)self_attn.\($0)_proj.\(end)" } }
        return layer[rest].map { [path + $0] } ?? []
    }

    /// The layer of `transformer.resblocks.N.…`, and the rest of the name.
    static func block(_ name: String) -> (number: Int, rest: String)? {
        let parts = name.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "transformer", parts[1] == "resblocks", let number = Int(parts[2]), "\(number)" == parts[2] else { return nil }
        return (number, String(parts[3]))
    }
}
