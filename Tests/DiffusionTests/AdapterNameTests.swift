import Layers
import TestSupport
import Testing
import Torch

@testable import Diffusion
@testable import Networks

/// What names of tensors in files of adapters are read as.
@Suite struct AdapterNameTests {
    /// Name in the file; part, path and role.
    static let names: [(String, String)] = [
        // diffusers 0.12 to 0.21: attention processors.
        (
            "unet.mid_block.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.down.weight",
            "unet mid_block.attentions.0.transformer_blocks.0.attn1.to_q down"
        ),
        (
            "mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.up.weight",
            "unet mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0 up"
        ),
        ("text_encoder.text_model.encoder.layers.0.self_attn.to_out_lora.up.weight", "textEncoder text_model.encoder.layers.0.self_attn.out_proj up"),
        // diffusers since, with old and new transformers.
        (
            "unet.up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0.lora.down.weight",
            "unet up_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0 down"
        ),
        ("text_encoder.text_model.encoder.layers.1.mlp.fc1.lora_linear_layer.up.weight", "textEncoder text_model.encoder.layers.1.mlp.fc1 up"),
        ("text_encoder.encoder.layers.1.self_attn.q_proj.lora_A.weight", "textEncoder text_model.encoder.layers.1.self_attn.q_proj down"),
        // PEFT.
        ("base_model.model.down_blocks.0.resnets.0.conv1.lora_B.weight", "unet down_blocks.0.resnets.0.conv1 up"),
        ("unet.base_model.model.conv_in.lora_A.weight", "unet conv_in down"),
        ("base_model.model.text_model.encoder.layers.0.mlp.fc2.lora_A.weight", "textEncoder text_model.encoder.layers.0.mlp.fc2 down"),
        ("base_model.model.encoder.layers.0.mlp.fc2.lora_A.default.weight", "textEncoder text_model.encoder.layers.0.mlp.fc2 down"),
        ("unet.conv_out.lora_B.mine.weight", "unet conv_out up"),
        // kohya, with diffusers' blocks and with latent-diffusion's.
        ("lora_unet_down_blocks_0_resnets_1_time_emb_proj.lora_down.weight", "unet down_blocks.0.resnets.1.time_emb_proj down"),
        (
            "lora_unet_up_blocks_3_attentions_2_transformer_blocks_0_ff_net_0_proj.alpha",
            "unet up_blocks.3.attentions.2.transformer_blocks.0.ff.net.0.proj alpha"
        ),
        ("lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_out_0.lora_up.weight", "unet input_blocks.1.1.transformer_blocks.0.attn1.to_out.0 up"),
        ("lora_te_text_model_encoder_layers_0_self_attn_k_proj.alpha", "textEncoder text_model.encoder.layers.0.self_attn.k_proj alpha"),
        ("lora_te1_encoder_layers_0_self_attn_v_proj.lora_up.weight", "textEncoder text_model.encoder.layers.0.self_attn.v_proj up"),
        ("diffusion_model.middle_block.1.proj_in.lora_up.weight", "unet middle_block.1.proj_in up"),
        // OneTrainer.
        ("lora_unet.down_blocks.0.attentions.0.proj_in.lora_down.weight", "unet down_blocks.0.attentions.0.proj_in down"),
        ("lora_te.text_model.encoder.layers.0.mlp.fc1.alpha", "textEncoder text_model.encoder.layers.0.mlp.fc1 alpha"),
        ("unet.output_blocks.3.1.proj_out.lora_up.weight", "unet output_blocks.3.1.proj_out up"),
        ("clip_l.text_model.encoder.layers.0.mlp.fc1.lora_up.weight", "textEncoder text_model.encoder.layers.0.mlp.fc1 up"),
    ]

    @Test(arguments: names) func aNameIsReadAs(_ name: String, _ expected: String) throws {
        let known = try #require(AdapterName(name))
        #expect("\(known.part) \(known.path) \(known.role)" == expected)
    }

    @Test(arguments: [
        "stray", "unet.conv_in.weight", "nowhere.lora_A.weight", "lora_A.weight", ".lora_A.weight", "", "unet.conv_in.lora_B.bias", "unet.conv_in.lora_B..bias",
        "vae.encoder.conv_in.lora_A.weight",
    ]) func aStrangeNameIsNoPartOfALoRA(_ name: String) { #expect(AdapterName(name) == nil) }

    /// A UNet of Stable Diffusion's whole structure, and narrow.
    static func wholeUNet() throws -> (UNetConfiguration, [String: Tensor]) {
        var configuration = UNetConfiguration()
        (configuration.channels, configuration.crossAttentionChannels) = ([32, 32, 32, 32], 16)
        let store = ParameterStore(seed: 1, isTrainable: false)
        _ = try store.build { UNet($0, configuration) }
        return (configuration, store.tensors)
    }

    @Test func underscoresAreReadBackToTheDotsTheyWere() throws {
        let text = try SmallStableDiffusion.pipeline().textEncoderTensors
        let unet = try Self.wholeUNet().1
        let layers = (Array(unet.keys) + text.keys).filter { $0.hasSuffix(".weight") && !$0.contains("norm") }.map { String($0.dropLast(".weight".count)) }
        #expect(layers.count > 200)
        for path in layers { #expect(UnderscoredPath.dotted(UnderscoredPath.underscored(path)) == path) }
    }

    @Test func latentDiffusionsNamesAreThoseOfTheStructure() throws {
        let (configuration, unet) = try Self.wholeUNet()
        let layers = unet.keys.filter { $0.hasSuffix(".weight") }
        let (expected, found) = (OriginalNames.unet(configuration), OriginalNames.unet(layers: layers.map { String($0.dropLast(".weight".count)) }))
        for name in layers {
            let original = try #require(expected.original(name))
            #expect(found.original(name) == original && found.current(original) == name)
            let underscored = UnderscoredPath.underscored(String(original.dropLast(".weight".count)))
            #expect(name.contains("norm") || UnderscoredPath.dotted(underscored) + ".weight" == original)
        }
        let small = try SmallStableDiffusion.deeperPipeline()
        let own = OriginalNames.unet(layers: small.unetTensors.keys.filter { $0.hasSuffix(".weight") })
        #expect(own.current("output_blocks.3.1.proj_in.weight") == OriginalNames.unet(small.unet.configuration).current("output_blocks.3.1.proj_in.weight"))
        #expect(OriginalNames.unet(layers: [String]()).current("input_blocks.11.0.in_layers.2.weight") == "down_blocks.3.resnets.1.conv1.weight")
    }
}
