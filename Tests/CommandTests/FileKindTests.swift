import Foundation
import TestFiles
import Testing

/// Files that are not what their names say, wherever a command reads one.
@Suite struct FileKindTests {
    private let folder = TemporaryFolder()
    private static let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\(String(repeating: "ab", count: 32))\nsize 12634048\n"

    @Test func aModelThatIsAPointerIsNamed() throws {
        let model = try folder.write(Self.pointer, to: "model.safetensors")
        for arguments in [
            ["inspect", model], ["convert", "--model", model, "--output", folder.url("x").path],
            ["convert", "--model", "scenes", "--lora", model, "--output", folder.url("x").path],
        ] {
            let answer = try Seppo.run(arguments)
            #expect((answer.out + answer.error).contains("model.safetensors: is a Git LFS pointer"), "\(answer.out)\(answer.error)")
            #expect(answer.code == (arguments[0] == "inspect" ? 0 : 1))
        }
    }

    @Test func dataThatAreNoneAreNamed() throws {
        let winners = try Materials.copyOfWinners(in: folder)
        try Data(Self.pointer.utf8).write(to: winners.appendingPathComponent("00003.png"))
        let checked = try Seppo.run("data", "check", winners.path)
        #expect(checked.out.contains("00003.png: is a Git LFS pointer"), "\(checked.out)")
        for (name, text, expected) in [
            ("shard.tar", Self.pointer, "is a Git LFS pointer"), ("table.parquet", Self.pointer, "is a Git LFS pointer"),
            ("shard.tar", "<!DOCTYPE html><html></html>", "is a web page"), ("table.parquet", "{\"message\": \"no\"}", "is JSON"),
        ] {
            let answer = try Seppo.run("data", "show", folder.write(text, to: name))
            #expect(answer.out.contains("\(name): \(expected)"), "\(answer.out)\(answer.error)")
        }
    }

    @Test(arguments: ["vocab.json", "merges.txt"]) func aTokenizerThatIsAPointerIsNamed(_ name: String) throws {
        for (other, text) in [("vocab.json", "{}"), ("merges.txt", "#version\n")] { _ = try folder.write(other == name ? Self.pointer : text, to: other) }
        let answer = try Seppo.run("inspect", folder.url.path)
        #expect(answer.out.contains("\(name): is a Git LFS pointer"), "\(answer.out)")
    }

    /// A pipe that nobody writes to would be waited for until the test's own end.
    @Test func pipesAreNotWaitedFor() throws {
        let pipe = folder.url("pipe")
        try #require(mkfifo(pipe.path, 0o600) == 0)
        let draw = ["generate", "--model", "scenes", "--output", folder.url("a.png").path]
        for (arguments, code) in [
            (draw + ["--prompts", pipe.path], Int32(64)), (draw + ["--prompt", "a", "--config", pipe.path], 64),
            (draw + ["--prompt", "a", "--lora", pipe.path], 1), (["inspect", pipe.path], 0),
            (["convert", "--model", pipe.path, "--output", folder.url("x").path], 1),
        ] {
            let answer = try Seppo.run(arguments)
            #expect(answer.code == code && (answer.out + answer.error).contains("pipe"), "\(arguments): \(answer.code) \(answer.out)\(answer.error)")
        }
    }
}
