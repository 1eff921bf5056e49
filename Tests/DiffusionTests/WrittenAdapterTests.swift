import Foundation
import Layers
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Diffusion
@testable import Storage

/// The files that we write, in the programs that people draw with: every tensor must be one that they look up.
@Suite struct WrittenAdapterTests {
    private let folder = TemporaryFolder()

    /// What each program looks up for the layers of a UNet and a text encoder of Stable Diffusion 1.x, as its loader makes the names up.
    private struct Reader: Sendable {
        let program: String
        /// Begin of a tensor's name for a layer's path.
        let stem: @Sendable (LoRA.Part, String) -> Set<String>
        let ends: Set<String>
    }

    private static func kohya(_ part: LoRA.Part, _ path: String) -> String {
        (part == .unet ? "lora_unet_" : "lora_te_") + path.replacingOccurrences(of: ".", with: "_")
    }

    /// ComfyUI `comfy/lora.py` (`model_lora_keys_unet`, `model_lora_keys_clip`), `comfy/weight_adapter/lora.py`.
    private static let comfy = Reader(
        program: "ComfyUI",
        stem: { part, path in
            var keys: Set = [kohya(part, path)]
            if part == .textEncoder { return keys.union(["text_encoder." + path, "lora_te1_" + path.replacingOccurrences(of: ".", with: "_")]) }
            for prefix in ["", "unet."] {
                let key = prefix + path.replacingOccurrences(of: ".to_", with: ".processor.to_")
                keys.insert(key.hasSuffix(".to_out.0") ? String(key.dropLast(2)) : key)
            }
            return keys
        },
        ends: [
            ".alpha", ".lora_up.weight", ".lora_down.weight", "_lora.up.weight", "_lora.down.weight", ".lora_B.weight", ".lora_A.weight", ".lora.up.weight",
            ".lora.down.weight", ".lora_linear_layer.up.weight", ".lora_linear_layer.down.weight",
        ])

    /// AUTOMATIC1111 `extensions-builtin/Lora/networks.py`: kohya's names are turned into those of latent-diffusion's modules; see `compvis`.
    private static let automatic = Reader(
        program: "AUTOMATIC1111", stem: { [kohya($0, $1)] }, ends: [".alpha", ".lora_up.weight", ".lora_down.weight"])

    /// sd-scripts `networks/lora.py`: linear layers and convolutions within transformers, residual blocks, and changes of size. It makes up no names for
    /// the first and the last convolution and the time embedding.
    private static let scripts = Reader(
        program: "sd-scripts",
        stem: { part, path in
            let isWithin = part == .textEncoder || [".attentions.", ".resnets.", ".downsamplers.", ".upsamplers."].contains(where: path.contains)
            return isWithin ? [kohya(part, path)] : []
        }, ends: [".alpha", ".lora_up.weight", ".lora_down.weight"])

    /// AUTOMATIC1111's `convert_diffusers_name_to_compvis`.
    private static func compvis(_ key: String) -> String? {
        let suffixes = ["conv1": "in_layers_2", "conv2": "out_layers_3", "time_emb_proj": "emb_layers_1", "conv_shortcut": "skip_connection"]
        if key == "lora_unet_conv_in" { return "diffusion_model_input_blocks_0_0" }
        if key == "lora_unet_conv_out" { return "diffusion_model_out_2" }
        if let match = key.wholeMatch(of: /lora_unet_time_embedding_linear_(\d)/) { return "diffusion_model_time_embed_\(Int(match.1)! * 2 - 2)" }
        if let match = key.wholeMatch(of: /lora_unet_(down|up)_blocks_(\d+)_(attentions|resnets)_(\d+)_(.+)/) {
            let (level, index) = (Int(match.2)!, Int(match.4)!)
            let block = match.1 == "down" ? "input_blocks_\(1 + level * 3 + index)" : "output_blocks_\(level * 3 + index)"
            return "diffusion_model_\(block)_\(match.3 == "attentions" ? 1 : 0)_\(suffixes[String(match.5)] ?? String(match.5))"
        }
        if let match = key.wholeMatch(of: /lora_unet_mid_block_(attentions|resnets)_(\d+)_(.+)/) {
            let place = match.1 == "attentions" ? 1 : Int(match.2)! * 2
            return "diffusion_model_middle_block_\(place)_\(suffixes[String(match.3)] ?? String(match.3))"
        }
        if let match = key.wholeMatch(of: /lora_unet_down_blocks_(\d+)_downsamplers_0_conv/) {
            return "diffusion_model_input_blocks_\(3 + Int(match.1)! * 3)_0_op"
        }
        if let match = key.wholeMatch(of: /lora_unet_up_blocks_(\d+)_upsamplers_0_conv/) {
            return "diffusion_model_output_blocks_\(2 + Int(match.1)! * 3)_\(Int(match.1)! > 0 ? 2 : 1)_conv"
        }
        if let match = key.wholeMatch(of: /lora_te_(text_model_encoder_layers_.+)/) { return "transformer_\(match.1)" }
        return nil
    }

    private static let textLayers = (0..<2).flatMap { layer in
        ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", "mlp.fc1", "mlp.fc2"].map {
            "text_model.encoder.layers.\(layer).\($0)"
        }
    }

    /// Adapters of every layer that can have them.
    private func adapters(_ unet: [String: Tensor], rank: Int = 2, alpha: Double = 3) -> (unet: LowRankAdapters, text: LowRankAdapters) {
        let text = Dictionary(uniqueKeysWithValues: Self.textLayers.map { ($0, [16, 16]) })
        let layers = LoRA.layers(LoRA.Target.allCases, of: unet)
        return (LowRankAdapters(rank: rank, alpha: alpha, layers: layers, seed: 1), LowRankAdapters(rank: rank, alpha: alpha, layers: text, seed: 2))
    }

    @Test func everyProgramFindsALayerForEveryTensor() throws {
        let (configuration, unet) = try AdapterNameTests.wholeUNet()
        let (own, text) = adapters(unet)
        try LoRA.write(own, textEncoder: text, to: folder.url("lora.safetensors"))
        let names = try SafeTensorsFile(folder.url("lora.safetensors")).names
        let layers = LoRA.layers(LoRA.Target.allCases, of: unet)
        #expect(names.count == 3 * (layers.count + 12))
        let paths =
            unet.keys.filter { $0.hasSuffix(".weight") }.map { (LoRA.Part.unet, String($0.dropLast(".weight".count))) }
            + Self.textLayers.map { (.textEncoder, $0) }
        func lost(_ reader: Reader, of names: [String]) -> [String] {
            let known = Set(paths.flatMap { path in reader.stem(path.0, path.1).flatMap { stem in reader.ends.map { stem + $0 } } })
            return names.filter { !known.contains($0) }
        }
        #expect(lost(Self.comfy, of: names).isEmpty && lost(Self.automatic, of: names).isEmpty)
        let outside = lost(Self.scripts, of: names).map { $0.prefix { $0 != "." } }
        #expect(Set(outside) == ["lora_unet_conv_in", "lora_unet_conv_out"], "sd-scripts adapts every convolution but the first and the last")

        // AUTOMATIC1111 must find the module itself.
        let original = OriginalNames.unet(configuration)
        let modules = Set(
            try unet.keys.filter { $0.hasSuffix(".weight") }.map { name in
                "diffusion_model_" + UnderscoredPath.underscored(String(try #require(original.original(name)).dropLast(".weight".count)))
            } + Self.textLayers.map { "transformer_" + UnderscoredPath.underscored($0) })
        for name in names { #expect(Self.compvis(String(name.prefix { $0 != "." })).map(modules.contains) == true, "\(name)") }

        // The twin: under diffusers' names ComfyUI loses the attention, and AUTOMATIC1111 and sd-scripts everything.
        try LoRA.write(own, textEncoder: text, naming: .diffusers, to: folder.url("diffusers.safetensors"))
        let others = try SafeTensorsFile(folder.url("diffusers.safetensors")).names
        let lostAttention = lost(Self.comfy, of: others)
        #expect(!lostAttention.isEmpty && lostAttention.allSatisfy { $0.contains(".to_") })
        #expect(lost(Self.automatic, of: others) == others && lost(Self.scripts, of: others) == others)
    }

    @Test func theHeaderTellsRankAndAlpha() throws {
        let unet = try AdapterNameTests.wholeUNet().1
        func header(_ adapters: LowRankAdapters, _ text: LowRankAdapters? = nil, _ naming: LoRA.Naming = .kohya) throws -> [String: String] {
            try LoRA.write(adapters, textEncoder: text, naming: naming, to: folder.url("lora.safetensors"))
            return try SafeTensorsFile(folder.url("lora.safetensors")).metadata
        }
        let own = adapters(unet).unet
        #expect(
            try header(own) == [
                "format": "pt", "ss_network_module": "networks.lora", "ss_network_dim": "2", "ss_network_alpha": "3", "ss_v2": "False",
                "ss_network_args": #"{"conv_dim": "2", "conv_alpha": "3"}"#,
            ])
        #expect(try header(own, adapters(unet, rank: 3).text)["ss_network_dim"] == "Dynamic")
        #expect(try header(own, nil, .diffusers) == ["format": "pt"])
    }

    /// diffusers reads alphas that differ wrongly.
    @Test func alphasThatOnlyRepeatTheRanksAreLeftOut() throws {
        let pipeline = try SmallStableDiffusion.pipeline()
        let paths = LoRA.layers([.attention], of: pipeline.unetTensors).keys.sorted()
        var tensors: [String: Tensor] = [:]
        for (index, path) in paths.enumerated() {
            let shape = pipeline.unetTensors[path + ".weight"]!.shape
            tensors[path + LowRankAdapters.down] = Tensor.ones([index % 2 + 1, shape[1]])
            tensors[path + LowRankAdapters.up] = Tensor.ones([shape[0], index % 2 + 1])
        }
        try LoRA.write(LowRankAdapters(tensors, scale: 1), to: folder.url("plain.safetensors"))
        #expect(try !SafeTensorsFile(folder.url("plain.safetensors")).names.contains { $0.hasSuffix(".alpha") })
        try LoRA.write(LowRankAdapters(tensors, scale: 2), to: folder.url("scaled.safetensors"))
        let file = try LoRA.File(folder.url("scaled.safetensors"))
        #expect(file.facts.alphas == [2, 4] && file.facts.ranks == [1, 2])
        let read = try file.adapters(of: .unet, over: pipeline.unetTensors)
        #expect(read.tensors[paths[1] + LowRankAdapters.up]!.max().item == 2)
        #expect(try LoRA.File(folder.url("plain.safetensors")).facts.alphas == [1, 2])
    }

    /// Stable Diffusion 1.x's `proj_in` is a convolution, 2.x's a linear layer; and adapters come in numbers of eight bits.
    @Test func aLinearLayerAndAConvolutionOfOnePixelAreTheSame() throws {
        let path = "down_blocks.0.attentions.0.proj_in"
        let random = Generator(seed: 4)
        let (down, up) = (random.normal([2, 64]).to(.float8e4m3), random.normal([64, 2]).to(.float8e4m3))
        let expected = up.to(.float32).matmul(down.to(.float32))
        for (name, a, b) in [("flat", down, up), ("square", down.reshaped([2, 64, 1, 1]), up.reshaped([64, 2, 1, 1]))] {
            try SafeTensors.write(["unet.\(path).lora_A.weight": a, "unet.\(path).lora_B.weight": b], to: folder.url("\(name).safetensors"))
            let file = try LoRA.File(folder.url("\(name).safetensors"))
            for shape in [[64, 64], [64, 64, 1, 1]] {
                let merged = try file.merged([path + ".weight": Tensor.zeros(shape)], part: .unet, scale: 1)
                #expect(largestDifference(merged[path + ".weight"]!.reshaped([64, 64]), expected) < 1e-5)
            }
            #expect(throws: ConfigurationError.self) { try file.merged([path + ".weight": Tensor.zeros([64, 64, 3, 3])], part: .unet, scale: 1) }
        }
    }

    /// There and back, in half precision, from latent-diffusion's blocks too.
    @Test func aFileIsWrittenUnderOtherNames() throws {
        let pipeline = try SmallStableDiffusion.deeperPipeline()
        let random = Generator(seed: 4)
        var tensors: [String: Tensor] = [:]
        for (path, shape) in LoRA.layers(LoRA.Target.allCases, of: pipeline.unetTensors) {
            let name = "lora_unet_" + UnderscoredPath.underscored(path)
            tensors[name + ".lora_down.weight"] = random.normal([3] + shape.dropFirst()).to(.float16)
            tensors[name + ".lora_up.weight"] = random.normal([shape[0], 3] + shape.dropFirst(2).map { _ in 1 }).to(.float16)
            tensors[name + ".alpha"] = Tensor([2 as Float], shape: [])
        }
        try SafeTensors.write(tensors, metadata: ["ss_output_name": "/home/someone/secret"], to: folder.url("kohya.safetensors"))
        try LoRA.File(folder.url("kohya.safetensors")).write(.diffusers, to: folder.url("diffusers.safetensors"))
        try LoRA.File(folder.url("diffusers.safetensors")).write(.kohya, to: folder.url("again.safetensors"))
        try LoRA.File(folder.url("kohya.safetensors")).write(.kohya, to: folder.url("same.safetensors"))
        let merged = try ["kohya", "diffusers", "again"].map { try pipeline.merged(LoRA.File(folder.url("\($0).safetensors"))).unetTensors }
        #expect(relativeDifference(merged[1], merged[0]) < 1e-6 && relativeDifference(merged[2], merged[0]) < 1e-6)
        #expect(relativeDifference(pipeline.unetTensors, merged[0]) > 1e-2, "the twin without them")
        let same = try SafeTensorsFile(folder.url("same.safetensors"))
        #expect(sameBits(try same.all(), tensors) && same.metadata["ss_output_name"] == nil)

        let original = ["lora_unet_input_blocks_4_1_proj_in", "lora_unet_output_blocks_11_0_skip_connection", "lora_unet_input_blocks_99_1_proj_in"]
        for (index, name) in original.enumerated() {
            try SafeTensors.write(
                [name + ".lora_down.weight": Tensor.ones([1, 4]), name + ".lora_up.weight": Tensor.ones([4, 1])], to: folder.url("ldm.safetensors"))
            func write() throws { try LoRA.File(folder.url("ldm.safetensors")).write(.diffusers, to: folder.url("named-\(index).safetensors")) }
            if index == 2 {
                #expect(throws: ConfigurationError.self) { try write() }
            } else {
                try write()
                let names = try SafeTensorsFile(folder.url("named-\(index).safetensors")).names
                #expect(
                    names.allSatisfy { $0.hasPrefix(index == 0 ? "unet.down_blocks.1.attentions.0.proj_in." : "unet.up_blocks.3.resnets.2.conv_shortcut.") })
            }
        }
    }
}
