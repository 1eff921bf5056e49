import Alignment
import Diffusion
import Experiments
import Foundation
import Networks
import TestFiles
import TestSupport
import Testing
import Torch

/// LoRA files at the command line: in, out, and of runs.
@Suite struct AdapterCommandTests {
    private let folder = TemporaryFolder()

    private func weights(_ file: URL) throws -> [String: Tensor] { try Pipeline.load(BuiltInModel.scenes.folder).merged(LoRA.File(file)).unetTensors }

    /// A run of adapters whose alpha is not their rank.
    private func run(_ name: String, _ others: String...) throws -> RunDirectory {
        let arguments = Materials.align(folder.url(name), "--lora", "2", "--lora-alpha", "8", "--held-out", "0", "--validation-prompts", "0")
        let answer = try Seppo.run(arguments + others)
        #expect(answer.code == 0, "\(answer.error)")
        return RunDirectory(folder.url(name))
    }

    @Test func checkpointsAndTheFinalFileMeanTheSameEverywhere() throws {
        let run = try run("run")
        let (final, checkpoint) = (run.adapters, run.checkpoint(2, of: .lora))
        let model = try Pipeline.load(run.model).unetTensors
        #expect(try relativeDifference(weights(final), model) < 1e-6 && relativeDifference(weights(checkpoint), model) < 1e-6)
        #expect(try relativeDifference(weights(run.checkpoint(1, of: .lora)), model) > 1e-6, "the twin: an earlier one")

        for file in [final, checkpoint] {
            let json = try #require(try Seppo.run("inspect", file.path, "--json").json)
            let facts = try #require(json["lora"] as? [String: Any])
            #expect(json["kind"] as? String == "lora" && json["problems"] as? [String] == [])
            #expect(facts["ranks"] as? [Int] == [2] && facts["alphas"] as? [Double] == [8] && facts["naming"] as? [String] == ["kohya"])
            #expect(facts["unet_layers"] as? Int ?? 0 > 0 && facts["text_encoder_layers"] as? Int == 0)
            let text = try Seppo.run("inspect", file.path).out
            #expect(text.contains("a LoRA") && text.contains("alpha        8"))
        }
        func image(_ file: URL, _ name: String) throws -> Data {
            let answer = try Seppo.run(
                "generate", "--model", "scenes", "--lora", file.path, "--prompt", "a red circle", "--steps", "2", "--output", folder.url(name).path)
            #expect(answer.code == 0, "\(answer.error)")
            return try Data(contentsOf: folder.url(name))
        }
        #expect(try image(final, "a.png") == image(checkpoint, "b.png"))
        for (number, file) in [final, checkpoint].enumerated() {
            let next = folder.url("next-\(number)")
            let answer = try Seppo.run(
                Materials.align(
                    next, iterations: 1, updates: 1, "--lora-from", file.path, "--held-out", "0", "--validation-prompts", "0", "--learning-rate", "0"))
            #expect(answer.code == 0, "\(answer.error)")
            #expect(try relativeDifference(weights(RunDirectory(next).adapters), model) < 1e-6)
            #expect(try relativeDifference(weights(RunDirectory(next).checkpoint(1, of: .lora)), model) < 1e-6)
            let problems = try Seppo.run("inspect", next.path, "--json").json?["problems"] as? [String]
            #expect(problems == [], "the checkpoints of a run with --lora-from are found")
        }
    }

    @Test func namesAreChosenAndConverted() throws {
        let run = try run("run", "--lora-names", "diffusers")
        #expect(try SafeTensorsFile(run.adapters).names.allSatisfy { $0.hasPrefix("unet.") && $0.contains(".lora_") })
        let (kohya, back) = (folder.url("new/kohya.safetensors"), folder.url("back.safetensors"))
        func convert(_ file: URL, _ output: URL, _ names: String) throws -> Seppo.Answer {
            try Seppo.run("convert", "--lora", file.path, "--output", output.path, "--names", names)
        }
        #expect(try convert(run.adapters, kohya, "kohya").code == 0 && convert(kohya, back, "diffusers").code == 0)
        #expect(try SafeTensorsFile(kohya).names.allSatisfy { $0.hasPrefix("lora_unet_") })
        #expect(try relativeDifference(weights(kohya), try weights(run.adapters)) < 1e-6)
        #expect(sameBits(try SafeTensorsFile(back).all(), try SafeTensorsFile(run.adapters).all()))
        #expect(try convert(kohya, back, "diffusers").code == 64, "never over what is there")
        #expect(try convert(kohya, folder.url("x.safetensors"), "comfy").code == 64)
        #expect(try convert(kohya, folder.url("x"), "kohya").code == 64)
        for wrong in [
            ["convert", "--output", folder.url("x.safetensors").path, "--names", "kohya"], ["convert", "--output", folder.url("x").path],
            ["convert", "--model", "scenes", "--lora", kohya.path, "--output", folder.url("x.safetensors").path, "--names", "kohya"],
            ["convert", "--lora", kohya.path, "--lora-scale", "2", "--output", folder.url("x.safetensors").path, "--names", "kohya"],
            ["generate", "--prompt", "a", "--output", folder.url("x.png").path], Materials.align(folder.url("x"), "--lora-names", "diffusers"),
        ] { #expect(try Seppo.run(wrong).code == 64, "\(wrong)") }
        #expect(try Seppo.run("convert", "--output", folder.url("x").path).error.contains("Missing expected argument '--model <model>'"))
    }

    @Test func aWholeUNetOrAnotherKindIsToldApart() throws {
        let answer = try Seppo.run(Materials.align(folder.url("whole"), iterations: 1, updates: 1, "--held-out", "0", "--validation-prompts", "0"))
        #expect(answer.code == 0, "\(answer.error)")
        let checkpoint = RunDirectory(folder.url("whole")).checkpoint(1)
        let refused = try Seppo.run("convert", "--model", "scenes", "--lora", checkpoint.path, "--output", folder.url("x").path)
        #expect(refused.code == 1 && refused.error.contains("whole UNet") && refused.error.contains(checkpoint.path))
        #expect(!FileManager.default.fileExists(atPath: folder.url("x").path))
        #expect(try Seppo.run("inspect", checkpoint.path, "--json").json?["kind"] as? String == "unet")

        try SafeTensors.write(["lora_unet_conv_in.hada_w1_a": Tensor.ones([2, 2])], to: folder.url("loha.safetensors"))
        let json = try #require(try Seppo.run("inspect", folder.url("loha.safetensors").path, "--json").json)
        #expect((json["problems"] as? [String])?.first?.contains("LoHa") == true && json["lora"] == nil)
    }

    /// The flip's check over a run's adapters says what it says over whole UNets with the same changes in their weights.
    @Test func theFlipIsCheckedOverAdapters() throws {
        let run = try run("run", "--lora-targets", "attention", "convolutions", "--learning-rate", "1e-2")
        var settings = AlignmentSettings(model: Materials.model, winners: Materials.winners.path)
        (
            settings.optimisation.iterations, settings.optimisation.updates, settings.sampling.steps, settings.sampling.guidance, settings.adapters.rank,
            settings.adapters.alpha
        ) = (2, 2, 2, 3, 2, 8)
        var check = FlipPrecision(count: 6, seed: 1)
        check.extraDraws = 1
        let ofAdapters = try check.measure(settings, run)

        let whole = RunDirectory(folder.url("whole"))
        for k in 1...2 {
            try FileManager.default.createDirectory(at: whole.checkpoint(k).deletingLastPathComponent(), withIntermediateDirectories: true)
            try SafeTensors.write(weights(run.checkpoint(k, of: .lora)), to: whole.checkpoint(k))
        }
        (settings.adapters.rank, settings.adapters.alpha) = (0, nil)
        let ofWhole = try check.measure(settings, whole)
        #expect(ofAdapters.map(\.caption) == ofWhole.map(\.caption) && Set(ofAdapters.map(\.k)) == [1, 2])
        for (a, b) in zip(ofAdapters, ofWhole) {
            #expect(abs(a.advantage - b.advantage) < 1e-4 * max(1, abs(b.advantage)) && abs(a.averagedAdvantage - b.averagedAdvantage) < 1e-4)
        }
        #expect(ofAdapters.contains { abs($0.advantage) > 1e-3 }, "the adapters are loud enough to show")
        // The twin: the same check over the base model alone.
        for k in 1...2 { try SafeTensors.write(Pipeline.load(BuiltInModel.scenes.folder).unetTensors, to: whole.checkpoint(k)) }
        #expect(try check.measure(settings, whole).allSatisfy { $0.advantage == 0 })
    }
}
