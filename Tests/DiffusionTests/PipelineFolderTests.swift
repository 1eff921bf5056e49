import Diffusion
import Foundation
import Layers
import Storage
import TestFiles
import TestSupport
import Testing
import Torch

/// Writing a pipeline, and reading folders in which something is wrong.
@Suite struct PipelineFolderTests {
    private let folder = TemporaryFolder()
    private var copy: URL { folder.url("model") }

    private func damaged(_ damage: (URL) throws -> Void) throws -> any Error {
        try? FileManager.default.removeItem(at: copy)
        try FileManager.default.copyItem(at: PipelineCase.folder, to: copy)
        try damage(copy)
        return try #require(throws: (any Error).self) { try Pipeline.load(copy) }
    }

    @Test func aWrittenPipelineDrawsTheSameImage() throws {
        let pipeline = try Pipeline.load(PipelineCase.folder)
        try pipeline.write(to: copy)
        let again = try Pipeline.load(copy)
        #expect(again.scheduler == pipeline.scheduler)
        #expect(again.unet.configuration == pipeline.unet.configuration)
        let settings = PipelineCase.settings("pndm")
        #expect(try largestDifference(PipelineCase.draw(pipeline, settings), PipelineCase.draw(again, settings)) == 0)
    }

    @Test(.enabled(if: Python.hasDiffusers, "no Python with diffusers: set SEPPO_PYTHON to one")) func diffusersDrawsTheSameFromWhatWeWrote() throws {
        try Pipeline.load(PipelineCase.folder).write(to: copy)
        for (name, sampler) in PipelineCase.options.samplers {
            let configuration = try SchedulerConfiguration(contentsOf: Fixture.folder.appendingPathComponent(sampler.scheduler_config))
            let target = folder.url("schedulers/\(name)")
            try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
            try configuration.write(to: target.appendingPathComponent("scheduler_config.json"))
        }
        let script = Fixture.folder.appendingPathComponent("check_written_pipeline.py").path
        let (status, errors) = try Python.run([script, folder.url.path, folder.url("images.safetensors").path])
        try #require(status == 0, "\(errors)")
        let images = try SafeTensorsFile(folder.url("images.safetensors")).all()
        for name in PipelineCase.samplers {
            let difference = try PipelineCase.Difference(try #require(images["\(name).image"]), name)
            print("diffusers from our files, \(name): \(difference)")
            #expect(difference.isSmall)
        }
        #expect(try PipelineCase.Difference(try #require(images["own.image"]), "pndm").isSmall)
    }

    @Test(arguments: [
        "model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors", "vae/config.json", "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/config.json", "text_encoder/model.safetensors", "scheduler/scheduler_config.json", "tokenizer/tokenizer.json",
    ])
    func aMissingOrEmptyFileIsNamed(_ path: String) throws {
        let missing = try damaged { try FileManager.default.removeItem(at: $0.appendingPathComponent(path)) }
        let name = path == "model_index.json" ? path : URL(fileURLWithPath: path).deletingLastPathComponent().lastPathComponent
        #expect("\(missing)".contains(name), "\(missing)")
        let empty = try damaged { try Data().write(to: $0.appendingPathComponent(path)) }
        #expect("\(empty)".contains(path) || "\(empty)".contains(name), "\(empty)")
    }

    @Test(arguments: ["unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"])
    func aTruncatedFileIsNamed(_ path: String) throws {
        let error = try damaged { folder in
            let file = folder.appendingPathComponent(path)
            try Data(contentsOf: file).dropLast(100).write(to: file)
        }
        #expect(try #require(error as? SafeTensorsError).path.hasSuffix(path))
    }

    @Test func oneErrorNamesFileAndTensors() throws {
        let path = "unet/diffusion_pytorch_model.safetensors"
        let error = try damaged { folder in
            let file = folder.appendingPathComponent(path)
            var tensors = try SafeTensorsFile(file).all().mapValues { $0.clone() }
            tensors["conv_in.weight"] = Tensor.zeros([8, 4, 5, 5])
            tensors["conv_out.bias"] = nil
            tensors["stray"] = Tensor.zeros([1])
            try SafeTensors.write(tensors, to: file)
        }
        let problem = try #require(error as? ParameterError)
        #expect(try #require(problem.origin).hasSuffix(path))
        #expect(problem.misshaped == ["conv_in.weight is [8, 4, 5, 5], not [8, 4, 3, 3]"] && problem.missing == ["conv_out.bias"] && problem.extra == ["stray"])
    }

    @Test func partsThatDoNotFitEachOtherAreRefused() throws {
        let error = try damaged { folder in
            for path in ["config.json", "diffusion_pytorch_model.safetensors"] {
                let target = folder.appendingPathComponent("unet/\(path)")
                try FileManager.default.removeItem(at: target)
                try FileManager.default.copyItem(at: Fixture.folder.appendingPathComponent("unet/lists/\(path)"), to: target)
            }
        }
        #expect(try #require(error as? ConfigurationError).message.contains("channels"))
    }

    @Test(arguments: [
        ("unet", "[\"diffusers\", \"SD3Transformer2DModel\"]"), ("text_encoder_2", "[\"transformers\", \"CLIPTextModelWithProjection\"]"),
        ("transformer", "[\"diffusers\", \"FluxTransformer2DModel\"]"), ("vae", "[\"diffusers\", \"AutoencoderTiny\"]"),
    ])
    func aFolderOfOtherPartsIsRefused(_ part: String, _ entry: String) throws {
        let error = try damaged { folder in
            let index = folder.appendingPathComponent("model_index.json")
            var entries = try JSONDecoder().decode([String: JSONValue].self, from: Data(contentsOf: index))
            entries[part] = try JSONDecoder().decode(JSONValue.self, from: Data(entry.utf8))
            try JSONEncoder().encode(entries).write(to: index)
        }
        #expect(try #require(error as? ConfigurationError).message.hasPrefix("\(part) of class"))
    }
}
