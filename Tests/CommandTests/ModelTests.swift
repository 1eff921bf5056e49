import Foundation
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Diffusion
@testable import Networks

/// Base models as people have them, in the commands that take one.
@Suite struct ModelTests {
    private let folder = TemporaryFolder()
    private let whole: [String: Tensor]

    init() throws {
        try SmallStableDiffusion.pipeline().write(singleFile: folder.url("whole.safetensors"))
        whole = try SafeTensorsFile(folder.url("whole.safetensors")).all()
    }

    private func file(_ name: String, without prefix: String = "-", marks: [String] = []) throws -> String {
        var tensors = whole.filter { !$0.key.hasPrefix(prefix) }
        for mark in marks { tensors[mark] = Tensor.zeros([0]) }
        try SafeTensors.write(tensors, to: folder.url(name))
        return folder.url(name).path
    }

    private func image(_ arguments: String...) throws -> Data {
        let output = folder.url("image.png")
        try? FileManager.default.removeItem(at: output)
        let answer = try Seppo.run(
            ["generate", "--prompt", "a lake", "--steps", "2", "--width", "16", "--height", "16", "--threads", "1", "--output", output.path] + arguments)
        #expect(answer.code == 0, "\(answer.error)")
        return try Data(contentsOf: output)
    }

    private func align(_ run: URL, _ arguments: String...) throws -> Seppo.Answer {
        try Seppo.run(
            [
                "align", "--winners", Materials.winners.path, "--output", run.path, "--method", "sft", "--iterations", "1", "--updates", "1", "--batch", "2",
                "--resolution", "16", "--threads", "1", "--held-out", "0", "--validation-prompts", "0",
            ] + arguments)
    }

    /// One that says that it predicts v is drawn from, converted, trained and measured as such.
    @Test func aFileThatPredictsVelocity() throws {
        let (silent, stated) = (try file("silent.safetensors"), try file("stated.safetensors", marks: ["v_pred"]))
        let noise = try image("--model", silent)
        let velocity = try image("--model", stated)
        #expect(noise != velocity)
        #expect(try image("--model", silent, "--prediction", "v") == velocity)
        let contradiction = try Seppo.run("generate", "--model", stated, "--prompt", "x", "--output", folder.url("x.png").path, "--prediction", "epsilon")
        #expect(contradiction.code == 1 && contradiction.error.contains("its tensor v_pred says"), "\(contradiction.error)")
        #expect(try Seppo.run("generate", "--model", stated, "--prompt", "x", "--output", "x.png", "--prediction", "sample").code == 64)

        let inspected = try Seppo.run("inspect", stated)
        #expect(inspected.out.contains("predicts     v_prediction (its tensor v_pred)") && inspected.out.contains("no problems"), "\(inspected.out)")
        let converted = folder.url("converted")
        #expect(try Seppo.run("convert", "--model", stated, "--output", converted.path).code == 0)
        let scheduler = try SchedulerConfiguration(contentsOf: PipelineFolder(converted).scheduler)
        #expect(scheduler.predictionType == .velocity)
        #expect(try image("--model", converted.path) == velocity)

        // A run writes it down and goes on with nothing else.
        let run = folder.url("run")
        let aligned = try align(run, "--model", silent, "--prediction", "v_prediction")
        #expect(aligned.code == 0, "\(aligned.error)")
        #expect(try SchedulerConfiguration(contentsOf: run.appendingPathComponent("model/scheduler/scheduler_config.json")).predictionType == .velocity)
        #expect(try String(contentsOf: run.appendingPathComponent("run.yaml"), encoding: .utf8).contains("prediction: v_prediction"))
        let resumed = try align(run, "--model", silent, "--resume")
        #expect(resumed.code == 1 && resumed.error.contains("prediction: was \"v_prediction\", now \"epsilon\""), "\(resumed.error)")
        #expect(try align(run, "--model", silent, "--prediction", "v", "--resume").code == 0)
        #expect(try align(folder.url("other"), "--model", silent).code == 0)
        let log = { (run: URL) in try RunFiles(run).log() }
        #expect(try log(run) != log(folder.url("other")))
    }

    @Test func partsThatAFileLacksAreGiven() throws {
        let (noAutoencoder, noText) = (
            try file("no-vae.safetensors", without: "first_stage_model."), try file("no-text.safetensors", without: "cond_stage_model.")
        )
        let whole = folder.url("whole.safetensors").path
        let picture = try image("--model", whole)
        let refused = try Seppo.run("generate", "--model", noAutoencoder, "--prompt", "x", "--output", folder.url("x.png").path)
        #expect(refused.code == 1 && refused.error.contains("no-vae.safetensors: has no autoencoder (VAE): name one with --vae"), "\(refused.error)")
        #expect(try image("--model", noAutoencoder, "--vae", whole) == picture)
        #expect(try image("--model", noText, "--text-encoder", whole) == picture)
        let inspected = try Seppo.run("inspect", noText)
        #expect(inspected.code == 0 && inspected.out.contains("name one with --text-encoder"), "\(inspected.out)")

        let run = folder.url("run")
        let aligned = try align(run, "--model", noAutoencoder, "--vae", whole)
        #expect(aligned.code == 0, "\(aligned.error)")
        #expect(try String(contentsOf: run.appendingPathComponent("run.yaml"), encoding: .utf8).contains("vae: \(whole)"))
        #expect(try image("--model", run.appendingPathComponent("model").path).isEmpty == false)
        let evaluated = try Seppo.run(
            "evaluate", "--model", noAutoencoder, "--base", noAutoencoder, "--vae", whole, "--winners", Materials.winners.path, "--count", "2", "--json")
        #expect(evaluated.code == 0 && evaluated.json?["n"] as? Int == 2, "\(evaluated.error)")
    }

    @Test func aUNetAloneStandsOverABase() throws {
        let converted = folder.url("folder")
        #expect(try Seppo.run("convert", "--model", folder.url("whole.safetensors").path, "--output", converted.path).code == 0)
        let unet = converted.appendingPathComponent("unet").path
        #expect(try image("--model", unet, "--base", converted.path) == image("--model", converted.path))
        let refused = try Seppo.run("convert", "--model", unet, "--output", folder.url("x").path)
        #expect(refused.code == 1 && refused.error.contains("is a UNet alone") && refused.error.contains("--base"), "\(refused.error)")
        #expect(try Seppo.run("inspect", unet).out.contains("--base MODEL"))
        let evaluated = try Seppo.run(
            "evaluate", "--model", unet, "--model-base", converted.path, "--base", converted.path, "--winners", Materials.winners.path, "--count", "2", "--json"
        )
        #expect(evaluated.code == 0, "\(evaluated.error)")
        let needless = try Seppo.run("convert", "--model", converted.path, "--base", converted.path, "--output", folder.url("x").path)
        #expect(needless.code == 1 && needless.error.contains("whole model"))
    }

    /// A sampler that is not there is no hindrance where another is named, and training names one itself; the written model keeps its own.
    @Test(arguments: [
        "{\"_class_name\": \"EulerAncestralDiscreteScheduler\", \"steps_offset\": 1}",
        "{\"_class_name\": \"DPMSolverMultistepScheduler\", \"use_karras_sigmas\": true, \"algorithm_type\": \"sde-dpmsolver++\"}",
        "{\"_class_name\": \"LCMScheduler\", \"original_inference_steps\": 50, \"timestep_scaling\": 10.0}",
        "{\"_class_name\": \"UniPCMultistepScheduler\", \"solver_type\": \"bh2\", \"disable_corrector\": [], \"sigma_max\": null}",
    ]) func anotherSamplerServesWhereTheModelsOwnIsNotThere(_ text: String) throws {
        let model = folder.url("folder")
        try SmallStableDiffusion.pipeline().write(to: model)
        let file = PipelineFolder(model).scheduler
        try Data(text.utf8).write(to: file)
        let refused = try Seppo.run("generate", "--model", model.path, "--prompt", "x", "--output", folder.url("x.png").path, "--width", "16", "--height", "16")
        #expect(refused.code == 1 && refused.error.contains(file.path) && refused.error.contains("--sampler"), "\(refused.error)")
        _ = try image("--model", model.path, "--sampler", "ddim")
        let run = folder.url("run")
        let aligned = try align(run, "--model", model.path)
        #expect(aligned.code == 0, "\(aligned.error)")
        #expect(
            try SchedulerConfiguration(contentsOf: run.appendingPathComponent("model/scheduler/scheduler_config.json"))
                == SchedulerConfiguration(contentsOf: file))
        let inspected = try Seppo.run("inspect", model.path)
        #expect(inspected.out.contains("1 problem") && inspected.out.contains("--sampler"), "\(inspected.out)")
    }
}
