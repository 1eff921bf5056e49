import Foundation
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Diffusion
@testable import Storage

/// What a file states about alpha and rank beside its tensors.
@Suite struct AdapterStatementTests {
    private let folder = TemporaryFolder()
    private let pipeline: Pipeline
    private static let query = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    private static let key = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k"
    private static let convolution = "down_blocks.0.resnets.0.conv1"
    private static let text = "text_model.encoder.layers.0.self_attn.q_proj"

    init() throws { pipeline = try SmallStableDiffusion.pipeline() }

    /// A file of ones with these ranks.
    private func file(
        _ ranks: [String: Int] = [query: 4, key: 4], metadata: [String: String] = [:], alphas: [String: Double] = [:], name: String = "lora.safetensors"
    ) throws -> URL {
        var tensors: [(name: String, value: Tensor)] = []
        for (path, rank) in ranks {
            let shape = (pipeline.unetTensors[path + ".weight"] ?? pipeline.textEncoderTensors[path + ".weight"])!.shape
            let prefix = path.hasPrefix("text_model.") ? "text_encoder." : "unet."
            tensors.append((prefix + path + ".lora_A.weight", Tensor.ones([rank] + shape.dropFirst())))
            tensors.append((prefix + path + ".lora_B.weight", Tensor.ones([shape[0], rank] + shape.dropFirst(2).map { _ in 1 })))
            if let alpha = alphas[path] { tensors.append((prefix + path + ".alpha", Tensor([Float(alpha)], shape: []))) }
        }
        try FileManager.default.createDirectory(at: folder.url(name).deletingLastPathComponent(), withIntermediateDirectories: true)
        try SafeTensors.write(tensors, metadata: metadata, to: folder.url(name))
        return folder.url(name)
    }

    /// What B of a layer is multiplied by.
    private func scale(_ url: URL, _ path: String = query) throws -> Double {
        let file = try LoRA.File(url)
        let adapters =
            try path.hasPrefix("text_model.")
            ? file.adapters(of: .textEncoder, over: pipeline.textEncoderTensors) : file.adapters(of: .unet, over: pipeline.unetTensors)
        return adapters.tensors[path + ".lora_B.weight"]!.max().item
    }

    private func header(_ object: String) -> [String: String] { ["format": "pt", "lora_adapter_metadata": object] }

    private func refusal(_ url: URL) -> String {
        do {
            _ = try LoRA.File(url).adapters(of: .unet, over: pipeline.unetTensors)
            return "read"
        } catch { return "\(error)" }
    }

    @Test func diffusersHeaderCountsAsPEFTAppliesIt() throws {
        #expect(try scale(file()) == 1, "nothing stated")
        #expect(try scale(file(metadata: header(#"{"unet.r": 4, "unet.lora_alpha": 16}"#))) == 4)
        #expect(try scale(file(metadata: header(#"{"unet.r": 4, "unet.lora_alpha": 16, "unet.use_rslora": true}"#))) == 8)
        #expect(try scale(file(metadata: header(#"{"unet.r": 4}"#))) == 2, "PEFT's own alpha is 8")
        #expect(try scale(file(metadata: header(#"{"unet.lora_alpha": 6}"#))) == 1.5)
        #expect(try scale(file(metadata: header(#"{"text_encoder.r": 9, "text_encoder.use_dora": true}"#))) == 1, "of a part that the file lacks")
        #expect(try scale(file(metadata: header(""))) == 1)
        let both = try file(
            [Self.query: 4, Self.text: 2], metadata: header(#"{"unet.r": 4, "unet.lora_alpha": 16, "text_encoder.r": 2, "text_encoder.lora_alpha": 1}"#))
        #expect(try scale(both) == 4 && scale(both, Self.text) == 0.5)
    }

    @Test func patternsFitTheEndsOfPaths() throws {
        func scales(_ patterns: String, _ ranks: [String: Int] = [Self.query: 4, Self.key: 4]) throws -> [Double] {
            let url = try file(ranks, metadata: header(#"{"unet.r": 4, "unet.lora_alpha": 4, \#(patterns)}"#))
            return [try scale(url, Self.query), try scale(url, Self.key)]
        }
        #expect(try scales(#""unet.alpha_pattern": {"to_q": 8}"#) == [2, 1])
        #expect(try scales(#""unet.alpha_pattern": {"attn1.to_q": 8}"#) == [2, 1])
        #expect(try scales(#""unet.alpha_pattern": {"o_q": 8}"#) == [1, 1], "from a dot on")
        #expect(try scales(#""unet.alpha_pattern": {"^down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k": 12}"#) == [1, 3])
        #expect(try scales(#""unet.alpha_pattern": {"^to_k": 12}"#) == [1, 1], "from the very beginning")
        #expect(try scales(#""unet.alpha_pattern": {"attn\\d\\.to_[qk]": 12}"#) == [3, 3])
        #expect(try scales(#""unet.alpha_pattern": {"(to_q|to_v)": 12}"#) == [3, 1])
        #expect(try scales(#""unet.alpha_pattern": {"to_q": 8, "attn1.to_q": 12}"#) == [2, 1], "the first that fits")
        #expect(try scales(#""unet.alpha_pattern": {"attn1.to_q": 12, "to_q": 8}"#) == [3, 1], "the first that fits")
        #expect(try scales(#""unet.rank_pattern": {"to_q": 2}, "unet.alpha_pattern": {"to_q": 8}"#, [Self.query: 2, Self.key: 4]) == [4, 1])
        // A text encoder's under either of transformers' names.
        for path in ["^encoder.layers.0.self_attn.q_proj", "^text_model.encoder.layers.0.self_attn.q_proj"] {
            let url = try file(
                [Self.text: 2], metadata: header(#"{"text_encoder.r": 2, "text_encoder.lora_alpha": 2, "text_encoder.alpha_pattern": {"\#(path)": 3}}"#))
            #expect(try scale(url, Self.text) == 1.5)
        }
    }

    @Test(.timeLimit(.minutes(1))) func aPatternThatCouldTakeForEverIsRefused() throws {
        for pattern in ["(a+)+", "(.*)*x", "a{2,9}", ".*.*.*.*", String(repeating: "(a|a)", count: 200), "(?=x)", "to_q)", "[z-"] {
            let text = JSONValue.string(pattern).text
            #expect(refusal(try file(metadata: header(#"{"unet.r": 4, "unet.alpha_pattern": {\#(text): 3}}"#))).contains("regular expression"), "\(pattern)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func manyPatternsTakeNoLongTime() throws {
        let rules = (0..<9_000).map { "\"layers.\($0)\": \($0 + 1)" }.joined(separator: ", ")
        #expect(refusal(try file(metadata: header("{\"unet.r\": 4, \"unet.alpha_pattern\": {\(rules)}}"))) == "read")
        let expressions = (0..<101).map { "\"to_q\($0)?\": 1" }.joined(separator: ", ")
        #expect(refusal(try file(metadata: header("{\"unet.r\": 4, \"unet.alpha_pattern\": {\(expressions)}}"))).contains("a hundred"))
    }

    @Test func whatIsStatedAndNotCarriedOutIsRefusedByName() throws {
        for (option, word) in [
            (#""unet.use_dora": true"#, "use_dora"), (#""unet.lora_bias": true"#, "lora_bias"), (#""unet.bias": "all"#, "not a JSON object"),
            (#""unet.bias": "all""#, "bias"), (#""unet.fan_in_fan_out": true"#, "fan_in_fan_out"), (#""unet.modules_to_save": ["conv_in"]"#, "modules_to_save"),
            (#""unet.init_lora_weights": "pissa""#, "init_lora_weights"), (#""unet.something_new": 3"#, "something_new"),
            (#""r": 4"#, "r, which belongs to no part"),
            (#""unet.lora_alpha": 0"#, "positive"), (#""unet.lora_alpha": -3"#, "positive"), (#""unet.lora_alpha": NaN"#, "positive"),
            (#""unet.lora_alpha": "16""#, "positive"), (#""unet.r": 8"#, "states rank 8"), (#""unet.r": 4.5"#, "rank"), (#""unet.r": 1e300"#, "rank"),
            (#""unet.rank_pattern": {"to_q": 3}"#, "states rank 3"), (#""unet.alpha_pattern": {"to_q": 0}"#, "alpha_pattern"),
            (#""unet.alpha_pattern": [1]"#, "alpha_pattern"), (#""unet.use_rslora": "yes""#, "use_rslora"), (#""unet.peft_type": "LOHA""#, "LOHA"),
        ] { #expect(refusal(try file(metadata: header("{\(option)}"))).contains(word), "\(option)") }
        for harmless in [
            #""unet.use_dora": false"#, #""unet.lora_dropout": 0.1"#, #""unet.target_modules": ["to_q"]"#, #""unet.init_lora_weights": "gaussian""#,
            #""unet.peft_version": "0.21""#, #""unet.modules_to_save": null"#, #""unet.something_new": null"#, #""unet.bias": "none""#,
        ] { #expect(refusal(try file(metadata: header("{\(harmless)}"))) == "read", "\(harmless)") }
        #expect(refusal(try file(metadata: header("[1]"))).contains("not a JSON object"))
        #expect(refusal(try file(metadata: header(String(repeating: "[", count: 100_000)))).contains("not a JSON object"))
    }

    @Test func aTensorAlphaWins() throws {
        let stated = header(#"{"unet.r": 4, "unet.lora_alpha": 16}"#).merging(["ss_network_alpha": "1", "ss_network_dim": "4"]) { $1 }
        #expect(try scale(file(metadata: stated, alphas: [Self.query: 2])) == 0.5)
        #expect(try scale(file(metadata: stated, alphas: [Self.query: 2]), Self.key) == 4)
        let absurd = ["ss_network_alpha": "0", "ss_network_dim": "7", "ss_network_args": "{"]
        #expect(try scale(file(metadata: absurd, alphas: [Self.query: 2, Self.key: 2])) == 0.5, "nobody asks the header")
    }

    @Test func kohyasHeaderCountsWhereNoTensorDoes() throws {
        func stated(_ alpha: String, _ dim: String = "4", _ others: [String: String] = [:]) -> [String: String] {
            ["ss_network_module": "networks.lora", "ss_network_alpha": alpha, "ss_network_dim": dim].merging(others) { $1 }
        }
        let both = [Self.query: 4, Self.convolution: 2]
        #expect(try scale(file(metadata: stated("1.0"))) == 0.25)
        #expect(try scale(file(metadata: stated("None"))) == 0.25, "sd-scripts' own alpha is 1")
        #expect(try scale(file(metadata: stated("Dynamic", "Dynamic"))) == 1)
        #expect(try scale(file(metadata: ["ss_network_dim": "4"])) == 1, "no alpha is stated")
        let convolutions = stated("2", "4", ["ss_network_args": #"{"conv_dim": "2", "conv_alpha": "3"}"#])
        #expect(try scale(file(both, metadata: convolutions), Self.convolution) == 1.5)
        #expect(try scale(file(both, metadata: convolutions), Self.query) == 0.5)
        let unsaid = stated("2", "4", ["ss_network_args": #"{"conv_dim": 2}"#])
        #expect(try scale(file(both, metadata: unsaid), Self.convolution) == 0.5, "sd-scripts' own is 1")
        #expect(
            try scale(file(both, metadata: unsaid.merging(["ss_network_module": "lycoris.kohya"]) { $1 }), Self.convolution) == 1, "LyCORIS' is the network's")
        let stabilised = stated("2", "4", ["ss_network_module": "lycoris.kohya", "ss_network_args": #"{"algo": "lora", "rs_lora": "True"}"#])
        #expect(try scale(file(metadata: stabilised)) == 1)
        for (metadata, word) in [
            (stated("0"), "positive"), (stated("-1"), "positive"), (stated("nan"), "positive"), (stated("x"), "positive"), (stated("1", "8"), "rank 8"),
            (stated("1", "4", ["ss_network_args": #"{"algo": "loha"}"#]), "loha"),
            (stated("1", "4", ["ss_network_args": #"{"block_dims": "1,2"}"#]), "block_dims"),
            (stated("1", "4", ["ss_network_args": #"{"dora_wd": "True"}"#]), "dora_wd"), (stated("1", "4", ["ss_network_args": "{"]), "JSON"),
        ] { #expect(refusal(try file(metadata: metadata)).contains(word), "\(metadata)") }
        #expect(refusal(try file(metadata: stated("1", "4", ["ss_network_args": #"{"dropout": "0.1", "dora_wd": "False"}"#]))) == "read")
    }

    @Test func aPEFTFolderIsReadWithItsConfiguration() throws {
        let weights = try file(name: "peft/adapter_model.safetensors")
        let configuration = try folder.write(#"{"peft_type": "LORA", "r": 4, "lora_alpha": 12, "alpha_pattern": {"to_k": 2}}"#, to: "peft/adapter_config.json")
        for url in [weights, folder.url("peft")] {
            #expect(try scale(url) == 3 && scale(url, Self.key) == 0.5)
        }
        _ = try file(name: "peft/other.safetensors")
        #expect(try scale(folder.url("peft/other.safetensors")) == 1, "a configuration belongs to the file of its name")
        try #"{"peft_type": "IA3"}"#.write(toFile: configuration, atomically: true, encoding: .utf8)
        #expect(refusal(folder.url("peft")).contains("IA3"))
        #expect(refusal(folder.url("nowhere")).contains("no such file"))
        // A folder of each part's, as PEFT's own scripts save them.
        _ = try file([Self.query: 4], name: "parts/unet/adapter_model.safetensors")
        _ = try folder.write(#"{"r": 4, "lora_alpha": 2}"#, to: "parts/unet/adapter_config.json")
        _ = try file([Self.text: 2], name: "parts/text_encoder/adapter_model.safetensors")
        _ = try folder.write(#"{"r": 2, "lora_alpha": 3}"#, to: "parts/text_encoder/adapter_config.json")
        #expect(try scale(folder.url("parts")) == 0.5 && scale(folder.url("parts"), Self.text) == 1.5)
    }
}
