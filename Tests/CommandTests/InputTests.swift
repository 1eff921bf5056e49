import Foundation
import TestFiles
import Testing

/// Models and data that are not there, or not whole.
@Suite struct InputTests {
    @Test func missingModel() throws {
        let folder = TemporaryFolder()
        var arguments = Materials.align(folder.url("run"))
        arguments[2] = folder.url("nowhere").path
        let answer = try Seppo.run(arguments)
        #expect(answer.code == 1)
        #expect(answer.error.contains("nowhere"))
        #expect(!FileManager.default.fileExists(atPath: folder.url("run").path))
        let drawn = try Seppo.run("generate", "--model", arguments[2], "--prompt", "a red circle", "--output", folder.url("a.png").path)
        #expect(drawn.code == 1 && drawn.out.isEmpty)
    }

    @Test func noWinners() throws {
        let folder = TemporaryFolder()
        try FileManager.default.createDirectory(at: folder.url("empty"), withIntermediateDirectories: true)
        for winners in ["empty", "nowhere"] {
            let answer = try Seppo.run(Materials.align(folder.url("run"), winners: folder.url(winners)))
            #expect(answer.code == 1)
            #expect(answer.error.contains(winners))
            #expect(!FileManager.default.fileExists(atPath: folder.url("run").path))
        }
    }

    @Test func badFilesAreCountedAndListed() throws {
        let folder = TemporaryFolder()
        let winners = try Materials.copyOfWinners(in: folder)
        let damaged = winners.appendingPathComponent("00003.png")
        try Data(contentsOf: damaged).prefix(150).write(to: damaged)
        try Data().write(to: winners.appendingPathComponent("00004.png"))
        // A pass over all of them.
        let run = try Seppo.run(Materials.align(folder.url("run"), winners: winners, iterations: 1, updates: 3, batch: 4))
        #expect(run.code == 0, "\(run.error)")
        // What listing finds, and what decoding finds.
        #expect(run.error.contains("11 winners, 1 left out:\n  metadata.jsonl:5: 00004.png: the file is empty"), "\(run.error)")
        #expect(run.error.contains("left out: 00003.png: the image is truncated"), "\(run.error)")
        for file in ["skipped.jsonl", "report.html"] {
            let listed = try String(contentsOf: folder.url("run/\(file)"), encoding: .utf8)
            #expect(listed.contains("00003.png") && listed.contains("truncated") && listed.contains("00004.png"), "\(file)")
        }

        // Captions beside the images, one of them missing.
        try FileManager.default.removeItem(at: winners.appendingPathComponent("metadata.jsonl"))
        try FileManager.default.removeItem(at: winners.appendingPathComponent("losers"))
        for number in 0..<11 { _ = try folder.write("a red circle", to: String(format: "winners/%05d.txt", number)) }
        let inspected = try #require(try Seppo.run("inspect", winners.path, "--json").json)
        let problems = try #require(inspected["problems"] as? [String])
        #expect(problems.count == 3)
        #expect(["00011.png: no caption", "00003.png", "00004.png: the file is empty"].allSatisfy { part in problems.contains { $0.contains(part) } })
    }
}
