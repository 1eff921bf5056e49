import Foundation
import Layers
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Diffusion
@testable import Networks
@testable import Storage
@testable import Tokenizers

/// Stable Diffusion 2.x in a single file: a small one of its shape, with open_clip's names and a last layer that is not used.
@Suite struct SecondGenerationTests {
    private let folder = TemporaryFolder()
    private let pipeline: Pipeline
    private let file: URL

    init() throws {
        pipeline = try Self.pipeline()
        file = folder.url("model.safetensors")
        try SafeTensors.write(Self.tensors(of: pipeline), to: file)
    }

    private static func pipeline() throws -> Pipeline {
        var text = CLIPTextConfiguration()
        (text.width, text.hiddenWidth, text.layers, text.heads, text.activation) = (128, 256, 2, 2, .gelu)
        var autoencoder = AutoencoderConfiguration()
        (autoencoder.channels, autoencoder.layersPerBlock) = ([32, 64], 1)
        var unet = UNetConfiguration()
        (unet.channels, unet.layersPerBlock, unet.crossAttentionChannels, unet.usesLinearProjection) = ([64, 128], [1, 1], 128, true)
        (unet.downAttention, unet.upAttention) = ([true, false], [false, true])
        (unet.heads, unet.transformerDepth, unet.onlyCrossAttention, unet.sampleSize) = ([1, 2], [1, 1], [false, false], 96)
        var scheduler = SingleFile.scheduler
        scheduler.predictionType = .velocity
        func store(_ seed: UInt64) -> ParameterStore { ParameterStore(seed: seed, isTrainable: false) }
        return try Pipeline(
            tokenizer: .openCLIP, textEncoder: (text, store(1)), autoencoder: (autoencoder, store(2)), unet: (unet, store(3)), scheduler: scheduler)
    }

    /// As the reference code saves them.
    private static func tensors(of pipeline: Pipeline, prefix: String = "cond_stage_model.model.") -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for (name, value) in pipeline.stores.unet.parameters {
            tensors["model.diffusion_model." + OriginalNames.unet(pipeline.unet.configuration).original(name)!] = value
        }
        for (name, value) in pipeline.stores.autoencoder.parameters {
            tensors["first_stage_model." + OriginalNames.autoencoder(pipeline.autoencoder.configuration).original(name)!] = value
        }
        let text = pipeline.stores.textEncoder.tensors
        let layers = pipeline.textEncoder.configuration.layers
        for block in 0...layers {
            // The last is a copy of the one before, other by a little: it must not be used.
            let source = "text_model.encoder.layers.\(min(block, layers - 1))."
            func value(_ name: String) -> Tensor { block == layers ? text[source + name]! + 1 : text[source + name]! }
            let target = "\(prefix)transformer.resblocks.\(block)."
            for end in ["weight", "bias"] {
                tensors[target + "attn.in_proj_" + end] = Tensor.concatenated(["q", "k", "v"].map { value("self_attn.\($0)_proj.\(end)") })
                for (theirs, ours) in [
                    ("attn.out_proj", "self_attn.out_proj"), ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"), ("mlp.c_fc", "mlp.fc1"),
                    ("mlp.c_proj", "mlp.fc2"),
                ] {
                    tensors["\(target)\(theirs).\(end)"] = value("\(ours).\(end)")
                }
                tensors["\(prefix)ln_final.\(end)"] = text["text_model.final_layer_norm.\(end)"]!
            }
        }
        tensors[prefix + "token_embedding.weight"] = text["text_model.embeddings.token_embedding.weight"]!
        tensors[prefix + "positional_embedding"] = text["text_model.embeddings.position_embedding.weight"]!
        tensors[prefix + "text_projection"] = Tensor.ones([128, 128])
        tensors[prefix + "logit_scale"] = Tensor.ones([])
        return tensors
    }

    private func draw(_ pipeline: Pipeline) throws -> Tensor {
        try pipeline.generate(["a calm lake!"], seeds: [7], settings: SamplingSettings(steps: 3, guidance: 3), width: 16, height: 16)
    }

    @Test func itIsReadAsTheSameModel() throws {
        let again = try Pipeline.load(ModelFiles(ModelSource(file, prediction: .velocity)))
        #expect(again.unet.configuration == pipeline.unet.configuration && again.textEncoder.configuration == pipeline.textEncoder.configuration)
        #expect(again.autoencoder.configuration == pipeline.autoencoder.configuration && again.tokenizer.isSame(as: pipeline.tokenizer))
        #expect(again.scheduler == pipeline.scheduler && again.size == (192, 192))
        #expect(try largestDifference(draw(again), draw(pipeline)) == 0)
        // As a UNet that predicts noise, for smaller pictures.
        #expect(try Pipeline.load(ModelFiles(ModelSource(file, prediction: .epsilon))).unet.configuration.sampleSize == 64)
        let names = Set(try SingleFile(file).setAside)
        #expect(names.count == 14 && names.contains("cond_stage_model.model.transformer.resblocks.2.attn.in_proj_weight"))
    }

    /// There are files of both kinds: neither is guessed.
    @Test func whatItPredictsIsAskedFor() throws {
        let error = #expect(throws: ConfigurationError.self) { try Pipeline.load(file) }
        #expect(error?.file == file.path && error?.message.contains("--prediction epsilon") == true && error?.message.contains("--prediction v") == true)
        _ = try folder.write("model:\n  params:\n    parameterization: v\n", to: "model.yaml")
        #expect(try Pipeline.load(file).scheduler.predictionType == .velocity)
    }

    @Test func theReferenceConfigurationDecidesOnTheLayer() throws {
        let yaml = "model:\n  params:\n    parameterization: v\n    cond_stage_config:\n      target: a.FrozenOpenCLIPEmbedder\n      params:\n        layer: "
        _ = try folder.write(yaml + "penultimate\n", to: "model.yaml")
        #expect(try Pipeline.load(file).textEncoder.configuration.layers == 2)
        _ = try folder.write(yaml + "last\n", to: "model.yaml")
        #expect(try Pipeline.load(file).textEncoder.configuration.layers == 3)
        #expect(try largestDifference(draw(Pipeline.load(file)), draw(pipeline)) > 0)
    }

    /// As transformers gives them from Stable Diffusion 2.x's folder: filled up with 0.
    @Test func itsTokenizerFillsUpWithExclamationMarks() {
        let ids = CLIPTokenizer.openCLIP.ids(["a cat"])[0]
        #expect(ids.prefix(5) == [49406, 320, 2368, 49407, 0] && ids.count == 77)
        #expect(CLIPTokenizer.standard.ids(["a cat"])[0][4] == 49407)
    }

    @Test func theTextEncoderByItselfIsGiven() throws {
        let text = Self.tensors(of: pipeline, prefix: "").filter { !$0.key.hasPrefix("model.") && !$0.key.hasPrefix("first_stage_model.") }
        try SafeTensors.write(text, to: folder.url("text.safetensors"))
        let rest = try SafeTensorsFile(file).all().filter { !$0.key.hasPrefix("cond_stage_model.") }
        try SafeTensors.write(rest, to: folder.url("rest.safetensors"))
        let source = ModelSource(folder.url("rest.safetensors"), textEncoder: folder.url("text.safetensors"), prediction: .velocity)
        #expect(try largestDifference(draw(Pipeline.load(ModelFiles(source))), draw(pipeline)) == 0)
    }

    @Test(arguments: ["attn.in_proj_weight", "mlp.c_fc.weight", "attn.extra"]) func damagedOnesAreRefused(_ name: String) throws {
        var tensors = try SafeTensorsFile(file).all()
        tensors["cond_stage_model.model.transformer.resblocks.0.\(name)"] = Tensor.ones([100, 128])
        try SafeTensors.write(tensors, to: folder.url("damaged.safetensors"))
        #expect(throws: (any Error).self) { try Pipeline.load(ModelFiles(ModelSource(folder.url("damaged.safetensors"), prediction: .velocity))) }
    }

    /// diffusers' conversion of the same file gives the same tensors, to the bit.
    @Test(.enabled(if: Python.hasDiffusers, "no Python with diffusers: set SEPPO_PYTHON to one")) func diffusersConvertsItAlike() throws {
        let read = try Pipeline.load(ModelFiles(ModelSource(file, prediction: .velocity)))
        try read.write(to: folder.url("folder"))
        let script = Fixture.folder.appendingPathComponent("check_second_generation.py").path
        let (status, errors) = try Python.run([script, folder.url.path])
        #expect(status == 0, "\(errors)")
        // The twin: with query and key exchanged it is not.
        var tensors = try SafeTensorsFile(file).all()
        let name = "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight"
        let thirds = tensors[name]!.chunks(3)
        tensors[name] = Tensor.concatenated([thirds[1], thirds[0], thirds[2]])
        try SafeTensors.write(tensors, to: file)
        let (exchanged, message) = try Python.run([script, folder.url.path])
        #expect(exchanged != 0 && message.contains("_proj.weight differs"), "\(message)")
    }
}
