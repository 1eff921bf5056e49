import Foundation
import TestFiles
import Testing

/// What users have where a command would write, and what one command would write over itself.
@Suite struct InTheWayTests {
    private let folder = TemporaryFolder()

    private func align(_ others: String...) throws -> Seppo.Answer {
        try Seppo.run(Materials.align(folder.url("run"), "--held-out", "0", "--validation-prompts", "0", "--method", "sft") + others)
    }

    @Test(arguments: ["o/00000-0.png", "notes.txt", "o"]) func aSheetIsNoOtherOutput(_ sheet: String) throws {
        let draw = ["generate", "--model", "scenes", "--prompt", "a", "--prompt", "b", "--steps", "1", "--threads", "1"]
        let answer = try Seppo.run(draw + ["--output", folder.url("o").path, "--sheet", folder.url(sheet).path])
        #expect(answer.code == 64 && answer.error.contains("--sheet"), "\(answer.error)")
    }

    @Test func aCacheTakesNoFolderOfOtherFiles() throws {
        try FileManager.default.createDirectory(at: folder.url("mine"), withIntermediateDirectories: true)
        _ = try folder.write("mine", to: "mine/notes.txt")
        let answer = try align("--cache", folder.url("mine").path)
        #expect(answer.code == 1 && answer.error.contains("notes.txt"), "\(answer.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url("mine").path) == ["notes.txt"])
        let file = try align("--cache", folder.url("mine/notes.txt").path)
        #expect(file.code == 1 && file.error.contains("is a file"), "\(file.error)")
    }

    @Test func aFileInAFoldersPlaceIsNamed() throws {
        let file = try folder.write("x", to: "file")
        let answer = try Seppo.run(Materials.align(URL(fileURLWithPath: file + "/run"), "--method", "sft"))
        #expect(answer.code == 1 && answer.error.contains("\(file): Not a directory"), "\(answer.error)")
    }

    /// A run writes its model after its last state: what lies there before is somebody's.
    @Test func whatComesToLieInAnUnfinishedRunStays() throws {
        let arguments = Materials.align(
            folder.url("run"), iterations: 2, updates: 40, "--held-out", "0", "--validation-prompts", "0", "--save-every", "1", "--method", "sft")
        let started = try Seppo(arguments)
        try #require(started.waits { RunFiles(folder.url("run")).updatesLogged >= 4 })
        started.kill()
        _ = try started.answer()
        try FileManager.default.createDirectory(at: folder.url("run/model/unet"), withIntermediateDirectories: true)
        _ = try folder.write("mine", to: "run/model/unet/config.json")
        let refused = try Seppo.run(arguments + ["--resume"])
        #expect(refused.code == 1 && refused.error.contains("model/unet/config.json"), "\(refused.error)")
        try FileManager.default.removeItem(at: folder.url("run/model"))
        #expect(try Seppo.run(arguments + ["--resume"]).code == 0)
    }

    @Test func aFinishedRunMakesAMissingConfigurationAgain() throws {
        #expect(try align().code == 0)
        let configuration = folder.url("run/model/unet/config.json")
        try FileManager.default.removeItem(at: configuration)
        #expect(try align("--resume").code == 0)
        #expect(FileManager.default.fileExists(atPath: configuration.path))
        try FileManager.default.removeItem(at: folder.url("run/log.jsonl"))
        let answer = try align("--resume")
        #expect(answer.code == 0 && answer.error.contains("log.jsonl"), "\(answer.error)")
    }

    @Test func sftHasNoLosers() throws {
        let answer = try align("--losers", "dataset")
        #expect(answer.code == 64 && answer.error.contains("losers"), "\(answer.error)")
    }
}
