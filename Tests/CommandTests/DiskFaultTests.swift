import Foundation
import TestFiles
import Testing

/// Disks that fill up, and files that grow beyond a limit: an end with the system's reason, and the next start goes on.
@Suite(.serialized) struct DiskFaultTests {
    private let folder = TemporaryFolder()

    private func arguments(_ run: URL, _ others: String...) -> [String] {
        Materials.align(run, iterations: 2, updates: 3) + ["--save-every", "1000", "--validation-prompts", "1"] + others
    }

    /// Starts a command whose files may have that many KB.
    private func limited(_ kilobytes: Int) -> [String] { ["/bin/sh", "-c", "ulimit -f \(kilobytes * 2); exec \"$@\"", "sh"] }

    private func expectSame(_ run: URL, as whole: URL) throws {
        #expect(try RunFiles(run).log() == RunFiles(whole).log())
        #expect(try RunFiles(run).weights() == RunFiles(whole).weights())
    }

    /// By what is the first file to be larger than the limit.
    @Test(arguments: [(3, "cache/"), (2_000, "checkpoints/0001"), (9_000, "state/")]) func fileTooLarge(kilobytes: Int, file: String) throws {
        let (whole, run) = (folder.url("whole"), folder.url("run"))
        #expect(try Seppo.run(arguments(whole)).code == 0)
        let failed = try Seppo.run(arguments(run), by: limited(kilobytes))
        #expect(failed.code == 1)
        #expect(failed.error.contains(file) && failed.error.contains("File too large"), "\(failed.error)")
        #expect(try RunFiles(run).isWholeAsFarAsSaved(updates: 3))
        let resumed = try Seppo.run(arguments(run, "--resume"))
        #expect(resumed.code == 0, "\(resumed.error)")
        try expectSame(run, as: whole)
    }

    @Test func modelTooLarge() throws {
        // Adapters and their state are small; the model is not.
        let (whole, run) = (folder.url("whole"), folder.url("run"))
        #expect(try Seppo.run(arguments(whole, "--lora", "2")).code == 0)
        let failed = try Seppo.run(arguments(run, "--lora", "2"), by: limited(2_000))
        #expect(failed.code == 1 && failed.error.contains("model/") && failed.error.contains("File too large"), "\(failed.error)")
        let resumed = try Seppo.run(arguments(run, "--lora", "2", "--resume"))
        #expect(resumed.code == 0 && resumed.error.contains("going on after update 6"), "\(resumed.error)")
        let model = "model/unet/diffusion_pytorch_model.safetensors"
        #expect(try Data(contentsOf: run.appendingPathComponent(model)) == Data(contentsOf: whole.appendingPathComponent(model)))
    }

    @Test func eventsTooLarge() throws {
        let (whole, run) = (folder.url("whole"), folder.url("run"))
        let arguments = { (run: URL) in Materials.align(run, iterations: 1, updates: 24, "--save-every", "1000", "--validation-prompts", "0") }
        #expect(try Seppo.run(arguments(whole)).code == 0)
        // The cache, which is larger, is there from a start before.
        let first = try Seppo(arguments(run))
        try #require(first.waits { RunFiles(run).updatesLogged >= 1 })
        first.kill()
        _ = try first.answer()
        let failed = try Seppo.run(arguments(run) + ["--resume"], by: limited(12))
        #expect(failed.code == 1 && failed.error.contains("tensorboard/") && failed.error.contains("File too large"), "\(failed.error)")
        #expect((2..<24).contains(RunFiles(run).updatesLogged))
        #expect(try Seppo.run(arguments(run) + ["--resume"]).code == 0)
        try expectSame(run, as: whole)
    }

    @Test(.enabled(if: SmallDisk.isPermitted, "needs the right to mount a tmpfs")) func aDiskThatFillsUp() throws {
        let whole = folder.url("whole")
        let arguments = { (run: URL, every: String) in
            Materials.align(run, iterations: 2, updates: 20, "--save-every", every, "--validation-prompts", "0") + ["--resume"]
        }
        #expect(try Seppo.run(arguments(whole, "5")).code == 0)
        // Where nothing but the logs is written, and where states are.
        for every in ["1000", "5"] {
            let disk = try SmallDisk(megabytes: 400, at: folder.url("disk-\(every)"))
            let run = disk.url.appendingPathComponent("run")
            let started = try Seppo(arguments(run, every))
            try #require(started.waits { RunFiles(run).updatesLogged >= 7 })
            try disk.fill()
            let failed = try started.answer()
            #expect(failed.code == 1, "\(failed.error)")
            #expect(failed.error.contains("No space left on device") && failed.error.contains(run.path), "\(failed.error)")
            #expect(try RunFiles(run).isWholeAsFarAsSaved(updates: 20))
            // Still full: refused, with the numbers.
            let refused = try Seppo.run(arguments(run, every))
            #expect(refused.code == 1, "\(refused.error)")
            try disk.empty()
            let resumed = try Seppo.run(arguments(run, every))
            #expect(resumed.code == 0, "\(resumed.error)")
            if every == "5" { #expect(resumed.error.contains("going on after update")) }
            try expectSame(run, as: whole)
        }
    }

    @Test(.enabled(if: SmallDisk.isPermitted, "needs the right to mount a tmpfs")) func aSmallDiskIsRefusedWithTheNumber() throws {
        let disk = try SmallDisk(megabytes: 20, at: folder.url("disk"))
        let answer = try Seppo.run(arguments(disk.url.appendingPathComponent("run")))
        #expect(answer.code == 1)
        let numbers = try #require(answer.error.firstMatch(of: /needs about (\d+) MB, and (\d+) MB are free/)).output
        #expect(try #require(Int(numbers.1)) > 90 && numbers.2 == "19" || numbers.2 == "20", "\(answer.error)")
    }

    @Test(.enabled(if: SmallDisk.isPermitted, "needs the right to mount a tmpfs")) func aReadOnlyDiskIsRefused() throws {
        let disk = try SmallDisk(megabytes: 200, at: folder.url("disk"))
        let run = disk.url.appendingPathComponent("run")
        let started = try Seppo(arguments(run))
        try #require(started.waits { RunFiles(run).updatesLogged >= 1 })
        started.kill()
        _ = try started.answer()
        try disk.remount("ro")
        for output in [run, disk.url.appendingPathComponent("other")] {
            let answer = try Seppo.run(arguments(output, "--resume"))
            #expect(answer.code == 1 && answer.error.contains(output.path) && answer.error.contains(/read[- ]only/.ignoresCase()), "\(answer.error)")
        }
        try disk.remount("rw")
        #expect(try Seppo.run(arguments(run, "--resume")).code == 0)
    }
}

/// A disk of some megabytes in memory, taken down with this value.
final class SmallDisk {
    let url: URL
    private var ballast: URL { url.appendingPathComponent("ballast") }

    static let isPermitted: Bool = {
        let folder = TemporaryFolder()
        return (try? SmallDisk(megabytes: 1, at: folder.url("disk"))) != nil
    }()

    init(megabytes: Int, at url: URL) throws {
        self.url = url
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        try Self.run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", url.path)
    }

    deinit { try? Self.run("umount", url.path) }

    /// Takes what is free.
    func fill() throws {
        let file = try #require(fopen(ballast.path, "w"))
        let block = [UInt8](repeating: 1, count: 4096)
        while fwrite(block, 1, block.count, file) == block.count, fflush(file) == 0 {}
        fclose(file)
    }

    func empty() throws { try FileManager.default.removeItem(at: ballast) }

    func remount(_ mode: String) throws { try Self.run("mount", "-o", "remount,\(mode)", url.path) }

    private static func run(_ words: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(words: words, status: process.terminationStatus) }
    }

    struct Failure: Error { let words: [String], status: Int32 }
}
