import Foundation
import TestFiles
import Testing

/// Options of which nothing would come, and numbers that make no sense: refused before any work, with the other option or the range.
@Suite struct IdleOptionTests {
    private static let align = ["align", "--model", "scenes", "--winners", "w", "--output", "o"]
    private static let generate = ["generate", "--model", "scenes", "--prompt", "a red circle", "--output", "o"]

    /// What is refused, and the options that the refusal names.
    @Test(
        arguments: [
            (align + ["--lora-alpha", "3"], ["--lora-alpha", "--lora"]), (align + ["--lora-targets", "feed-forward"], ["--lora-targets", "--lora"]),
            (align + ["--lora-from", "f", "--lora-targets", "attention"], ["--lora-targets", "--lora-from"]),
            (align + ["--eta", "0.5", "--sampler", "euler"], ["--eta", "--sampler euler"]),
            (align + ["--method", "sft", "--beta", "50"], ["--beta", "--method sft"]),
            (align + ["--method", "sft", "--reference", "latest"], ["--reference", "--method sft"]),
            (align + ["--losers", "none", "--anchor-draws", "2"], ["--anchor-draws", "--losers none"]),
            (align + ["--method", "sft", "--unshare-noise"], ["--unshare-noise", "--method sft"]),
            (align + ["--method", "sft", "--reference-draw", "iteration"], ["--reference-draw", "--method sft"]),
            (align + ["--method", "sft", "--flip", "none"], ["--flip", "--method sft"]),
            (align + ["--method", "spin", "--anchor-draws", "2"], ["--anchor-draws", "--method spin"]),
            (align + ["--reference", "latest", "--reference-draw", "iteration"], ["--reference-draw", "--reference latest"]),
            (align + ["--batch", "2", "--micro-batch", "4"], ["--micro-batch", "--batch"]),
            (generate + ["--lora-scale", "0.5"], ["--lora-scale", "--lora"]),
            (generate + ["--eta", "0.5", "--sampler", "dpm++"], ["--eta", "--sampler dpm++"]),
            (generate + ["--negative-prompt", "x", "--guidance", "1"], ["--negative-prompt", "--guidance"]),
            (["evaluate", "--model", "scenes", "--winners", "w", "--guidance", "3"], ["--guidance", "--winners"]),
            (["evaluate", "--model", "scenes", "--winners", "w", "--steps", "3"], ["--steps", "--winners"]),
            (["pretrain", "--scenes", "--output", "o", "--resolution", "64"], ["--resolution", "--scenes"]),
            (["pretrain", "--images", "w", "--output", "o", "--flawed", "0.5"], ["--flawed", "--images"]),
            (["convert", "--model", "scenes", "--output", "o", "--lora-scale", "2"], ["--lora-scale", "--lora"]),
            (["cache", "o", "--older-than", "3"], ["--older-than", "--clear"]),
            (["score", "--media", "a", "--reference", "b", "--metric", "psnr", "--preset", "disco"], ["--preset", "--metric fvd"]),
            (["score", "--media", "a", "--reference", "b", "--metric", "psnr", "--seed", "3"], ["--seed", "--metric kvd"]),
        ] as [([String], [String])])
    func nothingIsGivenForNothing(arguments: [String], named: [String]) throws {
        let folder = TemporaryFolder()
        let answer = try Seppo.run(arguments, in: folder.url)
        #expect(answer.code == 64 && answer.error.contains("has no effect"), "\(arguments): \(answer.error)")
        for name in named { #expect(answer.error.contains(name), "\(arguments): \(answer.error)") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
    }

    /// A command line for several methods keeps its options of sampling: where nothing is drawn, that is said.
    @Test func optionsOfSamplingAreSaidToBeIdle() throws {
        let folder = TemporaryFolder()
        let arguments = Materials.align(
            folder.url("run"), iterations: 1, updates: 1, "--method", "sft", "--held-out", "0", "--validation-prompts", "0", "--sample-steps", "3")
        let answer = try Seppo.run(arguments)
        #expect(answer.code == 0 && answer.error.contains("note: --sample-steps has no effect with --method sft"), "\(answer.error)")
        let others = Materials.align(
            folder.url("drawn"), iterations: 1, updates: 1, "--method", "sft", "--held-out", "0", "--validation-prompts", "1", "--sample-steps", "3")
        let drawn = try Seppo.run(others)
        #expect(drawn.code == 0 && !drawn.error.contains("has no effect"), "\(drawn.error)")
    }

    /// What is not given is not refused, whatever its default or preset; nor is the file of a run, which gives every setting.
    @Test func defaultsAreNotRefused() throws {
        let folder = TemporaryFolder()
        func run(_ name: String, _ others: String...) throws -> Seppo.Answer {
            let arguments = ["align", "--model", Materials.model, "--winners", Materials.winners.path, "--output", folder.url(name).path]
            return try Seppo.run(arguments + others)
        }
        let size = ["--iterations", "1", "--updates", "1", "--batch", "2", "--threads", "1", "--validation-prompts", "0", "--held-out", "0"]
        let first = try Seppo.run(
            ["align", "--model", Materials.model, "--winners", Materials.winners.path, "--output", folder.url("a").path, "--method", "sft"] + size)
        #expect(first.code == 0, "\(first.error)")
        let again = try run("b", "--method", "sft", "--config", folder.url("a/run.yaml").path)
        #expect(again.code == 0, "\(again.error)")
        // The same option, set to something else in a file.
        let file = try folder.write("method: sft\nbeta: 51\n", to: "options.yaml")
        let refused = try run("c", "--config", file)
        #expect(refused.code == 64 && refused.error.contains("--beta has no effect"), "\(refused.error)")
    }

    @Test(
        arguments: [
            (align, "iterations", ["0", "-1", "1000000000000"]), (align, "updates", ["0", "1000000000000"]), (align, "batch", ["0", "1000000000000"]),
            (align, "micro-batch", ["-1", "1000000000000"]),
            (align, "lora", ["-1", "1000000000"]),
            (align + ["--lora", "2"], "lora-alpha", ["0", "nan", "inf"]),
            (align, "beta", ["0", "-1", "nan", "inf"]), (align, "learning-rate", ["-1", "nan", "inf"]), (align, "warmup", ["-1", "1000000000000"]),
            (align, "weight-decay", ["-1", "nan", "inf"]), (align, "gradient-clip", ["0", "nan", "inf"]), (align, "ema", ["-1", "1", "nan"]),
            (align, "sample-steps", ["0", "1000000000000"]), (align, "guidance", ["nan", "inf"]), (align, "eta", ["-1", "2", "nan"]),
            (align, "resolution", ["-8", "1000000000000"]), (align, "caption-dropout", ["-1", "1.5", "nan"]),
            (align, "anchor-draws", ["-1", "1000000000000"]),
            (align, "limit", ["-1", "1000000000000"]), (align, "held-out", ["-1", "1", "nan"]), (align, "validation-prompts", ["-1", "1000000000000"]),
            (align, "threads", ["-1", "1000000", "1000000000000"]), (align, "save-every", ["0", "1000000000000"]), (align, "seed", ["9007199254740992"]),
            (generate, "count", ["0", "1000000000"]), (generate, "batch", ["0", "1000000000"]), (generate, "steps", ["0", "1000000000000"]),
            (generate, "guidance", ["nan", "inf"]), (generate, "eta", ["-1", "2", "nan"]), (generate, "width", ["0", "-8", "1000000000"]),
            (generate, "height", ["0", "1000000000"]), (generate, "threads", ["-1", "1000000"]), (generate + ["--lora", "f"], "lora-scale", ["nan", "inf"]),
            (["evaluate", "--model", "scenes", "--scenes"], "count", ["-1", "1000000000000"]),
            (["evaluate", "--model", "scenes", "--scenes"], "seeds", ["0", "1000000000"]),
            (["evaluate", "--model", "scenes", "--scenes"], "steps", ["0", "1000000000"]),
            (["evaluate", "--model", "scenes", "--scenes"], "guidance", ["nan", "inf"]),
            (["evaluate", "--model", "scenes", "--scenes"], "threads", ["-1", "1000000"]),
            (["pretrain", "--output", "o", "--images", "w"], "resolution", ["8", "20", "1000000000"]),
            (["pretrain", "--output", "o", "--scenes"], "count", ["0", "1000000000"]),
            (["pretrain", "--output", "o", "--scenes"], "flawed", ["-1", "2", "nan"]),
            (["pretrain", "--output", "o", "--scenes"], "quality-flaws", ["-1", "2", "nan"]),
            (["pretrain", "--output", "o", "--scenes"], "steps", ["0", "1000000000000"]),
            (["pretrain", "--output", "o", "--scenes"], "batch", ["0", "1000000000"]),
            (["pretrain", "--output", "o", "--scenes"], "learning-rate", ["-1", "nan", "inf"]),
            (["pretrain", "--output", "o", "--scenes"], "vocabulary", ["0", "1000000000"]),
            (["pretrain", "--output", "o", "--scenes"], "caption-length", ["0", "1000000000"]),
            (["scenes", "--output", "o"], "count", ["0", "-1", "1000000000"]), (["demo", "--output", "o"], "threads", ["-1", "1000000"]),
            (["data", "sheet", "w", "--output", "o"], "count", ["0", "1000000000"]),
            (["data", "sheet", "w", "--output", "o"], "resolution", ["0", "1000000"]),
            (["data", "split", "w", "--output", "o"], "held-out", ["0", "1", "-1", "nan"]),
            (["cache", "o", "--clear"], "older-than", ["-1", "nan", "inf"]),
            (["ablation", "--output", "o"], "seeds", ["0", "1000000000"]), (["ablation", "--output", "o"], "jobs", ["0", "1000000000"]),
        ] as [([String], String, [String])])
    func numbersOutOfRangeAreRefused(arguments: [String], option: String, values: [String]) throws {
        let folder = TemporaryFolder()
        for value in values {
            let answer = try Seppo.run(arguments + ["--\(option)=\(value)"], in: folder.url)
            #expect(answer.code == 64, "\(option) \(value): \(answer.code) \(answer.error)")
            #expect(answer.error.contains(option) && answer.error.contains(/must|lie between|below/), "\(option) \(value): \(answer.error)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty, "nothing was begun")
    }

    /// Numbers that only a model can judge.
    @Test func numbersThatDoNotSuitTheModelAreWrongUsage() throws {
        let folder = TemporaryFolder()
        for (option, value) in [("resolution", "33"), ("sample-steps", "5000")] {
            let answer = try Seppo.run(Materials.align(folder.url("run"), "--\(option)=\(value)"))
            #expect(answer.code == 64 && answer.error.contains(value), "\(answer.error)")
            #expect(!FileManager.default.fileExists(atPath: folder.url("run").path))
        }
        for (option, value) in [("width", "33"), ("steps", "5000")] {
            let answer = try Seppo.run("generate", "--model", "scenes", "--prompt", "x", "--output", folder.url("x.png").path, "--\(option)", value)
            #expect(answer.code == 64 && answer.error.contains(value), "\(answer.error)")
        }
    }
}
