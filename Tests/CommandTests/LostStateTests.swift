import Alignment
import Foundation
import TestFiles
import Testing
import Torch

/// Runs that have lost their saved state, or another part.
@Suite struct LostStateTests {
    private let folder = TemporaryFolder()
    private var run: URL { folder.url("run") }

    private func arguments(_ others: String...) -> [String] { Materials.align(run, iterations: 3, updates: 3, "--save-every", "2") + others }

    /// Trained to a few updates after checkpoint 2.
    private func interrupted() throws {
        let started = try Seppo(arguments())
        try #require(started.waits { RunFiles(run).updatesLogged >= 7 })
        started.kill()
        _ = try started.answer()
    }

    private func newestState() throws -> URL {
        let name = try String(contentsOf: run.appendingPathComponent("state/current"), encoding: .utf8).trimmingCharacters(in: .newlines)
        return run.appendingPathComponent("state").appendingPathComponent(name)
    }

    /// Refused with all that is there; nothing changes, not even by a second try.
    private func expectRefusal(_ words: String...) throws {
        let before = try FolderContents(run).withoutLock
        for _ in 0..<2 {
            let refused = try Seppo.run(arguments("--resume"))
            #expect(refused.code == 1, "\(refused.error)")
            for word in words { #expect(refused.error.contains(word), "\(word): \(refused.error)") }
        }
        #expect(try FolderContents(run).withoutLock == before)
    }

    @Test(arguments: ["state", "state/current", "the file"]) func aRunGoesOnFromItsNewestCheckpoint(_ lost: String) throws {
        try interrupted()
        try FileManager.default.removeItem(at: lost == "the file" ? newestState() : run.appendingPathComponent(lost))
        try expectRefusal("a log of ", "checkpoints of iterations 1, 2", "--from-checkpoint", "checkpoint 2, after update 6", "another --output")
        let changed = try Seppo.run(arguments("--from-checkpoint", "--guidance", "4"))
        #expect(changed.code == 1 && changed.error.contains("guidance: was 3, now 4"), "\(changed.error)")

        let resumed = try Seppo.run(arguments("--resume", "--from-checkpoint"))
        #expect(resumed.code == 0, "\(resumed.error)")
        #expect(resumed.error.contains("going on from checkpoint 2, after update 6: its weights alone, with a fresh optimiser"), "\(resumed.error)")
        let log = try RunFiles(run).log()
        #expect(log.map { $0["update"] as? Int } == Array(1...9))
        #expect(log.map { $0["from_checkpoint"] as? Int } == [nil, nil, nil, nil, nil, nil, 2, nil, nil])
        #expect(try String(contentsOf: run.appendingPathComponent("report.html"), encoding: .utf8).contains("went on from checkpoint"))
        #expect(RunDirectory(run).validations.map(\.k) == [0, 1, 2, 3])
        #expect(try Seppo.run(arguments("--resume")).error.contains("finished run"))
    }

    @Test func aCheckpointThatIsDamagedIsPassedOver() throws {
        try interrupted()
        try FileManager.default.removeItem(at: run.appendingPathComponent("state"))
        let second = RunDirectory(run).checkpoint(2)
        try second.flipBit(at: Data(contentsOf: second).count / 2)
        try expectRefusal("checkpoint 1, after update 3")
        let first = RunDirectory(run).checkpoint(1)
        try first.flipBit(at: Data(contentsOf: first).count / 2)
        try expectRefusal("No checkpoint is whole", "another --output")
        #expect(try Seppo.run(arguments("--from-checkpoint")).code == 1)
    }

    @Test func aRunThatIsWholeGoesOnExactly() throws {
        try interrupted()
        let refused = try Seppo.run(arguments("--from-checkpoint"))
        #expect(refused.code == 1 && refused.error.contains("is whole"), "\(refused.error)")
        #expect(try Seppo.run(arguments("--resume")).code == 0)
    }

    /// A flipped bit anywhere: length, header, weights, moments, the last byte.
    @Test func everyByteOfAStateCounts() throws {
        try interrupted()
        let state = try newestState()
        let size = try Data(contentsOf: state).count
        for offset in [0, 12, 300, size / 4, size / 2, size - 1] {
            try state.flipBit(at: offset)
            try expectRefusal(state.lastPathComponent, "--from-checkpoint")
            try state.flipBit(at: offset)
        }
        // The twin: as it was, it goes on.
        #expect(try Seppo.run(arguments("--resume")).code == 0)
    }

    @Test func aDamagedReferenceEndsARunByItsName() throws {
        try interrupted()
        let first = RunDirectory(run).checkpoint(1)
        let size = try Data(contentsOf: first).count
        // A weight that is another number, and no other sign of it.
        try first.flipBit(at: size - 5)
        let drawn = try Seppo.run(Materials.align(folder.url("twin"), iterations: 1, updates: 1))
        #expect(drawn.code == 0)
        let problems = try #require(try Seppo.run("inspect", run.path, "--all", "--json").json?["problems"] as? [String])
        #expect(problems.contains { $0.contains("checkpoints/0001") && $0.contains("damaged") }, "\(problems)")
    }

    @Test func statesWithoutAChecksumGoOn() throws {
        try interrupted()
        let file = try SafeTensorsFile(newestState())
        #expect(file.metadata["crc32c"]?.count == 8)
        try SafeTensors.write(file.all(), metadata: file.metadata.filter { $0.key != "crc32c" }, to: file.url)
        let resumed = try Seppo.run(arguments("--resume"))
        #expect(resumed.code == 0 && resumed.error.contains("going on after update"), "\(resumed.error)")
    }

    /// Each part of a finished run is missed, and made again from the state.
    @Test func aFinishedRunIsAllOfItsParts() throws {
        let arguments = Materials.align(run, iterations: 1, updates: 2, "--lora", "2")
        #expect(try Seppo.run(arguments).code == 0)
        let whole = try FolderContents(run).files
        let unet = "model/unet/diffusion_pytorch_model.safetensors"
        for part in [unet, "model/vae/diffusion_pytorch_model.safetensors", "model/tokenizer/vocab.json", "lora.safetensors", "evaluation.json", "report.html"]
        {
            for isCut in [false, true] {
                let file = run.appendingPathComponent(part)
                let bytes = try #require(whole[part])
                try FileManager.default.removeItem(at: file)
                // A page that was cut cannot be told from a whole one.
                if isCut { try bytes.prefix(part == "report.html" ? 0 : bytes.count - 1).write(to: file) }
                let resumed = try Seppo.run(arguments + ["--resume"])
                #expect(resumed.code == 0 && !resumed.error.contains("finished run"), "\(part): \(resumed.error)")
                if part != "report.html" { #expect(try Data(contentsOf: file) == bytes, "\(part)") }
                #expect(try Seppo.run(arguments + ["--resume"]).error.contains("finished run"), "\(part)")
            }
        }
    }
}
