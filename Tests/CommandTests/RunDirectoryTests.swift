import Foundation
import TestFiles
import Testing

/// What `align` does on a folder that something lies in already.
@Suite struct RunDirectoryTests {
    @Test func finishedRun() throws {
        let folder = TemporaryFolder()
        let output = folder.url("run")
        // A lock that a dead process left, and a folder of the user's own, are no run.
        try FileManager.default.createDirectory(at: output.appendingPathComponent("model"), withIntermediateDirectories: true)
        let own = try folder.write("mine", to: "run/model/notes.txt")
        _ = try folder.write("4194000", to: "run/lock")
        let first = try Seppo.run(Materials.align(output))
        #expect(first.code == 0, "\(first.error)")
        #expect(first.out.contains(output.path) && first.out.contains("report.html"))
        #expect(FileManager.default.fileExists(atPath: own))
        for file in ["run.yaml", "log.jsonl", "model/model_index.json", "checkpoints/0002/unet.safetensors", "report.html", "evaluation.json"] {
            #expect(FileManager.default.fileExists(atPath: output.appendingPathComponent(file).path), "\(file)")
        }

        // The final comparison, in the form of `evaluate --json`.
        let data = try Data(contentsOf: output.appendingPathComponent("evaluation.json"))
        let evaluation = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let result = try #require((evaluation["results"] as? [[String: Any]])?.first?["scores"] as? [String: [String: Any]])
        #expect(evaluation["n"] as? Int == 12)
        #expect(result["denoising_error"]?["win_rate"] is Double && result["denoising_error"]?["difference"] is [String: Any])

        let again = try Seppo.run(Materials.align(output))
        #expect(again.code == 1)
        #expect(again.error.contains("--resume"))

        let changed = try Seppo.run(Materials.align(output, batch: 3, "--resume", "--flip", "none"))
        #expect(changed.code == 1)
        #expect(changed.error.contains("batch: was 2, now 3") && changed.error.contains("flip"))
        #expect(!changed.error.contains("guidance"))

        // Its own run.yaml means the same settings.
        let resumed = try Seppo.run("align", "--config", output.appendingPathComponent("run.yaml").path, "--output", output.path, "--resume")
        #expect(resumed.code == 0, "\(resumed.error)")
        #expect(resumed.error.contains("finished run"))

        // Killed before its report was written: the report is made up for, the training is not done again.
        let report = output.appendingPathComponent("report.html")
        try FileManager.default.removeItem(at: report)
        let weights = try RunFiles(output).weights()
        #expect(try Seppo.run(Materials.align(output, "--resume")).code == 0)
        #expect(FileManager.default.fileExists(atPath: report.path))
        #expect(try RunFiles(output).weights() == weights)
    }

    @Test func killedBeforeItsFirstSaveStartsAnew() throws {
        let folder = TemporaryFolder()
        let output = folder.url("run")
        let run = try Seppo(Materials.align(output, iterations: 1, updates: 1000, "--save-every", "1000"))
        try #require(run.waits { RunFiles(output).updatesLogged >= 2 })
        // While it lives nobody else may work on it.
        let second = try Seppo.run(Materials.align(output, "--resume"))
        #expect(second.code == 1 && second.error.contains("another process"), "\(second.error)")
        run.kill()
        _ = try run.answer()
        #expect(try Seppo.run(Materials.align(output)).code == 1)
        let resumed = try Seppo.run(Materials.align(output, "--resume"))
        #expect(resumed.code == 0, "\(resumed.error)")
        #expect(!resumed.error.contains("going on after"))
        #expect(try RunFiles(output).log().map { $0["update"] as? Int } == [1, 2, 3, 4])
    }

    @Test func aRefusedRunLeavesNothingToResume() throws {
        let folder = TemporaryFolder()
        let output = folder.url("run")
        let tooLarge = try Seppo.run(Materials.align(output, iterations: 1_000_000))
        #expect(tooLarge.code == 1)
        #expect(tooLarge.error.contains(" MB are free"))
        #expect(try Seppo.run(Materials.align(output, iterations: 1, updates: 1)).code == 0)
    }
}
