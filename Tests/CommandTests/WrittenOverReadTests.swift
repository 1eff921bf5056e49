import Foundation
import TestFiles
import Testing

/// What a command writes is never what it reads: wrong usage, before any work.
@Suite struct WrittenOverReadTests {
    private let folder = TemporaryFolder()
    private var project: URL { folder.url("project") }

    init() throws {
        let manager = FileManager.default
        try manager.createDirectory(at: project, withIntermediateDirectories: true)
        try manager.copyItem(at: URL(fileURLWithPath: Materials.model), to: project.appendingPathComponent("model"))
        try manager.copyItem(at: Materials.winners, to: folder.url("winners"))
        try manager.createSymbolicLink(at: folder.url("link"), withDestinationURL: project)
        try manager.createSymbolicLink(at: folder.url("absent-link"), withDestinationURL: folder.url("winners/absent"))
        try manager.createDirectory(at: folder.url("linked-run"), withIntermediateDirectories: true)
        try manager.createSymbolicLink(at: folder.url("linked-run/model"), withDestinationURL: project.appendingPathComponent("model"))
        _ = try folder.write("batch: 2\n", to: "project/log.jsonl")
        _ = try folder.write("seed: 2\n", to: "project/options.yaml")
        try manager.linkItem(at: project.appendingPathComponent("log.jsonl"), to: folder.url("hard.yaml"))
    }

    /// `%` stands for the folder of the test.
    private func expectRefusal(_ command: String, _ named: String) throws {
        let before = try FolderContents(folder.url)
        let words = command.split(separator: " ").map { $0.replacingOccurrences(of: "%", with: folder.url.path) }
        let answer = try Seppo.run(words)
        #expect(answer.code == 64, "\(command): \(answer.code) \(answer.error)")
        #expect(answer.error.contains(named), "\(command): \(answer.error)")
        #expect(try FolderContents(folder.url) == before, "\(command)")
    }

    @Test(arguments: [
        ("--model %/project/model --winners %/winners --output %/project", "--model"),
        ("--model %/project/model/ --winners %/winners --output %/link", "--model"),
        ("--model %/link/./model --winners %/winners --output %/project/../project/", "--model"),
        ("--model %/project/model --winners %/winners --output %/project/model/run", "--model"),
        ("--model %/project/model --winners %/winners --output %/linked-run", "--model"),
        ("--model %/project/model --winners %/winners --output %/winners", "--winners"),
        ("--model %/project/model --winners %/winners --output %/winners/runs/one", "--winners"),
        ("--model %/project/model --winners %/winners --output %/absent-link/run", "--winners"),
        ("--model %/project/model --winners %/winners --output %", "--model"),
        ("--model scenes --winners %/winners --output %", "--winners"),
        ("--model %/project/model --winners %/winners --output %/run --cache %/winners", "--cache"),
        ("--model %/project/model --winners %/winners --output %/run --cache %/winners/cache", "--cache"),
        ("--model %/project/model --winners %/winners --output %/run --cache %", "--cache"),
        ("--model %/project/model --winners %/winners --output %/run --cache %/run/model", "--cache"),
        ("--model scenes --winners %/winners --output %/run --lora-from %/run/lora.safetensors", "--lora-from"),
        ("--model scenes --winners %/winners --output %/project --config %/project/log.jsonl", "--config"),
        ("--model scenes --winners %/winners --output %/project --config %/hard.yaml", "--config"),
    ]) func align(_ arguments: String, _ named: String) throws {
        try expectRefusal("align " + arguments, named)
    }

    @Test(arguments: [
        ("generate --model %/project/model --prompts %/project/log.jsonl --output %/project", "--model"),
        ("generate --model scenes --prompts %/project/log.jsonl --output %/link/log.jsonl", "--prompts"),
        ("generate --model %/project/model --prompt x --output %/project/model/unet/one.png", "--model"),
        ("generate --model scenes --lora %/l.safetensors --prompt x --output %/o.png --sheet %/l.safetensors", "--lora"),
        ("generate --model scenes --prompt x --output %/winners/00001.png", "data set"),
        ("generate --model scenes --prompt x --output %/winners", "00000.png"),
        ("convert --model %/project/model --output %/project/model/new", "--model"),
        ("convert --model %/project/model --output %/project", "--model"),
        ("convert --model %/project/model --lora %/l.safetensors --output %/l.safetensors", "--lora"),
        ("pretrain --images %/winners --output %/winners/model", "--images"),
        ("pretrain --scenes --output %/project/model", "model_index.json"),
        ("data convert %/winners --output %/winners/converted", "the data set"),
        ("data split %/winners --output %/winners/split --held-out 0.5", "the data set"),
        ("data sheet %/winners --output %/winners/metadata.jsonl", "the data set"),
        ("data sheet %/winners --output %/project/model/model_index.json", "model_index.json"),
        ("scenes --output %/winners --count 2", "00000.png"),
        ("scenes --output %/project --count 2 --config %/project/options.yaml", "--config"),
    ]) func others(_ command: String, _ named: String) throws {
        try expectRefusal(command, named)
    }

    @Test(arguments: [
        "align --model scenes --winners %/winners --output ", "align --model  --winners %/winners --output %/o",
        "align --model scenes --winners  --output %/o", "align --model scenes --winners %/winners --output %/o --cache ",
        "align --model scenes --winners %/winners --output %/o --lora-from ", "align --model scenes --winners %/winners --output %/o --config ",
        "generate --model scenes --prompt x --output ", "generate --model scenes --prompts  --output %/o", "generate --model  --prompt x --output %/o",
        "generate --model scenes --prompt x --output %/o --sheet ", "generate --model scenes --prompt x --output %/o --lora ",
        "evaluate --scenes --model ", "evaluate --model scenes --winners ", "evaluate --model scenes --scenes --base ", "demo --output ",
        "ablation --output ", "pretrain --scenes --output ", "pretrain --images  --output %/o", "scenes --count 1 --output ", "inspect ", "cache ",
        "convert --model scenes --output ", "data show ", "data check ", "data convert  --output %/o", "data convert %/winners --output ",
        "data split %/winners --held-out 0.5 --output ", "data sheet %/winners --output ",
    ]) func emptyPaths(_ command: String) throws {
        let words = command.split(separator: " ", omittingEmptySubsequences: false).map { $0.replacingOccurrences(of: "%", with: folder.url.path) }
        let answer = try Seppo.run(words, in: folder.url("winners"))
        #expect(answer.code == 64, "\(command): \(answer.code) \(answer.error)")
    }

    /// The twins: neighbours, the cache of the run, its own record, and options that lie beside a run's files.
    @Test func whatOnlyLooksAlike() throws {
        let run = folder.url("winners-run")
        let options = try folder.write("batch: 2\n", to: "options.yaml")
        var arguments = Materials.align(run, winners: folder.url("winners"), iterations: 1, updates: 1)
        arguments[2] = project.appendingPathComponent("model").path
        let first = try Seppo.run(arguments + ["--cache", run.appendingPathComponent("cache").path, "--config", options])
        #expect(first.code == 0, "\(first.error)")
        let again = try Seppo.run("align", "--config", run.appendingPathComponent("run.yaml").path, "--output", run.path, "--resume")
        #expect(again.code == 0, "\(again.error)")
        arguments[2] = run.appendingPathComponent("model").path
        arguments[6] = run.appendingPathComponent("second").path
        let second = try Seppo.run(arguments + ["--cache", run.appendingPathComponent("cache").path])
        #expect(second.code == 0, "\(second.error)")
    }
}
