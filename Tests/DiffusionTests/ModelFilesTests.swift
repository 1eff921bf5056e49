import Foundation
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Diffusion
@testable import Networks
@testable import Storage

/// Models whose parts come from several places, and single files as programs leave them.
@Suite struct ModelFilesTests {
    private let folder = TemporaryFolder()
    private let pipeline: Pipeline
    private let whole: [String: Tensor]
    private var model: URL { folder.url("folder") }
    private static let text = "cond_stage_model.transformer."

    init() throws {
        pipeline = try SmallStableDiffusion.pipeline()
        try pipeline.write(singleFile: folder.url("whole.safetensors"))
        try pipeline.write(to: folder.url("folder"))
        whole = try SafeTensorsFile(folder.url("whole.safetensors")).all()
    }

    private func file(_ name: String, _ tensors: [String: Tensor]) throws -> URL {
        let url = folder.url("\(name).safetensors")
        try SafeTensors.write(tensors, to: url)
        return url
    }

    private func without(_ prefix: String) -> [String: Tensor] { whole.filter { !$0.key.hasPrefix(prefix) } }

    private func part(_ prefix: String, as other: String = "") -> [String: Tensor] {
        let pairs = whole.filter { $0.key.hasPrefix(prefix) }.map { (other + $0.key.dropFirst(prefix.count), $0.value) }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    private func isSame(_ source: ModelSource) throws -> Bool {
        func draw(_ pipeline: Pipeline) throws -> Tensor {
            try pipeline.generate(["a calm lake"], seeds: [7], settings: SamplingSettings(steps: 2, guidance: 3), width: 16, height: 16)
        }
        return try largestDifference(draw(Pipeline.load(ModelFiles(source))), draw(pipeline)) == 0
    }

    private func refusal(_ source: ModelSource) throws -> String {
        let error = #expect(throws: (any Error).self) { try Pipeline.load(ModelFiles(source)) }
        return error.map { "\($0)" } ?? ""
    }

    // MARK: Parts that are missing

    @Test func aMissingAutoencoderIsNamedAndGiven() throws {
        let lacking = try file("no-vae", without("first_stage_model."))
        #expect(try refusal(ModelSource(lacking)).contains("no-vae.safetensors: has no autoencoder (VAE): name one with --vae"))
        let bare = try file("vae", part("first_stage_model."))
        let current = model.appendingPathComponent("vae/diffusion_pytorch_model.safetensors")
        let renamed = try file("vae-today", SafeTensorsFile(current).all())
        for given in [bare, renamed, current, current.deletingLastPathComponent(), model, folder.url("whole.safetensors")] {
            #expect(try isSame(ModelSource(lacking, autoencoder: given)), "\(given.path)")
        }
        #expect(try refusal(ModelSource(lacking, autoencoder: lacking)).contains("holds no autoencoder"))
        #expect(try isSame(ModelSource(lacking, base: model)))
    }

    @Test func aMissingTextEncoderIsNamedAndGiven() throws {
        let lacking = try file("no-text", without("cond_stage_model."))
        #expect(try refusal(ModelSource(lacking)).contains("has no text encoder: name one with --text-encoder"))
        let places = [
            try file("text", part(Self.text)), try file("short", part(Self.text + "text_model.")), model.appendingPathComponent("text_encoder"),
            model.appendingPathComponent("text_encoder/model.safetensors"), model, folder.url("whole.safetensors"),
        ]
        for given in places { #expect(try isSame(ModelSource(lacking, textEncoder: given)), "\(given.path)") }
    }

    /// What is given stands in for what is there: the twin of the tests above, in which another part draws another picture.
    @Test func aGivenPartStandsInForTheModelsOwn() throws {
        var other = part("first_stage_model.")
        other["decoder.conv_out.bias"] = Tensor.ones([3]) * 0.5
        #expect(try !isSame(ModelSource(model, autoencoder: file("other", other))))
        #expect(try isSame(ModelSource(model, autoencoder: folder.url("whole.safetensors"))))
    }

    // MARK: A UNet alone

    @Test func aUNetAloneStandsOverABase() throws {
        let unet = model.appendingPathComponent("unet")
        let checkpoint = folder.url("checkpoint-500")
        for name in ["unet", "unet_ema"] {
            try FileManager.default.createDirectory(at: checkpoint, withIntermediateDirectories: true)
            try FileManager.default.copyItem(at: unet, to: checkpoint.appendingPathComponent(name))
        }
        let weights = unet.appendingPathComponent("diffusion_pytorch_model.safetensors")
        let places = [
            unet, checkpoint, checkpoint.appendingPathComponent("unet_ema"), weights, try file("today", SafeTensorsFile(weights).all()),
            try file("original", part("model.diffusion_model.")), try file("prefixed", part("model.diffusion_model.", as: "model.diffusion_model.")),
        ]
        for place in places {
            for base in [model, folder.url("whole.safetensors")] { #expect(try isSame(ModelSource(place, base: base)), "\(place.path) over \(base.path)") }
            #expect(try refusal(ModelSource(place)).contains("is a UNet alone"), "\(place.path)")
        }
        #expect(try refusal(ModelSource(model, base: model)).contains("whole model"))
        // Without a base its parts can be given one by one, where its configuration is known.
        #expect(try isSame(ModelSource(places[5], autoencoder: model, textEncoder: model)))
    }

    @Test func aUNetsOwnStatementCountsOverItsBases() throws {
        var tensors = part("model.diffusion_model.")
        tensors["v_pred"] = Tensor.zeros([0])
        let source = ModelSource(try file("v", tensors), base: model)
        #expect(try ModelFiles(source).scheduler().predictionType == .velocity)
        // Where it says nothing, the caller does, whatever the base says of its own UNet.
        let silent = try file("silent", part("model.diffusion_model."))
        #expect(try ModelFiles(ModelSource(silent, base: model, prediction: .velocity)).scheduler().predictionType == .velocity)
        #expect(try ModelFiles(ModelSource(silent, base: model)).scheduler().predictionType == .epsilon)
    }

    // MARK: Names

    @Test(arguments: ["query", "to_q", "linear", "to_q-convolution", "group_norm"]) func namesOfTheAutoencodersAttention(_ form: String) throws {
        let tables = [
            "query": ["q": "query", "k": "key", "v": "value", "proj_out": "proj_attn"],
            "to_q": ["q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"],
            "group_norm": ["norm": "group_norm"],
        ]
        let table = tables[form] ?? (form == "to_q-convolution" ? tables["to_q"]! : [:])
        var tensors: [String: Tensor] = [:]
        for (name, tensor) in whole {
            let halves = name.components(separatedBy: ".mid.attn_1.")
            guard halves.count == 2, let dot = halves[1].lastIndex(of: ".") else {
                tensors[name] = tensor
                continue
            }
            let module = String(halves[1][..<dot])
            let isFlat = form != "to_q-convolution" && tensor.rank == 4
            tensors["\(halves[0]).mid.attn_1.\(table[module] ?? module)\(halves[1][dot...])"] = isFlat ? tensor.flattened(from: 1) : tensor
        }
        #expect(try isSame(ModelSource(file("renamed", tensors))))
    }

    private var forms: [String: [String: Tensor]] {
        func renamed(_ name: (String) -> String) -> [String: Tensor] { Dictionary(uniqueKeysWithValues: whole.map { (name($0.key), $0.value) }) }
        func with(_ extra: [String: Tensor]) -> [String: Tensor] { whole.merging(extra) { $1 } }
        return [
            "no text_model": renamed { $0.replacingOccurrences(of: Self.text + "text_model.", with: Self.text) },
            "no transformer": renamed { $0.replacingOccurrences(of: Self.text, with: "cond_stage_model.") }, "wrapped": renamed { "state_dict." + $0 },
            "ema": with(["model_ema.decay": Tensor.ones([]), "model_ema.diffusion_modelinput_blocks00weight": Tensor.ones([3])]),
            "positions": with([Self.text + "text_model.embeddings.position_ids": Tensor([0, 1, 2])]),
            "projection": with([Self.text + "text_projection.weight": Tensor.ones([64, 64]), Self.text + "text_model.logit_scale": Tensor.ones([])]),
            "clip": with([Self.text + "vision_model.embeddings.class_embedding": Tensor.ones([4]), "cond_stage_model.logit_scale": Tensor.ones([])]),
            "loss": with(["first_stage_model.loss.logvar": Tensor.ones([]), "first_stage_model.model_ema.decay": Tensor.ones([])]),
            "predictor": with(["model.diffusion_model.id_predictor.weight": Tensor.ones([4, 4])]),
            "training": with(["betas": Tensor.ones([1000]), "logvar": Tensor.ones([1000]), "optimizer.state": Tensor.ones([2])]),
        ]
    }

    @Test func leftoversAreSetAsideAndNamed() throws {
        for (name, tensors) in forms {
            let url = try file("form", tensors)
            #expect(try isSame(ModelSource(url)), "\(name)")
            #expect(try SingleFile(url).setAside.count == tensors.count - whole.count, "\(name)")
        }
        let text = try ModelFiles(file("form", forms["ema"]!)).setAsideText
        #expect(text == "model_ema.decay, model_ema.diffusion_modelinput_blocks00weight")
        let many = (0..<7).map { "model_ema.\($0)" }
        #expect(SingleFile.grouped(many + ["betas", "a\u{1B}[31m"]) == ["a\\u{1B}[31m", "betas", "model_ema.… (7 tensors)"])
    }

    /// The twin: a tensor within a network that is none of these is no leftover.
    @Test(arguments: ["model.diffusion_model.fuser.weight", "first_stage_model.decoder.extra.weight", text + "text_model.extra.weight"])
    func unknownTensorsOfANetworkAreRefused(_ name: String) throws {
        #expect(try refusal(ModelSource(file("stray", whole.merging([name: Tensor.ones([1])]) { $1 }))).contains(name.suffix(12)))
    }

    // MARK: Other kinds

    @Test(arguments: [(9, "inpainting"), (8, "edits pictures"), (5, "depth"), (7, "upscaler"), (6, "6 channels")])
    func modelsThatTakeMoreThanLatentsAreNamed(_ channels: Int, _ word: String) throws {
        var tensors = whole
        tensors["model.diffusion_model.input_blocks.0.0.weight"] = Tensor.ones([64, channels, 3, 3])
        let single = try refusal(ModelSource(file("nine", tensors)))
        #expect(single.contains("nine.safetensors") && single.contains(word), "\(single)")
        let configuration = model.appendingPathComponent("unet/config.json")
        var keys = try ConfigurationReader.object(configuration)
        keys["in_channels"] = .number(Double(channels))
        try JSONEncoder().encode(keys).write(to: configuration)
        let error = try refusal(ModelSource(model))
        #expect(error.contains(model.path) && error.contains(word), "\(error)")
    }

    @Test(arguments: [
        ("StableDiffusionInpaintPipeline", "an inpainting model"), ("StableDiffusionInstructPix2PixPipeline", "edits pictures"),
        ("LatentConsistencyModelPipeline", "distilled"), ("SomebodysPipeline", "is not known here"), ("StableDiffusionXLPipeline", "Stable Diffusion XL"),
    ]) func otherPipelinesAreNamed(_ name: String, _ words: String) throws {
        let index = model.appendingPathComponent("model_index.json")
        var keys = try ConfigurationReader.object(index)
        keys["_class_name"] = .string(name)
        try JSONEncoder().encode(keys).write(to: index)
        let error = try refusal(ModelSource(model))
        #expect(error.contains(name) && error.contains(words) && error.contains(model.path), "\(error)")
        for same in ["StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline"] {
            keys["_class_name"] = .string(same)
            try JSONEncoder().encode(keys).write(to: index)
            #expect(try isSame(ModelSource(model)))
        }
    }

    @Test(arguments: [
        ("control_model.input_blocks.0.0.weight", "ControlNet"), ("lora_unet_x.lora_down.weight", "a LoRA"), ("unet.x.lora_A.weight", "a LoRA"),
        ("conditioner.embedders.1.model.ln_final.weight", "Stable Diffusion XL"), ("emb_params", "textual-inversion"), ("image_proj.weight", "IP-Adapter"),
        ("model.diffusion_model.double_blocks.0.img_attn.qkv.weight", "Flux"), ("model.diffusion_model.label_emb.0.0.weight", "labels"),
        ("edm_mean", "EDM"), ("something.weight", "holds no UNet"),
    ]) func otherFilesAreNamed(_ tensor: String, _ words: String) throws {
        let error = try refusal(ModelSource(file("other", [tensor: Tensor.ones([1])])))
        #expect(error.contains("other.safetensors") && error.contains(words), "\(error)")
    }

    @Test func partsThatAreNoModelAreNamed() throws {
        #expect(try refusal(ModelSource(file("vae", part("first_stage_model.")))).contains("holds no UNet, only: autoencoder (VAE)"))
        #expect(try refusal(ModelSource(model.appendingPathComponent("vae"))).contains("no UNet"))
        #expect(try refusal(ModelSource(folder.url("nowhere"))).contains("does not exist"))
        let hint = try refusal(ModelSource(folder.url))
        #expect(hint.contains("no model_index.json") && hint.contains("vae.safetensors"), "\(hint)")
    }
}
