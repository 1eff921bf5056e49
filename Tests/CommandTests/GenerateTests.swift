import Foundation
import TestFiles
import Testing

@Suite struct GenerateTests {
    private static let quick = ["generate", "--model", "scenes", "--steps", "2", "--guidance", "3", "--threads", "1"]

    @Test func oneImageIsTheFileItself() throws {
        let folder = TemporaryFolder()
        let file = folder.url("image.png")
        let answer = try Seppo.run(Self.quick + ["--prompt", "a red circle", "--output", file.path])
        #expect(answer.code == 0, "\(answer.error)")
        #expect(try Data(contentsOf: file).prefix(8) == Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
    }

    @Test func severalImagesAreAFolder() throws {
        let folder = TemporaryFolder()
        let output = folder.url("images")
        let arguments = ["--prompt", "a red circle", "- a blue square", "--negative-prompt", "", "--count", "2", "--seed", "7", "--output", output.path]
        let answer = try Seppo.run(Self.quick + arguments)
        #expect(answer.code == 0, "\(answer.error)")
        let names = ["00000-7.png", "00001-8.png", "00002-7.png", "00003-8.png"]
        #expect(try FileManager.default.contentsOfDirectory(atPath: output.path).sorted() == names + ["metadata.jsonl"])
        let rows = try String(contentsOf: output.appendingPathComponent("metadata.jsonl"), encoding: .utf8).split(separator: "\n").map {
            try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(rows.map { $0["file_name"] as? String } == names)
        #expect(rows.map { $0["text"] as? String } == ["a red circle", "a red circle", "- a blue square", "- a blue square"])

        // Prompts of a file; what is written is a data set again.
        let prompts = try folder.write("a red circle\n\na blue square\n", to: "prompts.txt")
        #expect(try Seppo.run(Self.quick + ["--prompts", prompts, "--seed", "7", "--output", folder.url("more").path]).code == 0)
        #expect(try Data(contentsOf: folder.url("more/00000-7.png")).count > 100)
        let dataset = try #require(try Seppo.run("inspect", folder.url("more").path, "--json").json)
        #expect(dataset["kind"] as? String == "dataset" && (dataset["dataset"] as? [String: Any])?["winners"] as? Int == 2)
    }

    @Test func evaluatePrintsOneObject() throws {
        let answer = try Seppo.run("evaluate", "--model", "scenes", "--scenes", "--count", "2", "--steps", "2", "--guidance", "1", "--threads", "1", "--json")
        #expect(answer.code == 0, "\(answer.error)")
        let json = try #require(answer.json)
        #expect(json["n"] as? Int == 4 && json["captions"] as? Int == 2 && json["seeds"] as? Int == 2)
        let result = try #require((json["results"] as? [[String: Any]])?.first)
        let scores = try #require(result["scores"] as? [String: [String: Any]])
        for name in ["quality", "faithfulness"] { #expect(["mean", "low", "high"].allSatisfy { scores[name]?[$0] is Double }) }
    }
}
