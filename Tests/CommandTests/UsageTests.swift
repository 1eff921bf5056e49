import Foundation
import Reports
import TestFiles
import Testing

/// Exit codes, options and `--config`.
@Suite struct UsageTests {
    static let commands = ["demo", "align", "generate", "evaluate", "score", "pretrain", "scenes", "data", "convert", "inspect", "cache"]

    @Test(arguments: [""] + commands) func helpTeaches(command: String) throws {
        let answer = try Seppo.run((command.isEmpty ? [] : [command]) + ["--help"])
        #expect(answer.code == 0)
        #expect(answer.out.contains("OVERVIEW") && answer.out.contains("USAGE"))
        if command.isEmpty { #expect(Self.commands.allSatisfy { answer.out.contains($0) }) }
    }

    @Test func wrongUsageIs64() throws {
        let wrong: [[String]] = [
            ["align", "--modle", "x"], ["nonsense"], ["align", "--model", "scenes"], ["generate", "--model", "scenes", "--output", "x.png"],
            ["align", "--model", "scenes", "--winners", "w", "--output", "o", "--batch", "0"], ["evaluate", "--model", "scenes"], ["inspect"],
            ["align", "--model", "scenes", "--winners", "w", "--output", "o", "--method", "ppo"], ["inspect", "scenes", "--tokens"],
            // After an option that takes several values.
            ["generate", "--model", "scenes", "--prompt", "a red circle", "--stepz", "3", "--output", "x.png"],
        ]
        for arguments in wrong {
            let answer = try Seppo.run(arguments)
            #expect(answer.code == 64, "\(arguments): \(answer.code) \(answer.error)")
            #expect(answer.out.isEmpty && !answer.error.isEmpty, "\(arguments)")
        }
    }

    /// Also where the mistake is found after the arguments were parsed.
    @Test func wrongUsageShowsTheCommandsOwn() throws {
        for (arguments, usage) in [
            (["generate", "--model", "scenes", "--prompt", "x", "--output", "x.png", "--width", "33"], "seppo generate"),
            (["data", "split", "w", "--config"], "seppo data split"), (["align", "--model", "scenes"], "seppo align"), (["nonsense"], "seppo"),
        ] {
            let answer = try Seppo.run(arguments)
            #expect(answer.error.contains("\nUsage: \(usage) ") && answer.error.contains("See '\(usage) --help'"), "\(arguments): \(answer.error)")
        }
    }

    @Test func unknownKeysOfAConfigurationAreNamed() throws {
        let folder = TemporaryFolder()
        for (line, named) in [
            ("learning_rte: 1e-5", "learning_rte"), ("learning-rate: 1e-5", "here it is learning_rate"), ("nonsense: false", "nonsense"),
            ("empty:", "empty"), ("flip_images: 3", "flip_images"), ("beta: true", "beta"), ("config: other.yaml", "config"), ("- a", "not a list of"),
            ("[]: 3", "the name of an option"),
            ("{}: 3", "the name of an option"), ("beta: 3\nbeta: 4", "duplicated"), ("beta: {a: 3}", "beta must be"),
            ("seed: [[1]]", "seed must be"),
            ("beta: 2020-01-01", "beta must be"),
        ] {
            let file = try folder.write("model: scenes\n\(line)\n".replacingOccurrences(of: "model: scenes\n- a", with: "- a"), to: "options.yaml")
            let answer = try Seppo.run("align", "--winners", "w", "--output", "o", "--config", file)
            #expect(answer.code == 64, "\(line)")
            #expect(answer.error.contains(named) && answer.error.contains("options.yaml"), "\(line): \(answer.error)")
        }
        #expect(try Seppo.run("align", "--config", folder.url("nowhere.yaml").path).code == 64)
    }

    @Test func theCommandLineWins() throws {
        let folder = TemporaryFolder()
        let file = try folder.write("count: 5\nseed: 3\nquality: mixed\noutput: \(folder.url("scenes").path)\n", to: "scenes.yaml")
        let answer = try Seppo.run("scenes", "--count", "2", "--config", file, "--quality=good")
        #expect(answer.code == 0, "\(answer.error)")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.url("scenes").path).sorted()
        #expect(names == ["00000.png", "00001.png", "losers", "metadata.jsonl"])

        // A list gives way as a whole.
        let prompts = try folder.write("model: scenes\nprompt: [a red circle, a blue square]\nsteps: 1\nguidance: 1\n", to: "draw.yaml")
        let drawn = try Seppo.run("generate", "--config", prompts, "--prompt", "a green triangle", "--output", folder.url("one").path)
        #expect(drawn.code == 0, "\(drawn.error)")
        #expect(try String(contentsOf: folder.url("one/metadata.jsonl"), encoding: .utf8).split(separator: "\n").count == 1)
    }

    @Test func aFlagOfAConfigurationCanBeTakenBack() throws {
        let folder = TemporaryFolder()
        let file = try folder.write("flip_images: true\nunshare_noise: true\n", to: "options.yaml")
        let run = folder.url("run")
        let answer = try Seppo.run(Materials.align(run, iterations: 1, updates: 1, "--config", file, "--no-flip-images"))
        #expect(answer.code == 0, "\(answer.error)")
        let settings = try String(contentsOf: run.appendingPathComponent("run.yaml"), encoding: .utf8)
        #expect(settings.contains("flip_images: false") && settings.contains("unshare_noise: true"))
    }
}
