import Experiments
import Foundation
import Reports
import TestFiles
import Testing
import Winners

/// What `evaluate`, `align` and `data split` say of the winners that they measure, train on and leave out.
@Suite struct MeasuredDataTests {
    private let folder = TemporaryFolder()

    @Test func evaluateListsWhatItLeftOut() throws {
        let winners = try Materials.copyOfWinners(in: folder)
        let damaged = winners.appendingPathComponent("00003.png")
        try Data(contentsOf: damaged).prefix(150).write(to: damaged)
        try Data().write(to: winners.appendingPathComponent("00004.png"))
        let answer = try Seppo.run("evaluate", "--model", Materials.model, "--winners", winners.path, "--json")
        #expect(answer.code == 0, "\(answer.error)")
        let skipped = try #require(answer.json?["skipped"] as? [[String: Any]])
        #expect(skipped.map { $0["file"] as? String } == ["metadata.jsonl", "00003.png"] && skipped[0]["row"] as? Int == 5)
        #expect(answer.json?["n"] as? Int == 10)
        #expect(answer.error.contains("left out: metadata.jsonl:5: 00004.png: the file is empty") && answer.error.contains("left out: 00003.png: "))
        let whole = try Seppo.run("evaluate", "--model", Materials.model, "--winners", Materials.winners.path, "--count", "2", "--json")
        #expect((whole.json?["skipped"] as? [Any])?.isEmpty == true && !whole.error.contains("left out"))
    }

    @Test(arguments: [["--guidance", "3"], ["--steps", "5"], ["--seeds", "1"], ["--split", "tune"]])
    func evaluateRefusesOptionsWithoutEffect(option: [String]) throws {
        let answer = try Seppo.run(["evaluate", "--model", Materials.model, "--winners", Materials.winners.path] + option)
        #expect(answer.code == 64 && answer.error.contains("\(option[0]) has no effect with --winners"))
    }

    /// One caption for all.
    private func alike(_ count: Int) throws -> URL {
        let winners = folder.url("alike")
        try SceneFolder.write(SceneCorpus(quality: .good, split: .train, count: count, seed: 6), to: winners)
        let lines = (0..<count).map { #"{"file_name": "\#(String(format: "%05d.png", $0))", "text": "one caption"}"# + "\n" }
        try Data(lines.joined().utf8).write(to: winners.appendingPathComponent("metadata.jsonl"))
        return winners
    }

    @Test func bothSplitByOneRule() throws {
        let winners = try alike(40)
        let run = try Seppo.run(Materials.align(folder.url("run"), winners: winners, iterations: 1, updates: 1, "--held-out", "0.1"))
        #expect(run.code == 0 && run.error.contains("4 of 40 winners are held out by their pictures alone"), "\(run.error)")
        let split = try Seppo.run("data", "split", winners.path, "--held-out", "0.1", "--output", folder.url("divided").path)
        #expect(split.code == 0 && split.error.contains("4 of 40 winners are held out by their pictures alone"), "\(split.error)")
        let lines = try String(contentsOf: folder.url("run/held-out.jsonl"), encoding: .utf8).split(separator: "\n")
        let rows = try lines.compactMap { try (JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])?["row"] as? Int }
        let all = try WinnerSet.list(winners).winners
        #expect(try Set(WinnerSet.list(folder.url("divided/held-out")).winners.map(\.image.digest)) == Set(rows.map { all[$0].image.digest }))
    }

    @Test func oneWinnerIsTrainedOn() throws {
        let run = try Seppo.run(Materials.align(folder.url("run"), winners: try alike(1), iterations: 1, updates: 1, batch: 1))
        #expect(run.code == 0 && run.error.contains("none is held out: 0.05 of 1 winner is less than one"), "\(run.error)")
        #expect(RunFiles(folder.url("run")).updatesLogged == 1)
    }

    @Test func aFolderOfSeveralDataSetsAsksWhich() throws {
        for name in ["photos", "drawings"] {
            let target = folder.url("both/\(name)")
            try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
            try FileManager.default.copyItem(at: Fixture.url("parquet/hub.parquet"), to: target.appendingPathComponent("train-00000-of-00001.parquet"))
        }
        let answer = try Seppo.run(Materials.align(folder.url("run"), winners: folder.url("both")))
        #expect(answer.code == 1 && answer.error.contains("holds several data sets: give the folder or file of the one that is meant"), "\(answer.error)")
        #expect(answer.error.contains("both/photos (one file)") && !FileManager.default.fileExists(atPath: folder.url("run").path))
        let shown = try Seppo.run("data", "show", folder.url("both").path)
        #expect(shown.out.contains("both/drawings (one file)"))
    }

    @Test func listsOfCaptionsAreTrainedOn() throws {
        let lists = Fixture.url("parquet/types/captions-list.parquet")
        let run = try Seppo.run(Materials.align(folder.url("run"), winners: lists, iterations: 1, updates: 2))
        #expect(run.code == 0 && run.error.contains("2 with several captions"), "\(run.error)")
    }
}
