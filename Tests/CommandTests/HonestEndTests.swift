import Foundation
import TestFiles
import Testing

/// What a run says that trained nothing, that left updates out, whose captions are not read whole, or that has no memory.
@Suite struct HonestEndTests {
    @Test func aRunThatTrainedNothingFails() throws {
        let folder = TemporaryFolder()
        for updates in [1, 2] {
            let run = folder.url("run\(updates)")
            let answer = try Seppo.run(Materials.align(run, iterations: 1, updates: updates, "--validation-prompts", "0", "--beta=1e300"))
            #expect(answer.code == 1, "\(answer.error)")
            #expect(answer.error.contains("nothing was trained") && answer.error.contains("alarm at update"), "\(answer.error)")
            #expect(answer.out.isEmpty)
            for file in ["model", "report.html", "evaluation.json", "lora.safetensors"] {
                #expect(!FileManager.default.fileExists(atPath: run.appendingPathComponent(file).path), "\(file)")
            }
        }
    }

    @Test func captionsThatAreNotReadWholeAreCounted() throws {
        let folder = TemporaryFolder()
        let winners = try Materials.copyOfWinners(in: folder)
        // The built-in model reads 16 tokens, the data set's inspection counts with Stable Diffusion's 77.
        let long = "a red circle " + String(repeating: "above a blue square ", count: 60)
        let metadata = winners.appendingPathComponent("metadata.jsonl")
        var lines = try String(contentsOf: metadata, encoding: .utf8).split(separator: "\n").map(String.init)
        for index in [1, 4] {
            var object = try #require(try JSONSerialization.jsonObject(with: Data(lines[index].utf8)) as? [String: Any])
            object["text"] = long
            lines[index] = String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self)
        }
        try lines.joined(separator: "\n").write(to: metadata, atomically: true, encoding: .utf8)
        let words = "2 of 12 captions are longer than"
        #expect(try Seppo.run("data", "show", winners.path).out.contains(words + " 77 tokens"))
        #expect(try Seppo.run("data", "check", winners.path).out.contains(words + " 77 tokens"))
        let run = folder.url("run")
        let answer = try Seppo.run(
            Materials.align(run, winners: winners, iterations: 1, updates: 1, "--validation-prompts", "0", "--held-out", "0"))
        #expect(answer.code == 0 && answer.error.contains(words + " 16 tokens: the model sees only their beginnings"), "\(answer.error)")
        #expect(try String(contentsOf: run.appendingPathComponent("report.html"), encoding: .utf8).contains(words))
        let plain = try Seppo.run("data", "check", Materials.winners.path)
        #expect(!plain.out.contains("longer than"), "the twin")

        let picture = folder.url("x.png").path
        let drawn = try Seppo.run("generate", "--model", "scenes", "--prompt", long, "--output", picture, "--steps", "1", "--threads", "1")
        #expect(drawn.code == 0 && drawn.error.contains("the prompt is longer than 16 tokens: the model sees only its beginning"), "\(drawn.error)")
        let measured = try Seppo.run("evaluate", "--model", "scenes", "--winners", winners.path, "--count", "2", "--threads", "1")
        #expect(measured.code == 0 && measured.error.contains(words), "\(measured.error)")
    }

    #if os(Linux)
        @Test func refusedMemoryIsOneLine() throws {
            let folder = TemporaryFolder()
            // Two thousand pictures at once: a gigabyte for the first layer's answers alone.
            let arguments = [
                "generate", "--model", "scenes", "--prompt", "x", "--output", folder.url("x").path, "--width", "256", "--height", "256", "--steps", "1",
                "--count", "2000", "--batch", "2000", "--threads", "1", "--guidance", "0",
            ]
            let answer = try Seppo.run(arguments, by: ["/bin/sh", "-c", "ulimit -v 2500000; exec \"$0\" \"$@\""])
            #expect(answer.code == 1, "\(answer.code) \(answer.error)")
            #expect(answer.error.split(separator: "\n").count == 1 && answer.error.hasPrefix("Error: out of memory"), "\(answer.error)")
        }
    #endif
}
