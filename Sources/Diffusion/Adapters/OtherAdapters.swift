import Networks
import Torch

/// Files that people take for a LoRA of Stable Diffusion 1.x or 2.x and that are something else, told by the names of their tensors and by what they
/// say about themselves.
enum OtherAdapters {
    /// What such a file is and what to do about it; nil where it may be a LoRA.
    static func refusal(_ file: SafeTensorsFile) -> String? {
        first(of: weights, file.names) ?? kind(file)
    }

    /// The same for files that are no weights of a network: adapters of other kinds, embeddings and the like.
    static func kind(_ file: SafeTensorsFile) -> String? {
        let names = file.names
        if let what = first(of: companions, names) { return what }
        if let what = first(of: changes, names) { return "is \(what); \(onlyLoRA)" }
        guard names.contains(where: { $0.contains("lora") }) else { return nil }
        if let model = model(names, file.metadata) { return "is a LoRA for \(model), and models here are Stable Diffusion 1.x or 2.x" }
        return nil
    }

    private static func first(of rules: [(Test, String)], _ names: [String]) -> String? {
        rules.first { test, _ in names.contains(where: test) }?.1
    }

    private typealias Test = @Sendable (String) -> Bool

    private static let onlyLoRA =
        "of adapters only LoRA and LoCon are read: add it to a model with a program that reads it, and take the resulting model"

    private static func prefix(_ texts: String...) -> Test { { name in texts.contains(where: name.hasPrefix) } }
    private static func suffix(_ texts: String...) -> Test { { name in texts.contains(where: name.hasSuffix) } }
    private static func containing(_ texts: String...) -> Test { { name in texts.contains(where: name.contains) } }

    /// Models, and parts of them.
    private static let weights: [(Test, String)] = [
        (prefix("model.diffusion_model.", "first_stage_model.", "cond_stage_model."), "is a whole model in a single file, not a LoRA"),
        (prefix("policy."), "is the saved state of a run, not a LoRA: a run's LoRA is its lora.safetensors"),
        (
            { ["conv_in.weight", "conv_norm_out.weight", "time_embedding.linear_1.weight"].contains($0) },
            "holds the weights of a whole UNet, such as a checkpoint of a run that trains without adapters, not a LoRA"
        ),
        (suffix("text_model.embeddings.token_embedding.weight"), "holds the weights of a text encoder, not a LoRA"),
        (prefix("decoder.conv_in.", "encoder.conv_in."), "holds the weights of an autoencoder, not a LoRA"),
    ]

    /// What stands beside a model and changes no weights of its own.
    private static let companions: [(Test, String)] = [
        ({ $0 == "lora_controlnet" }, "is a ControlNet-LoRA, which steers a model by a picture and is not read"),
        (prefix("control_model.", "controlnet_", "input_hint_block.", "lora_controlnet"), "is a ControlNet, which steers a model by a picture and is not read"),
        (prefix("image_proj.", "ip_adapter."), "is an IP-Adapter, which takes pictures as prompts and is not read"),
        (
            { MotionConfiguration.owns($0) && AdapterName($0) == nil },
            "is a motion module of AnimateDiff, not a LoRA: --motion adds it to a model of pictures"
        ),
        (
            { $0 == "emb_params" || $0.hasPrefix("string_to_param") || $0 == "clip_l" || $0 == "clip_g" || ($0.hasPrefix("<") && $0.hasSuffix(">")) },
            "is a textual inversion embedding, a new word for the text encoder rather than a LoRA, and is not read"
        ),
        (
            prefix("bundle_emb."),
            "has a textual inversion embedding bundled with it (bundle_emb., as OneTrainer writes), which is not read: save the LoRA without its embeddings"
        ),
        ({ $0.wholeMatch(of: /\d+\.\d+\.(linear\.\d+|linear1|linear2)\.(weight|bias)/) != nil }, "is a hypernetwork, which is not read"),
        (prefix("unet:", "text_encoder:"), "is a LoRA in cloneofsimo's first format (unet:0:up …), which names no layers and is not read"),
    ]

    /// Changes of weights by other rules than B·A.
    private static let changes: [(Test, String)] = [
        (containing(".hada_"), "a LoHa (LyCORIS, tensors hada_…)"),
        (containing(".lokr_"), "a LoKr (LyCORIS, tensors lokr_…)"),
        (containing(".lora_mid."), "a LoCon with a Tucker decomposition (tensors lora_mid)"),
        (containing(".dora_scale", "lora_magnitude_vector"), "a DoRA (tensors dora_scale or lora_magnitude_vector)"),
        (suffix(".a1.weight", ".a2.weight", ".b1.weight", ".b2.weight"), "a GLoRA (LyCORIS, tensors a1 to b2)"),
        (containing(".ia3_l", ".on_input"), "an IA3 (tensors ia3_l or on_input)"),
        (containing(".oft_", ".boft_", ".oft."), "an OFT (tensors oft_…)"),
        (containing("vera_lambda"), "a VeRA (tensors vera_lambda_…)"),
        (containing(".lora_E"), "an AdaLoRA (tensors lora_E)"),
        (containing("lora_embedding_"), "a LoRA with adapters of an embedding (tensors lora_embedding_…)"),
        (containing(".w_norm", ".b_norm"), "a LoRA with changes of normalisation layers (tensors w_norm, b_norm)"),
        (suffix(".diff", ".diff_b", ".set_weight"), "a full difference of weights (tensors diff, diff_b), not one of low rank"),
        (suffix(".lora_B.bias", ".lora_up.bias", ".lora.up.bias", ".lora_B.default.bias", ".lora_bias"), "a LoRA with changes of biases"),
        (suffix(".scalar"), "a LoCon with learned factors (LyCORIS' use_scalar, tensors scalar)"),
        (suffix(".reshape_weight"), "a LoRA that changes the shapes of weights (tensors reshape_weight)"),
    ]

    /// LoRAs of other models, by their names.
    private static let models: [(Test, String)] = [
        (prefix("lora_te3_", "text_encoder_3.", "lora_unet_joint_blocks_", "diffusion_model.joint_blocks."), "Stable Diffusion 3"),
        (prefix("lora_prior_unet_", "lora_prior_te_"), "Stable Cascade"),
        (containing("single_blocks", "double_blocks", "single_transformer_blocks"), "Flux"),
        (prefix("lora_unet_blocks_", "diffusion_model.blocks.", "transformer.blocks.", "blocks."), "Wan or another video transformer"),
        (prefix("lora_te2_", "text_encoder_2.", "clip_g."), "Stable Diffusion XL"),
        (containing("label_emb", "add_embedding"), "Stable Diffusion XL"),
        (
            prefix("transformer.", "lora_transformer", "diffusion_model.transformer_blocks.", "diffusion_model.layers."),
            "a diffusion transformer (Stable Diffusion 3, PixArt, Flux, …)"
        ),
    ]

    private static func model(_ names: [String], _ metadata: [String: String]) -> String? {
        if let model = first(of: models, names) { return model }
        // sd-scripts numbers the text encoder and takes latent-diffusion's names for blocks of Stable Diffusion XL alone.
        if names.contains(where: { $0.hasPrefix("lora_te1_") }), names.contains(where: { $0.contains("_input_blocks_") || $0.contains("_output_blocks_") }) {
            return "Stable Diffusion XL"
        }
        return statedModel(metadata)
    }

    /// Another model that the header names.
    private static func statedModel(_ metadata: [String: String]) -> String? {
        let stated = [metadata["ss_base_model_version"], metadata["modelspec.architecture"]].compactMap { $0?.lowercased() }
        let known = [
            ("sdxl", "Stable Diffusion XL"), ("stable-diffusion-xl", "Stable Diffusion XL"), ("sd3", "Stable Diffusion 3"),
            ("stable-diffusion-3", "Stable Diffusion 3"), ("stable-diffusion-v3", "Stable Diffusion 3"), ("flux", "Flux"), ("wan", "Wan"), ("lumina", "Lumina"),
            ("hunyuan", "Hunyuan"), ("chroma", "Chroma"),
        ]
        return known.first { word, _ in stated.contains { $0.hasPrefix(word) } }?.1
    }

    /// A guess at the model that a LoRA was made for, from the width of the text states that it attends to, where that is not the model's.
    static func guess(path: String, inputs: Int) -> String? {
        guard path.hasSuffix(".attn2.to_k") || path.hasSuffix(".attn2.to_v") else { return nil }
        return [768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 2048: "Stable Diffusion XL"][inputs]
    }
}
