import Networks

extension SingleFile {
    /// Models of other kinds that come in one file, by what only their tensors' names begin with or hold.
    static func otherKind(_ names: some Collection<String>) -> String? {
        let beginnings = [
            ("conditioner.embedders.", "Stable Diffusion XL"), ("model.diffusion_model.joint_blocks.", "Stable Diffusion 3"),
            ("joint_blocks.", "Stable Diffusion 3"),
            ("double_blocks.", "Flux"), ("model.diffusion_model.double_blocks.", "Flux"), ("transformer_blocks.", "a diffusion transformer"),
            ("single_transformer_blocks.", "Flux"), ("blocks.0.", "a diffusion transformer"),
            ("control_model.", "a model with a ControlNet inside (control_model.…)"),
            ("input_hint_block.", "a ControlNet, not a model"), ("controlnet_", "a ControlNet, not a model"), ("zero_convs.", "a ControlNet, not a model"),
            ("ip_adapter.", "an IP-Adapter, not a model"), ("image_proj.", "an IP-Adapter, not a model"),
            ("emb_params", "a textual-inversion embedding, not a model"),
            ("string_to_param", "a textual-inversion embedding, not a model"),
            ("cc_projection.", "Zero-1-to-3, which takes pictures rather than text"),
            ("embedder.model.visual.", "Stable unCLIP, which takes pictures rather than text"),
            ("edm_vpred.", "a model that predicts v over EDM's noise levels"),
            ("edm_mean", "a model over EDM's noise levels (Playground 2.5)"),
            ("model.diffusion_model.label_emb.", "Stable Diffusion XL or a model with labels"),
            ("label_emb.", "Stable Diffusion XL or a model with labels"), ("add_embedding.", "Stable Diffusion XL"),
            ("model.diffusion_model.position_net.", "GLIGEN, which takes places beside text"),
        ]
        if let found = beginnings.first(where: { beginning, _ in names.contains { $0.hasPrefix(beginning) } }) { return found.1 }
        let parts = [
            (".lora_", "a LoRA, not a model (it goes with --lora over the model that it was made for)"), (".time_stack.", "a video model"),
            (".motion_modules.", "a motion module of AnimateDiff, not a model"), ("scaled_fp8", "a model in scaled 8-bit numbers (its 16-bit form is read)"),
        ]
        if names.contains(where: { $0.hasPrefix("lora_") }) { return parts[0].1 }
        return parts.first { part, _ in names.contains { $0.contains(part) } }?.1
    }
}

extension UNetConfiguration {
    /// What a UNet is made for that takes more than the latents that it gives; nil for one that draws from text.
    public var otherPurpose: String? {
        guard inChannels != outChannels else { return nil }
        let takes = "its UNet takes \(inChannels) channels where drawing from text alone takes \(outChannels)"
        return switch inChannels - outChannels {
        case outChannels + 1: "is an inpainting model, which is not supported: \(takes) (the others are a mask and the masked picture)"
        case outChannels: "is a model that edits pictures (InstructPix2Pix), which is not supported: \(takes) (the others are the picture to edit)"
        case 1: "is a depth-to-image model, which is not supported: \(takes)"
        case 3: "is an upscaler, which is not supported: \(takes)"
        default: "is not a text-to-image model: \(takes)"
        }
    }
}
