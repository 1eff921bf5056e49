import Foundation
import TestFiles
import Testing

/// Files of somebody else where a command would write: refused by their names, or left alone.
@Suite struct ForeignFolderTests {
    private let folder = TemporaryFolder()

    private func put(_ text: String, at name: String) throws -> URL {
        let url = folder.url(name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
        return url
    }

    @Test(arguments: [
        "report.html", "log.jsonl", "evaluation.json", "held-out.jsonl", "validation.jsonl", "skipped.jsonl", "lora.safetensors", "model/model_index.json",
        "model/unet/config.json", "model/vae/diffusion_pytorch_model.fp16.safetensors", "state/current", "state/00000007.safetensors",
        "checkpoints/0003/unet.safetensors", "samples/k0000/metadata.jsonl", "tensorboard/events.out.tfevents.seppo", "model", "checkpoints",
    ]) func filesInTheWay(_ name: String) throws {
        _ = try put("mine", at: "run/" + name)
        let before = try FolderContents(folder.url("run"))
        for others in [[], ["--resume"], ["--from-checkpoint"]] {
            let answer = try Seppo.run(Materials.align(folder.url("run"), iterations: 1, updates: 1) + others)
            #expect(answer.code == 1, "\(name) \(others): \(answer.code) \(answer.error)")
            #expect(answer.error.contains(name), "\(name) \(others): \(answer.error)")
            #expect(try FolderContents(folder.url("run")) == before)
        }
    }

    @Test(arguments: [
        "name: build\non: push\n", "", "just words", "model: sd15\nwinners: liked\n", "a: {b: c}\n", "- model\n- winners\n",
        "model: a\nwinners: b\niterations: many\nupdates: 3\nbatch: 2\nseed: 0\n", "\u{0}\u{1}",
    ]) func anotherRunYaml(_ text: String) throws {
        _ = try put(text, at: "run/run.yaml")
        _ = try put("{\"update\":1}\n", at: "run/log.jsonl")
        let before = try FolderContents(folder.url("run"))
        for others in [[], ["--resume"], ["--from-checkpoint"]] {
            let answer = try Seppo.run(Materials.align(folder.url("run"), iterations: 1, updates: 1) + others)
            #expect(answer.code == 1 && answer.error.contains("run.yaml"), "\(text): \(answer.code) \(answer.error)")
            #expect(try FolderContents(folder.url("run")) == before)
        }
    }

    /// Under names that a run does not use, in its folders too, through a start that begins anew and all saves.
    @Test func filesOfOtherNamesStay() throws {
        let mine = try [
            "notes.txt", "model/notes.txt", "state/notes.txt", "state/7.safetensors", "state/.partial-mine", "checkpoints/mine/unet.safetensors",
            ".partial-notes", "samples/mine.png", "tensorboard/events.out.tfevents.other", "cache/notes.txt",
        ].map { try put("mine", at: "run/" + $0) }
        let output = folder.url("run")
        let run = try Seppo(Materials.align(output, iterations: 1, updates: 1000, "--save-every", "1000"))
        try #require(run.waits { RunFiles(output).updatesLogged >= 2 })
        run.kill()
        _ = try run.answer()
        _ = try put("half", at: "run/state/.partial-1f")
        let resumed = try Seppo.run(Materials.align(output, "--resume", "--save-every", "1"))
        #expect(resumed.code == 0, "\(resumed.error)")
        for file in mine { #expect(try String(contentsOf: file, encoding: .utf8) == "mine", "\(file.path)") }
        #expect(!FileManager.default.fileExists(atPath: folder.url("run/state/.partial-1f").path))
        #expect(try RunFiles(output).log().count == 4)
    }

    @Test func scenesAndPicturesAreNotReplaced() throws {
        let text = "{\"file_name\":\"00000-0.png\",\"text\":\"mine\"}\n"
        let metadata = try put(text, at: "set/metadata.jsonl")
        for command in [
            ["scenes", "--count", "1", "--output"], ["generate", "--model", "scenes", "--prompt", "x", "y", "--steps", "1", "--output"],
            ["pretrain", "--scenes", "--output"],
        ] {
            let answer = try Seppo.run(command + [folder.url("set").path])
            #expect(answer.code == 64 && answer.error.contains("metadata.jsonl"), "\(command): \(answer.error)")
        }
        #expect(try String(contentsOf: metadata, encoding: .utf8) == text)
        #expect(try FolderContents(folder.url("set")).files.count == 1)

        // A demo's or an ablation's folder, where its pictures would go.
        _ = try put(text, at: "demo/winners/metadata.jsonl")
        for command in ["demo", "ablation"] {
            let answer = try Seppo.run(command, "--output", folder.url("demo").path)
            #expect(answer.code == 1 && answer.error.contains(folder.url("demo/winners").path), "\(command): \(answer.error)")
        }
        let report = try put("mine", at: "other/report.html")
        #expect(try Seppo.run("demo", "--output", folder.url("other").path).error.contains(report.path))
        let table = try put("mine", at: "other/table.md")
        #expect(try Seppo.run("ablation", "--output", folder.url("other").path).error.contains(table.path))
        #expect(try FolderContents(folder.url("other")).files.count == 2)
    }

    /// A page of ours and a picture are made again where they stand alone; another kind of file is not replaced.
    @Test func singleFilesAreReplacedByTheirOwnKind() throws {
        let page = folder.url("sheet.html")
        for _ in 0..<2 { #expect(try Seppo.run("data", "sheet", Materials.winners.path, "--count", "2", "--output", page.path).code == 0) }
        let picture = folder.url("picture.png")
        let draw = ["generate", "--model", "scenes", "--prompt", "a red circle", "--steps", "1", "--guidance", "1", "--output"]
        for _ in 0..<2 { #expect(try Seppo.run(draw + [picture.path]).code == 0) }
        let mine = try put("mine", at: "mine.png")
        #expect(try Seppo.run(draw + [mine.path]).code == 64)
        #expect(try Seppo.run("data", "sheet", Materials.winners.path, "--output", mine.path).code == 64)
        #expect(try String(contentsOf: mine, encoding: .utf8) == "mine")
        _ = try put("a red circle", at: "picture.txt")
        #expect(try Seppo.run(draw + [picture.path]).code == 64, "it is a winner with its caption")
    }

    @Test func aCacheIsClearedOfItsOwnFilesAlone() throws {
        let cache = folder.url("cache")
        #expect(try Seppo.run(Materials.align(folder.url("run"), iterations: 1, updates: 1, "--cache", cache.path)).code == 0)
        let mine = try put("mine", at: "cache/latents/ab/mine.safetensors")
        #expect(try Seppo.run("cache", cache.path, "--clear").code == 0)
        #expect(try FolderContents(cache).files.keys.sorted() == ["latents/ab/mine.safetensors"])
        #expect(try String(contentsOf: mine, encoding: .utf8) == "mine")
    }
}
