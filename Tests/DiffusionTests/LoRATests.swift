import Diffusion
import Foundation
import Layers
import Storage
import TestFiles
import TestSupport
import Testing
import Torch

/// Files of adapters by other programs.
@Suite struct LoRATests {
    private let folder = TemporaryFolder()
    private let pipeline: Pipeline
    private let layers: [String: [Int]]

    init() throws {
        pipeline = try Pipeline.load(PipelineCase.folder)
        layers = LoRA.layers([.attention], of: pipeline.unetTensors)
    }

    /// Loud ones: B is not zero.
    private func adapters(rank: Int = 3, scale: Double = 1, _ targets: [LoRA.Target] = [.attention]) -> LowRankAdapters {
        let fresh = LowRankAdapters(rank: rank, alpha: Double(rank), layers: LoRA.layers(targets, of: pipeline.unetTensors), seed: 5)
        let random = Generator(seed: 6)
        let tensors = fresh.tensors.sorted { $0.key < $1.key }.map { name, tensor in
            (name, name.hasSuffix(LowRankAdapters.up) ? random.normal(tensor.shape) * 0.5 : tensor)
        }
        return LowRankAdapters(Dictionary(uniqueKeysWithValues: tensors), scale: scale)
    }

    private func draw(_ pipeline: Pipeline) throws -> Tensor { try PipelineCase.draw(pipeline, PipelineCase.settings("ddim")) }

    private func write(_ tensors: [String: Tensor], _ name: String) throws -> URL {
        try SafeTensors.write(tensors, to: folder.url(name))
        return folder.url(name)
    }

    @Test func everyNamingDrawsTheSameImage() throws {
        let own = adapters(scale: 2)
        try LoRA.write(own, to: folder.url("peft.safetensors"))
        let expected = try draw(pipeline.merged(LoRA.File(folder.url("peft.safetensors"))))
        #expect(try largestDifference(expected, draw(pipeline)) > 10, "the adapters are loud enough to show")

        var (kohya, old): ([String: Tensor], [String: Tensor]) = ([:], [:])
        for path in layers.keys {
            let (down, up) = (own.tensors[path + LowRankAdapters.down]!, own.tensors[path + LowRankAdapters.up]!)
            let flat = "lora_unet_" + path.replacingOccurrences(of: ".", with: "_")
            kohya[flat + ".lora_down.weight"] = down
            kohya[flat + ".lora_up.weight"] = up
            kohya[flat + ".alpha"] = Tensor([6] as [Float], shape: [])
            old["unet." + path + ".lora.down.weight"] = down
            old["unet." + path + ".lora.up.weight"] = up * 2
        }
        for (tensors, name) in [(kohya, "kohya.safetensors"), (old, "old.safetensors")] {
            let image = try draw(pipeline.merged(LoRA.File(write(tensors, name))))
            #expect(largestDifference(image, expected) <= 1, "\(name)")
        }
    }

    @Test func aTextEncodersChangesAreAddedToo() throws {
        let path = "text_model.encoder.layers.0.self_attn.q_proj"
        let width = pipeline.textEncoder.configuration.width
        let random = Generator(seed: 7)
        let file = try write(
            [
                "lora_te_\(path.replacingOccurrences(of: ".", with: "_")).lora_down.weight": random.normal([2, width]),
                "lora_te_\(path.replacingOccurrences(of: ".", with: "_")).lora_up.weight": random.normal([width, 2]),
            ], "text.safetensors")
        let changed = try pipeline.merged(LoRA.File(file)).textStates(["a dog"]) - pipeline.textStates(["a dog"])
        #expect(changed.magnitude.max().item > 1e-3)
    }

    @Test func whatDoesNotFitIsRefusedByName() throws {
        let path = try #require(layers.keys.sorted().first)
        let channels = layers[path]!
        func refusal(_ tensors: [String: Tensor]) throws -> String {
            let file = try write(tensors, "file.safetensors")
            return "\(try #require(throws: ConfigurationError.self) { _ = try pipeline.merged(LoRA.File(file)) })"
        }
        let (down, up) = ("unet.\(path).lora_A.weight", "unet.\(path).lora_B.weight")
        let (a, b) = (Tensor.ones([2, channels[1]]), Tensor.ones([channels[0], 2]))
        #expect(try refusal([down: a]).contains("one of the two matrices is missing"))
        #expect(try refusal([down: a, up: Tensor.ones([channels[0], 3])]).contains("do not make a weight"))
        #expect(try refusal([down: Tensor.ones([2, 1000]), up: b]).contains("do not make a weight"))
        #expect(try refusal([down: Tensor.ones([2]), up: b]).contains("do not make a weight"))
        #expect(try refusal(["unet.nowhere.lora_A.weight": a, "unet.nowhere.lora_B.weight": b]).contains("no layer nowhere"))
        #expect(try refusal(["unet.\(path).lora_magnitude": a]).contains("no part of a LoRA"))
        #expect(try refusal(["stray": a]).contains("no part of a LoRA"))
        #expect(try refusal([:]).contains("holds no tensors"))
        let file = try write([down: a, up: b], "file.safetensors")
        _ = try pipeline.merged(LoRA.File(file))
    }

    /// diffusers loads what we wrote and draws our image.
    @Test(
        .enabled(if: Python.hasDiffusers && Python.has("peft"), "no Python with diffusers and peft: set SEPPO_PYTHON to one"),
        arguments: [[.attention], LoRA.Target.allCases])
    func diffusersDrawsTheSame(_ targets: [LoRA.Target]) throws {
        let file = folder.url("lora.safetensors")
        try LoRA.write(adapters(scale: targets.count == 1 ? 2 : 0.5, targets), to: file)
        try pipeline.write(to: folder.url("model"))
        let code = """
            import json, numpy as np, torch
            from diffusers import DDIMScheduler, StableDiffusionPipeline
            from safetensors.torch import save_file
            case = json.loads(open('\(Fixture.folder.appendingPathComponent("pipeline/case.json").path)').read())
            torch.set_num_threads(1)
            pipe = StableDiffusionPipeline.from_pretrained('\(folder.url("model").path)')
            pipe.scheduler = DDIMScheduler.from_pretrained('\(Fixture.folder.appendingPathComponent("pipeline/schedulers/ddim").path)')
            pipe.load_lora_weights('\(folder.url.path)', weight_name='lora.safetensors')
            image = pipe(case['prompt'], negative_prompt=case['negative_prompt'], height=case['height'], width=case['width'],
                num_inference_steps=case['steps'], guidance_scale=case['guidance'], generator=torch.Generator().manual_seed(case['seed']),
                output_type='np').images[0]
            save_file({'image': torch.from_numpy(np.round(image * 255).astype(np.uint8)).contiguous()}, '\(folder.url("image.safetensors").path)')
            """
        let (status, errors) = try Python.run(["-c", code])
        try #require(status == 0, "\(errors)")
        let image = try #require(try SafeTensorsFile(folder.url("image.safetensors")).all()["image"])
        let difference = try largestDifference(draw(pipeline.merged(LoRA.File(file))), image)
        print("diffusers with our LoRA of \(targets.map(\.rawValue)): \(difference) of 255")
        #expect(difference <= 2)
        #expect(try largestDifference(draw(pipeline), image) > 10, "the adapters are loud enough to show")
    }
}
