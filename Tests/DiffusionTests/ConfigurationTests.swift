import Diffusion
import Foundation
import Layers
import Networks
import Storage
import TestFiles
import Testing
import Torch

/// Configurations from outside: what is not carried out is refused by name, and damaged ones end in an error.
@Suite struct ConfigurationTests {
    enum Network: String, CaseIterable, Sendable {
        case unet = "unet/sd1"
        case autoencoder = "vae/quant"
        case textModel = "clip_text/quick_gelu"
    }

    /// Reads the file and builds the network of it over no tensors at all.
    private static func build(_ network: Network, _ file: URL) throws {
        let nothing = ParameterStore([:])
        switch network {
        case .unet:
            let configuration = try UNetConfiguration(file)
            _ = try nothing.build { UNet($0, configuration) }
        case .autoencoder:
            let configuration = try AutoencoderConfiguration(file)
            _ = try nothing.build { Autoencoder($0, configuration) }
        case .textModel:
            let configuration = try CLIPTextConfiguration(file)
            _ = try nothing.build { CLIPTextModel($0, configuration) }
        }
    }

    private static func options(_ network: Network) throws -> [String: JSONValue] { try Fixture.json("\(network.rawValue)/config.json") }

    /// The error that the fixture's configuration gives with one option changed, which is given as it would stand in the file.
    private func error(_ network: Network, _ key: String, _ value: String) throws -> (any Error)? {
        let folder = TemporaryFolder()
        var options = try Self.options(network)
        options[key] = nil
        let rest = String(decoding: try JSONEncoder().encode(options), as: UTF8.self).dropFirst()
        try Data("{\"\(key)\": \(value)\(options.isEmpty ? "" : ",")\(rest)".utf8).write(to: folder.url("config.json"))
        do {
            try Self.build(network, folder.url("config.json"))
            return nil
        } catch {
            return error
        }
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        let network: Network
        let key: String
        let value: String
        var testDescription: String { "\(network.rawValue) \(key) = \(value)" }

        init(_ network: Network, _ key: String, _ value: String) { (self.network, self.key, self.value) = (network, key, value) }
    }

    @Test(arguments: [
        Refused(.unet, "an_option_of_tomorrow", "1"), Refused(.unet, "class_embed_type", "\"timestep\""),
        Refused(.unet, "addition_embed_type", "\"text_time\""),
        Refused(.unet, "encoder_hid_dim", "8"), Refused(.unet, "time_embedding_type", "\"fourier\""), Refused(.unet, "resnet_skip_time_act", "true"),
        Refused(.unet, "resnet_out_scale_factor", "2"), Refused(.unet, "conv_in_kernel", "5"), Refused(.unet, "dual_cross_attention", "true"),
        Refused(.unet, "time_cond_proj_dim", "256"), Refused(.unet, "attention_type", "\"gated\""), Refused(.unet, "dropout", "0.1"),
        Refused(.unet, "num_attention_heads", "[2, 2]"), Refused(.unet, "mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\""),
        Refused(.unet, "down_block_types", "[\"AttnDownBlock2D\", \"DownBlock2D\"]"), Refused(.unet, "up_block_types", "[\"UpBlock2D\"]"),
        Refused(.unet, "act_fn", "\"tanh\""), Refused(.unet, "norm_num_groups", "null"), Refused(.unet, "norm_num_groups", "3"),
        Refused(.unet, "attention_head_dim", "3"), Refused(.unet, "attention_head_dim", "[2, 2, 2]"), Refused(.unet, "attention_head_dim", "[]"),
        Refused(.unet, "block_out_channels", "[]"), Refused(.unet, "block_out_channels", "[8, -16]"), Refused(.unet, "layers_per_block", "[1]"),
        Refused(.unet, "norm_eps", "-1"), Refused(.unet, "norm_eps", "NaN"), Refused(.unet, "norm_eps", "Infinity"), Refused(.unet, "in_channels", "1e300"),
        Refused(.unet, "resnet_time_scale_shift", "\"spatial\""), Refused(.unet, "only_cross_attention", "[true]"),
        Refused(.autoencoder, "an_option_of_tomorrow", "{}"), Refused(.autoencoder, "latents_mean", "[0, 0, 0, 0]"),
        Refused(.autoencoder, "down_block_types", "[\"DownEncoderBlock2D\", \"AttnDownEncoderBlock2D\"]"), Refused(.autoencoder, "act_fn", "\"quick_gelu\""),
        Refused(.autoencoder, "scaling_factor", "0"), Refused(.autoencoder, "scaling_factor", "-0.18"), Refused(.autoencoder, "scaling_factor", "NaN"),
        Refused(.autoencoder, "shift_factor", "\"none\""), Refused(.autoencoder, "latent_channels", "1e9"), Refused(.autoencoder, "norm_num_groups", "0"),
        Refused(.autoencoder, "block_out_channels", "[8]"), Refused(.textModel, "hidden_act", "\"gelu_new\""), Refused(.textModel, "num_attention_heads", "5"),
        Refused(.textModel, "hidden_size", "-12"), Refused(.textModel, "vocab_size", "\"many\""), Refused(.textModel, "layer_norm_eps", "[1e-5]"),
    ])
    func whatIsNotCarriedOutIsRefusedByName(_ refused: Refused) throws {
        let error = try error(refused.network, refused.key, refused.value)
        let message = try #require(error as? ConfigurationError).description
        // The number of levels and the divisibility of channels belong to two options; either is named.
        let names = [refused.key] + (refused.key == "block_out_channels" ? ["block_types"] : refused.key.hasPrefix("num_att") ? ["num_attention_heads"] : [])
        #expect(names.contains { message.contains($0) } && message.contains("config.json"), "\(message)")
    }

    /// Every option of the file with every hostile value: whatever is accepted must fail at the tensors, which are not there.
    @Test(arguments: Network.allCases) func hostileValuesGiveErrors(_ network: Network) throws {
        let values = [
            "-1", "0", "1", "7", "65536", "1e18", "-1e18", "1e308", "0.5", "NaN", "-Infinity", "true", "null", "\"\"", "\"1\"", "[]", "{}", "[[]]", "[0]",
            "[1, 1]", "[65536, 65536]", "[null, null]", "[\"a\", \"b\"]", "[1e308, NaN]", "{\"a\": [{}]}",
        ]
        for key in try Self.options(network).keys.sorted() {
            for value in values {
                let error = try error(network, key, value)
                #expect(error is ConfigurationError || error is ParameterError, "\(key) = \(value): \(error.map { "\($0)" } ?? "no error")")
            }
        }
    }

    @Test(arguments: Network.allCases) func filesThatAreNoConfigurations(_ network: Network) throws {
        let folder = TemporaryFolder()
        let file = folder.url("config.json")
        func message() throws -> String {
            let error = try #require(throws: ConfigurationError.self) { try Self.build(network, file) }
            #expect(error.description.contains("config.json"))
            return error.message
        }
        #expect(try message() == "does not exist")
        let deep = String(repeating: "[", count: 100_000)
        let nested = "{\"a\":" + String(repeating: "[", count: 400) + String(repeating: "]", count: 400) + "}"
        for text in ["", "{", "[]", "3", "null", "{\"sample_size\": }", deep, "{\"a\":\(deep)", "\u{FEFF}{", String(repeating: "{\"a\":", count: 50_000)] {
            try Data(text.utf8).write(to: file)
            #expect(try message() == "is not a JSON object", "\(text.prefix(20))")
        }
        try Data([0xFF, 0xFE, 0x00, 0x7B]).write(to: file)
        _ = try message()
        try Data(nested.utf8).write(to: file)
        #expect(throws: (any Error).self) { try Self.build(network, file) }
        try Data(count: 1 << 25).write(to: file)
        #expect(try message().contains("too many"))
        try FileManager.default.removeItem(at: file)
        try FileManager.default.createDirectory(at: file, withIntermediateDirectories: true)
        _ = try message()
    }

    /// A small file may describe a network of petabytes.
    @Test func aHugeNetworkOverNoTensorsTakesNoMemory() throws {
        let folder = TemporaryFolder()
        var options = try Self.options(.unet)
        let levels = 8
        options["block_out_channels"] = .integers(Array(repeating: 65536, count: levels))
        options["down_block_types"] = .strings(Array(repeating: "CrossAttnDownBlock2D", count: levels))
        options["up_block_types"] = .strings(Array(repeating: "CrossAttnUpBlock2D", count: levels))
        options["layers_per_block"] = .number(4)
        options["transformer_layers_per_block"] = .number(8)
        try JSONEncoder().encode(options).write(to: folder.url("config.json"))
        let error = try #require(throws: ParameterError.self) { try Self.build(.unet, folder.url("config.json")) }
        #expect(error.missing.count > 10_000 && error.description.count < 20_000)
    }

    // What files say in more than one way.

    private func changed(_ changes: [String: JSONValue]) throws -> UNetConfiguration {
        let folder = TemporaryFolder()
        try JSONEncoder().encode(try Self.options(.unet).merging(changes) { $1 }).write(to: folder.url("config.json"))
        return try UNetConfiguration(folder.url("config.json"))
    }

    @Test func oneNumberServesAllLevels() throws {
        #expect(try changed(["attention_head_dim": .number(4)]) == changed(["attention_head_dim": .integers([4, 4])]))
        #expect(try changed(["layers_per_block": .number(2)]) == changed(["layers_per_block": .integers([2, 2])]))
        #expect(try changed(["only_cross_attention": .bool(true)]) == changed(["only_cross_attention": .array([.bool(true), .bool(true)])]))
        #expect(try changed(["sample_size": .number(16)]) == changed(["sample_size": .integers([16, 16])]))
    }

    /// diffusers' `UNetMidBlock2DCrossAttn` is not told about it.
    @Test func theMiddleAttendsToItselfWhateverOnlyCrossAttentionSays() throws {
        let configuration = try changed(["only_cross_attention": .bool(true), "mid_block_only_cross_attention": .bool(true)])
        let store = ParameterStore(seed: 1)
        _ = try store.build { UNet($0, configuration) }
        let shapes = store.tensors.mapValues(\.shape)
        #expect(shapes["mid_block.attentions.0.transformer_blocks.0.attn1.to_k.weight"] == [12, 12])
        #expect(shapes["down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_k.weight"] == [8, 12])
    }

    @Test(arguments: UNetTests.cases) func aWrittenUNetConfigurationReadsBackAsItWas(_ name: String) throws {
        let configuration = try UNetConfiguration(Fixture.folder.appendingPathComponent("unet/\(name)/config.json"))
        let folder = TemporaryFolder()
        try configuration.json.prettyData().write(to: folder.url("config.json"))
        #expect(try UNetConfiguration(folder.url("config.json")) == configuration)
    }

    @Test(arguments: AutoencoderTests.cases) func aWrittenAutoencoderConfigurationReadsBackAsItWas(_ name: String) throws {
        let configuration = try AutoencoderConfiguration(Fixture.folder.appendingPathComponent("vae/\(name)/config.json"))
        let folder = TemporaryFolder()
        try configuration.json.prettyData().write(to: folder.url("config.json"))
        #expect(try AutoencoderConfiguration(folder.url("config.json")) == configuration)
    }

    // Noise schedules.

    @Test(arguments: [
        ("num_train_timesteps", "1e12"), ("num_train_timesteps", "-5"), ("steps_offset", "9223372036854775807"), ("steps_offset", "-1"), ("beta_start", "NaN"),
        ("beta_start", "-0.1"), ("beta_end", "Infinity"), ("beta_end", "2"), ("clip_sample_range", "NaN"), ("lambda_min_clipped", "NaN"),
        ("trained_betas", "[0.1]"), ("beta_schedule", "\"sigmoid\""), ("prediction_type", "\"sample\""), ("timestep_spacing", "3"),
        ("an_option_of_tomorrow", "1"),
    ])
    func hostileSchedulersGiveErrors(_ key: String, _ value: String) throws {
        let folder = TemporaryFolder()
        let file = folder.url("scheduler_config.json")
        for name in SamplerName.allCases {
            try Data("{\"_class_name\": \"\(name.className)\", \"\(key)\": \(value)}".utf8).write(to: file)
            #expect(throws: SchedulerError.self) {
                let sampler = try SchedulerConfiguration(contentsOf: file).sampler()
                _ = try sampler.timesteps(4)
            }
        }
    }

    /// Foundation's reader of JSON5 traps at such bytes outside of quotes.
    @Test(arguments: [UInt8(0xff), 0xc3, 0x80]) func bytesThatAreNoTextGiveErrors(_ byte: UInt8) throws {
        let folder = TemporaryFolder()
        let file = folder.url("config.json")
        for text in ["{%\"a\": 1}", "{\"a\": %}", "%", "{\"a\"% : 1}", "{\"a\": \"%\"}"] {
            let bytes = Array(text.utf8).map { $0 == UInt8(ascii: "%") ? byte : $0 }
            try Data(bytes).write(to: file)
            #expect(throws: ConfigurationError.self) { try SchedulerConfiguration(contentsOf: file) }
            #expect(throws: ConfigurationError.self) { try UNetConfiguration(file) }
        }
    }

    @Test func aMissingSchedulerFileIsNamed() throws {
        let file = TemporaryFolder().url("scheduler_config.json")
        #expect(throws: ConfigurationError.self) { try SchedulerConfiguration(contentsOf: file) }
    }
}
