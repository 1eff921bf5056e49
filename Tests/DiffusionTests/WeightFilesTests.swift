import Diffusion
import Foundation
import Storage
import TestFiles
import TestSupport
import Testing
import Torch

/// Weights as people have them: half precision, variants, shards; and what is refused.
@Suite struct WeightFilesTests {
    private let folder = TemporaryFolder()
    private let stem = "diffusion_pytorch_model"
    private var unet: URL { folder.url("model/unet") }

    init() throws { try FileManager.default.copyItem(at: PipelineCase.folder, to: folder.url("model")) }

    private func draw() throws -> Tensor { try PipelineCase.draw(Pipeline.load(folder.url("model")), PipelineCase.settings("ddim")) }

    private func path(_ name: String) -> URL { unet.appendingPathComponent(name) }

    /// Takes the UNet's one file away and gives its tensors.
    private func takeWeights() throws -> [String: Tensor] {
        let file = path("\(stem).safetensors")
        let tensors = try SafeTensorsFile(file).all().mapValues { $0.clone() }
        try FileManager.default.removeItem(at: file)
        return tensors
    }

    private func write(index: [String: String], name: String) throws {
        try JSONEncoder().encode(["weight_map": index]).write(to: path(name))
    }

    /// Two shards and their index, by the names of diffusers; gives the index.
    @discardableResult private func writeShards(_ tensors: [String: Tensor], variant: String? = nil) throws -> (name: String, places: [String: String]) {
        let infix = variant.map { ".\($0)" } ?? ""
        var places: [String: String] = [:]
        for shard in 0..<2 {
            let part = tensors.filter { abs($0.key.utf8.reduce(0) { $0 + Int($1) }) % 2 == shard }
            let name = "\(stem)\(infix)-0000\(shard + 1)-of-00002.safetensors"
            try SafeTensors.write(part, to: path(name))
            for tensor in part.keys { places[tensor] = name }
        }
        let index = "\(stem).safetensors.index\(infix).json"
        try write(index: places, name: index)
        return (index, places)
    }

    @Test(arguments: [DType.float16, .bfloat16], [nil, "fp16", "bf16"]) func halfPrecisionIsReadWhateverItsName(_ dtype: DType, _ variant: String?) throws {
        let half = try takeWeights().mapValues { $0.to(dtype) }
        // What the same numbers draw when they are stored in single precision.
        try SafeTensors.write(half.mapValues { $0.to(.float32) }, to: path("\(stem).safetensors"))
        let expected = try draw()
        try FileManager.default.removeItem(at: path("\(stem).safetensors"))
        try SafeTensors.write(half, to: path(variant.map { "\(stem).\($0).safetensors" } ?? "\(stem).safetensors"))
        #expect(try largestDifference(draw(), expected) == 0)
    }

    @Test(arguments: [nil, "fp16"]) func shardsDrawTheSameImage(_ variant: String?) throws {
        let expected = try draw()
        let tensors = try takeWeights()
        try writeShards(tensors, variant: variant)
        #expect(try WeightFiles(in: unet, stem: stem).files.count == 2)
        #expect(try largestDifference(draw(), expected) == 0)
    }

    @Test func theWholeFileIsPreferredToItsVariants() throws {
        let tensors = try SafeTensorsFile(path("\(stem).safetensors")).all()
        for variant in ["fp16", "non_ema"] { try SafeTensors.write(tensors.mapValues { $0.to(.float16) }, to: path("\(stem).\(variant).safetensors")) }
        #expect(try WeightFiles(in: unet, stem: stem).origin.lastPathComponent == "\(stem).safetensors")
        try FileManager.default.removeItem(at: path("\(stem).safetensors"))
        #expect { try WeightFiles(in: unet, stem: stem) } throws: { "\($0)".contains("\(stem).fp16.safetensors, \(stem).non_ema.safetensors") }
    }

    @Test(arguments: ["diffusion_pytorch_model.bin", "diffusion_pytorch_model.fp16.bin", "model.ckpt"])
    func picklesAreRefusedWithTheRemedy(_ name: String) throws {
        _ = try takeWeights()
        // A pickle that would make a file if anyone ran it.
        let trap = folder.url("trap")
        try Data("cposix\nsystem\n(S'touch \(trap.path)'\ntR.".utf8).write(to: path(name))
        let error = try #require(throws: ConfigurationError.self) { try Pipeline.load(folder.url("model")) }
        #expect(error.file.hasSuffix(name) && error.message.contains("seppo convert"))
        #expect(!FileManager.default.fileExists(atPath: trap.path))
        let single = try #require(throws: ConfigurationError.self) { try Pipeline.load(path(name)) }
        #expect(single.message.contains("seppo convert"))
    }

    /// An index comes from outside: it may lead nowhere else and must agree with its shards.
    @Test func anIndexThatDoesNotAgreeIsRefused() throws {
        let (name, places) = try writeShards(takeWeights())
        func refusal(_ change: (inout [String: String]) -> Void) throws -> String {
            var changed = places
            change(&changed)
            try write(index: changed, name: name)
            return "\(try #require(throws: (any Error).self) { try WeightFiles(in: unet, stem: stem) })"
        }
        let tensor = "conv_in.weight"
        let other = try #require(places.values.first { $0 != places[tensor] })
        for outside in ["../vae/\(stem).safetensors", "/etc/passwd", ".hidden.safetensors", "model.bin", "a\\b.safetensors"] {
            #expect(try refusal { $0[tensor] = outside }.contains("is not the name of a safetensors file beside it"))
        }
        #expect(try refusal { $0[tensor] = "absent.safetensors" }.contains("absent.safetensors"))
        #expect(try refusal { $0[tensor] = other }.contains("has no tensor \(tensor)"))
        #expect(try refusal { $0["stray"] = other }.contains("has no tensor stray"))
        #expect(try refusal { $0[tensor] = nil }.contains("not listed for it: \(tensor)"))
        try Data("[]".utf8).write(to: path(name))
        #expect { try WeightFiles(in: unet, stem: stem) } throws: { "\($0)".contains("is not an index") }
        try write(index: places, name: name)
        #expect(try WeightFiles(in: unet, stem: stem).shapes.count == places.count, "the twin, unchanged")
    }

    /// The names that diffusers itself gives to variants and shards.
    @Test(.enabled(if: Python.hasDiffusers, "no Python with diffusers: set SEPPO_PYTHON to one"), arguments: ["", "variant='fp16'"])
    func whatDiffusersSavesIsRead(_ variant: String) throws {
        let saved = folder.url("saved")
        let code = """
            import torch
            from diffusers import StableDiffusionPipeline as P
            p = P.from_pretrained('\(folder.url("model").path)', safety_checker=None, requires_safety_checker=False)
            p.to(\(variant.isEmpty ? "torch.float32" : "torch.float16")).save_pretrained('\(saved.path)', max_shard_size='40KB', \(variant))
            """
        let (status, errors) = try Python.run(["-c", code])
        try #require(status == 0, "\(errors)")
        let names = try FileManager.default.contentsOfDirectory(atPath: saved.appendingPathComponent("unet").path)
        #expect(names.contains { $0.contains("-of-") } && names.contains { $0.contains("fp16") } == !variant.isEmpty, "\(names)")
        let image = try PipelineCase.draw(Pipeline.load(saved), PipelineCase.settings("ddim"))
        let difference = try largestDifference(image, draw())
        print("what diffusers saved\(variant.isEmpty ? "" : " in half precision") draws: \(difference) of 255 away")
        #expect(variant.isEmpty ? difference == 0 : difference > 0)
    }
}
