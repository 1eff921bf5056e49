import Foundation
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Diffusion
@testable import Networks
@testable import Storage

/// Files that are no LoRA of Stable Diffusion 1.x or 2.x, and spoilt ones.
@Suite struct OtherAdapterTests {
    private let folder = TemporaryFolder()
    private static let layer = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    private static let flat = "lora_unet_" + layer.replacingOccurrences(of: ".", with: "_")

    /// Names of tensors, one of them telling, and a word of the refusal.
    static let kinds: [([String], String)] = [
        (["\(flat).hada_w1_a", "\(flat).alpha"], "LoHa"), (["\(flat).lokr_w1"], "LoKr"), (["unet.\(layer).lokr_w1_a"], "LoKr"),
        (["\(flat).lora_down.weight", "\(flat).lora_mid.weight"], "Tucker"), (["\(flat).lora_down.weight", "\(flat).dora_scale"], "DoRA"),
        (["unet.\(layer).lora_magnitude_vector.weight"], "DoRA"), (["\(flat).a1.weight"], "GLoRA"), (["\(flat).weight", "\(flat).on_input"], "IA3"),
        (["base_model.model.\(layer).ia3_l"], "IA3"), (["\(flat).oft_blocks"], "OFT"), (["\(flat).w_norm", "\(flat).lora_up.weight"], "normalisation"),
        (["\(flat).diff"], "full difference"), (["\(flat).diff_b"], "full difference"), (["unet.\(layer).lora_B.bias"], "biases"),
        (["\(flat).scalar"], "use_scalar"), (["text_encoder.token_embedding.lora_embedding_A"], "embedding"),
        (["lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha"], "Stable Diffusion XL"),
        (["text_encoder_2.encoder.layers.0.mlp.fc1.lora_A.weight"], "Stable Diffusion XL"),
        (["lora_unet_input_blocks_4_1_proj_in.alpha", "lora_te1_text_model_encoder_layers_0_mlp_fc1.alpha"], "Stable Diffusion XL"),
        (["unet.add_embedding.linear_1.lora_A.weight"], "Stable Diffusion XL"), (["lora_unet_joint_blocks_0_x_block_attn_qkv.alpha"], "Stable Diffusion 3"),
        (["transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight"], "Flux"), (["lora_unet_double_blocks_0_img_attn_qkv.alpha"], "Flux"),
        (["diffusion_model.blocks.0.self_attn.q.lora_A.weight"], "Wan"),
        (["transformer.transformer_blocks.0.attn.to_q.lora_A.weight"], "diffusion transformer"),
        (["lora_prior_unet_down_blocks_0.alpha"], "Stable Cascade"), (["lora_controlnet", "input_blocks.0.0.weight"], "ControlNet-LoRA"),
        (["control_model.input_hint_block.0.weight"], "ControlNet"), (["ip_adapter.1.to_k_ip.weight", "image_proj.proj.weight"], "IP-Adapter"),
        (["down_blocks.0.motion_modules.0.temporal_transformer.proj_in.weight"], "AnimateDiff"), (["emb_params"], "textual inversion"),
        (["<my-cat>"], "textual inversion"), (["my-cat"], "textual inversion"), (["bundle_emb.cat.string_to_param.*", "\(flat).alpha"], "bundle_emb"),
        (["768.0.linear.0.weight", "768.0.linear.0.bias"], "hypernetwork"), (["unet:0:up"], "cloneofsimo"),
        (["model.diffusion_model.out.2.weight"], "whole model"),
        (["conv_in.weight", "mid_block.resnets.0.conv1.weight"], "whole UNet"), (["policy.conv_in.weight", "optimiser.0"], "state of a run"),
        (["text_model.embeddings.token_embedding.weight"], "text encoder"), (["decoder.conv_in.weight"], "autoencoder"),
        (["stray.weight"], "no part of a LoRA"),
    ]

    private func refusal(_ tensors: [String: Tensor], metadata: [String: String] = [:], over pipeline: Pipeline? = nil) throws -> String {
        try SafeTensors.write(tensors, metadata: metadata, to: folder.url("file.safetensors"))
        do {
            let file = try LoRA.File(folder.url("file.safetensors"))
            if let pipeline { _ = try pipeline.merged(file) }
            return "read"
        } catch let error as ConfigurationError {
            #expect(error.file == folder.url("file.safetensors").path)
            return error.message
        }
    }

    @Test(arguments: kinds) func eachOtherKindIsRefusedByItsName(_ names: [String], _ word: String) throws {
        let text = try refusal(Dictionary(uniqueKeysWithValues: names.map { ($0, Tensor.ones([2, 8])) }))
        #expect(text.contains(word))
    }

    @Test func aHeaderThatNamesAnotherModelIsBelieved() throws {
        let good = ["unet.\(Self.layer).lora_A.weight": Tensor.ones([2, 64]), "unet.\(Self.layer).lora_B.weight": Tensor.ones([64, 2])]
        #expect(try refusal(good, metadata: ["ss_base_model_version": "sdxl_base_v1-0"]).contains("Stable Diffusion XL"))
        #expect(try refusal(good, metadata: ["modelspec.architecture": "flux-1-dev/lora"]).contains("Flux"))
        #expect(try refusal(good, metadata: ["ss_base_model_version": "sd_v1", "modelspec.architecture": "stable-diffusion-v1/lora"]) == "read")
    }

    @Test func spoiltOnesAreRefusedWithTheReason() throws {
        let pipeline = try SmallStableDiffusion.pipeline()
        let (down, up, alpha) = ("unet.\(Self.layer).lora_A.weight", "unet.\(Self.layer).lora_B.weight", "unet.\(Self.layer).alpha")
        let (a, b) = (Tensor.ones([2, 64]), Tensor.ones([64, 2]))
        func refused(_ change: [String: Tensor]) throws -> String { try refusal([down: a, up: b].merging(change) { $1 }, over: pipeline) }
        #expect(try refused([:]) == "read")
        for value: Float in [0, -1, .nan, .infinity] { #expect(try refused([alpha: Tensor([value], shape: [])]).contains("alpha is"), "\(value)") }
        #expect(try refused([alpha: Tensor.ones([2])]).contains("alpha is [2]"))
        #expect(try refused([alpha: Tensor([3e38 as Float], shape: []), up: b * 100]).contains("not finite"))
        #expect(try refused([down: a * Double.nan]).contains("not finite") && refused([up: b * Double.infinity]).contains("not finite"))
        #expect(try refused([down: Tensor.zeros([0, 64]), up: Tensor.zeros([64, 0])]).contains("rank 0"))
        #expect(try refused([down: Tensor.ones([2, 320]), up: Tensor.ones([320, 2])]).contains("another width"))
        // The same numbers in another order are another weight.
        #expect(try refused([down: Tensor.ones([2, 8, 8])]).contains("do not make a weight"))
        // One layer under two names.
        #expect(try refused(["\(Self.flat).lora_down.weight": a]).contains("two tensors of a kind"))
        let original = "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q"
        #expect(try refused(["\(original).lora_down.weight": a, "\(original).lora_up.weight": b]).contains("the same layer"))
        let cross = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
        #expect(try refused(["\(cross).lora_A.weight": Tensor.ones([2, 1024]), "\(cross).lora_B.weight": b]).contains("Stable Diffusion 2.x"))
    }

    @Test func anEarlierVersionsCheckpointDoesNotTellItsAlpha() throws {
        let tensors = ["\(Self.layer).lora_A.weight": Tensor.ones([2, 64]), "\(Self.layer).lora_B.weight": Tensor.ones([64, 2])]
        #expect(try refusal(tensors, metadata: ["format": "pt", "iteration": "3"]).contains("earlier version"))
        #expect(try refusal(tensors, metadata: ["format": "pt"]) == "read")
    }
}
