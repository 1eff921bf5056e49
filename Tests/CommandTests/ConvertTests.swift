import Foundation
import TestFiles
import TestSupport
import Testing
import Torch

/// `seppo convert`, and single files in the other commands.
@Suite struct ConvertTests {
    private let folder = TemporaryFolder()

    @Test func aSingleFileIsInspectedDrawnFromAndConverted() throws {
        let (file, converted, again) = (folder.url("model.safetensors"), folder.url("folder"), folder.url("again.safetensors"))
        try SmallStableDiffusion.pipeline().write(singleFile: file)
        let inspection = try Seppo.run("inspect", file.path, "--json", "--tokens", "a photo of a cat")
        let json = try #require(inspection.json)
        #expect(json["kind"] as? String == "single_file" && json["problems"] as? [String] == [])
        #expect((json["tokens"] as? [[Int]])?.first?.prefix(7) == [49406, 320, 1125, 539, 320, 2368, 49407])
        #expect(try Seppo.run("inspect", file.path).out.contains("a Stable Diffusion 1.x model in a single file"))

        #expect(try Seppo.run("convert", "--model", file.path, "--output", converted.path).code == 0)
        #expect(try Seppo.run("convert", "--model", converted.path, "--output", again.path).code == 0)
        #expect(try Data(contentsOf: again) == Data(contentsOf: file), "there and back, to the byte")
        #expect(try Seppo.run("convert", "--model", converted.path, "--output", again.path).code == 64, "never over what is there")

        func image(_ model: URL, _ name: String) throws -> Data {
            let answer = try Seppo.run(
                "generate", "--model", model.path, "--prompt", "a lake", "--steps", "2", "--width", "16", "--height", "16", "--output", folder.url(name).path)
            #expect(answer.code == 0, "\(answer.error)")
            return try Data(contentsOf: folder.url(name))
        }
        #expect(try image(file, "a.png") == image(converted, "b.png"))
    }

    @Test func aDamagedSingleFileIsInspected() throws {
        let file = folder.url("model.safetensors")
        try SmallStableDiffusion.pipeline().write(singleFile: file)
        var tensors = try SafeTensorsFile(file).all().mapValues { $0.clone() }
        tensors["model.diffusion_model.out.2.bias"] = nil
        tensors["model.diffusion_model.stray.weight"] = Tensor.ones([1])
        tensors["first_stage_model.quant_conv.bias"] = Tensor.ones([3])
        tensors["model_ema.decay"] = Tensor.ones([1])
        try SafeTensors.write(tensors, to: file)
        let json = try #require(try Seppo.run("inspect", file.path, "--json").json)
        let problems = try #require(json["problems"] as? [String])
        #expect(problems.contains { $0.contains("missing") && $0.contains("conv_out.bias") } && problems.contains { $0.contains("stray.weight") })
        #expect((json["pipeline"] as? [String: Any])?["ignored"] as? [String] == ["model_ema.decay"])
    }

    @Test func whatCannotBeASingleFileIsRefused() throws {
        let answer = try Seppo.run("convert", "--model", Materials.model, "--output", folder.url("x.safetensors").path)
        #expect(answer.code == 1 && answer.error.contains("a single file cannot tell"))
        #expect(!FileManager.default.fileExists(atPath: folder.url("x.safetensors").path))
    }
}
