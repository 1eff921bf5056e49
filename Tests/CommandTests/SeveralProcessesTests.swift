import Foundation
import Storage
import TestFiles
import TestSupport
import Testing
import Torch
import seppo

/// `seppo align --processes N`, and what becomes of a run of which a process is missing.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SeveralProcessesCommandTests {
    private func arguments(_ run: URL, processes: Int, _ others: String...) -> [String] {
        Materials.align(run, iterations: 2, updates: 5, batch: 4) + ["--save-every", "2", "--held-out", "0", "--validation-prompts", "0"]
            + ["--processes", "\(processes)", "--rank-timeout", "20"] + others
    }

    private func weights(_ run: URL) throws -> [String: Tensor] {
        try SafeTensorsFile(run.appendingPathComponent("model/unet/diffusion_pytorch_model.safetensors")).all()
    }

    @Test func aKilledRankEndsAllAndTheRunGoesOn() throws {
        let folder = TemporaryFolder()
        let (one, whole) = (folder.url("one"), folder.url("whole"))
        for (run, processes) in [(one, 1), (whole, 2)] {
            let answer = try Seppo.run(arguments(run, processes: processes))
            #expect(answer.code == 0, "\(answer.error)")
        }
        #expect(relativeDifference(try weights(whole), try weights(one)) <= 1e-3)
        for victim in [0, 1] {
            let killed = folder.url("killed-\(victim)")
            let run = try Seppo(arguments(killed, processes: 2))
            try #require(run.waits { RunFiles(killed).updatesLogged >= 5 }, "\(run.errors)")
            let ranks = Self.ranks(of: run.process.processIdentifier)
            try #require(ranks.count == 2)
            let clock = Stopwatch()
            kill(ranks[victim]!, SIGKILL)
            let answer = try run.answer()
            #expect(clock.seconds < 20 && answer.code == 128 + SIGKILL, "\(clock.seconds) s")
            #expect(answer.error.contains("rank \(victim) was ended by signal 9"), "\(answer.error)")
            if victim == 1 {
                #expect(answer.error.contains("Error: rank 1 ended unexpectedly") && answer.error.contains("go on with --resume"), "\(answer.error)")
            }
            #expect(ranks.values.allSatisfy { kill($0, 0) != 0 })
            let other = folder.url("other-\(victim)")
            try FileManager.default.copyItem(at: killed, to: other)
            let resumed = try Seppo.run(arguments(killed, processes: 2, "--resume"))
            #expect(resumed.code == 0 && resumed.error.contains("going on after update "), "\(resumed.error)")
            #expect(try RunFiles(killed).weights() == RunFiles(whole).weights() && RunFiles(killed).log() == RunFiles(whole).log())
            // On another number of processes.
            let alone = try Seppo.run(arguments(other, processes: victim == 0 ? 1 : 3, "--resume"))
            #expect(alone.code == 0, "\(alone.error)")
            #expect(relativeDifference(try weights(other), try weights(one)) <= 1e-3)
        }
    }

    @Test func aSignalStopsAllAtTheSameUpdate() throws {
        let folder = TemporaryFolder()
        let stopped = folder.url("stopped")
        let run = try Seppo(arguments(stopped, processes: 2, "--save-every", "1000"))
        try #require(run.waits { RunFiles(stopped).updatesLogged >= 2 }, "\(run.errors)")
        kill(run.process.processIdentifier, SIGTERM)
        let answer = try run.answer()
        #expect(answer.code == 128 + SIGTERM, "\(answer.code)")
        #expect(answer.error.contains("go on with --resume"), "\(answer.error)")
        let done = RunFiles(stopped).updatesLogged
        let resumed = try Seppo.run(arguments(stopped, processes: 2, "--resume"))
        #expect(resumed.code == 0 && resumed.error.contains("going on after update \(done)\n"), "\(resumed.error)")
    }

    /// As two machines might be: other settings, other data, another build.
    @Test func whatDiffersBetweenRanksIsNamed() throws {
        let folder = TemporaryFolder()
        let build = folder.url("seppo-engine")
        try FileManager.default.copyItem(at: Seppo.executable.deletingLastPathComponent().appendingPathComponent("seppo-engine"), to: build)
        let handle = try FileHandle(forWritingTo: build)
        try handle.seekToEnd()
        try handle.write(contentsOf: Data([0]))
        try handle.close()

        let output = folder.url("run")
        let plain = Materials.align(output, iterations: 1, updates: 1)
        let (settings, version) = (try together(plain, plain + ["--beta", "60"]), try together(plain, plain, secondBuild: build))
        #expect((settings + version).map(\.code) == [1, 1, 1, 1])
        #expect(settings[0].error.contains("rank 1 has other settings than rank 0: beta: 60 instead of beta: 50"), "\(settings[0].error)")
        #expect(version[0].error.contains("rank 1 has another version of the program than rank 0: build "), "\(version[0].error)")
        #expect(!FileManager.default.fileExists(atPath: output.path))

        // One path that means other winners in another folder.
        let places = ["here", "there"].map(folder.url)
        for place in places {
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            try FileManager.default.copyItem(at: Materials.winners, to: place.appendingPathComponent("winners"))
        }
        let both = Materials.align(output, winners: URL(fileURLWithPath: "/proc/self/cwd/winners"), iterations: 1, updates: 1)
        // The twin.
        for answer in try together(both, both, in: places) { #expect(answer.code == 0, "\(answer.error)") }
        let pictures = try FileManager.default.contentsOfDirectory(atPath: places[1].path + "/winners").filter { $0.hasSuffix(".png") }.sorted()
            .map { places[1].appendingPathComponent("winners/" + $0) }
        try FileManager.default.removeItem(at: pictures[0])
        try FileManager.default.copyItem(at: pictures[1], to: pictures[0])
        let data = try together(both, both, in: places)
        #expect(data.map(\.code) == [1, 1] && data[0].error.contains("rank 1 has other data than rank 0: "), "\(data[0].error)")
        // Nobody else has anything to say.
        #expect(data[1].error.isEmpty, "\(data[1].error)")
    }

    @Test func anotherNumberThanWasStartedIsRefused() throws {
        let folder = TemporaryFolder()
        let answer = try Seppo(
            arguments(folder.url("run"), processes: 3), with: ["RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"]
        ).answer()
        #expect(answer.code == 64 && answer.error.contains("processes is 3, and torchrun has started 2"), "\(answer.error)")
    }

    /// Two ranks as torchrun starts them.
    private func together(_ first: [String], _ second: [String], in folders: [URL?] = [nil, nil], secondBuild: URL? = nil) throws -> [Seppo.Answer] {
        let port = try freePort()
        let ranks = try [first, second].enumerated().map { rank, arguments in
            try Seppo(
                arguments + ["--resume"], in: folders[rank], of: rank == 1 ? secondBuild : nil,
                with: ["RANK": "\(rank)", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(port)"])
        }
        return try ranks.map { try $0.answer() }
    }

    /// The processes that a launcher has started, by their ranks.
    private static func ranks(of launcher: pid_t) -> [Int: pid_t] {
        var found: [Int: pid_t] = [:]
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(launcher)/task")) ?? []
        let lists = threads.map { (try? String(contentsOfFile: "/proc/\(launcher)/task/\($0)/children", encoding: .utf8)) ?? "" }
        for child in lists.flatMap({ $0.split(separator: " ") }).compactMap({ pid_t($0) }) {
            let environment = (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(child)/environ"))) ?? Data()
            let words = environment.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            if let rank = words.first(where: { $0.hasPrefix("RANK=") }).flatMap({ Int($0.dropFirst(5)) }) { found[rank] = child }
        }
        return found
    }
}
