import Foundation
import Storage
import Testing
import Torch

/// What the child process does: it reads inputs one after another, and says before each which one it is.
struct FuzzChild: Codable {
    /// Where it works and reports.
    var folder: URL
    var seed: UInt64
    var first: Int
    var step: Int
    var count: Int
    /// Beyond what was resident before, in MB.
    var memoryLimit = 1024

    static let variable = "SEPPO_FUZZ_CHILD"
    static let tooMuchMemory: Int32 = 77

    struct Tally: Codable, Equatable {
        var accepted: [String: Int] = [:]
        var refused: [String: Int] = [:]
    }

    var progress: URL { folder.appendingPathComponent("progress") }
    var tally: URL { folder.appendingPathComponent("tally.json") }

    func run(_ plan: FuzzPlan) throws {
        var tally = Tally()
        let file = open(progress.path, O_WRONLY | O_CREAT, 0o644)
        defer { close(file) }
        var prepared: Set<String> = []
        let before = Self.peakMegabytes
        for index in stride(from: first, to: count, by: step) {
            let text = String(format: "%012d", index)
            pwrite(file, text, text.utf8.count, 0)
            let (target, seed, place, bytes) = plan.input(index)
            let folder = folder.appendingPathComponent("\(target.name)-\(place)")
            if prepared.insert(folder.path).inserted { try Self.prepare(folder, seed) }
            let url = folder.appendingPathComponent(seed.path)
            try Self.write(bytes, length: seed.length, to: url.path)
            do {
                try target.read(url)
                tally.accepted[target.name, default: 0] += 1
            } catch {
                // What a person would be shown: to put it into words must not fail either.
                _ = "\(error)".utf8.count
                tally.refused[target.name, default: 0] += 1
            }
            if Self.peakMegabytes - before > memoryLimit { _exit(Self.tooMuchMemory) }
        }
        try JSONEncoder().encode(tally).write(to: self.tally)
    }

    /// The kernel counts what the parent held into a child's `getrusage`, so this process is asked for by itself.
    private static var peakMegabytes: Int {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }), let kilobytes = line.split(separator: " ").dropFirst().first
        else { return ProcessMemory.peakMegabytes }
        return (Int(kilobytes) ?? 0) / 1024
    }

    private static func prepare(_ folder: URL, _ seed: FuzzTarget.Seed) throws {
        for (path, data) in seed.others.merging([seed.path: Data()], uniquingKeysWith: { $1 }) {
            let url = folder.appendingPathComponent(path)
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try data.write(to: url)
        }
    }

    /// By C, because Foundation flushes what it writes, and a new file, because some file systems flush one that is written again.
    private static func write(_ bytes: [UInt8], length: Int, to path: String) throws {
        unlink(path)
        guard let file = fopen(path, "w") else { throw FileError.unwritable(path) }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
        if length > bytes.count { truncate(path, off_t(length)) }
    }

    enum FileError: Error { case unwritable(String) }
}

/// Empty unless this process was started as a child.
@Suite(.enabled(if: ProcessInfo.processInfo.environment[FuzzChild.variable] != nil, "run by FuzzTests in processes of their own"))
struct FuzzChildProcess {
    @Test func reads() throws {
        let text = try #require(ProcessInfo.processInfo.environment[FuzzChild.variable])
        let child = try JSONDecoder().decode(FuzzChild.self, from: Data(text.utf8))
        try child.run(FuzzPlan(targets: FuzzTargets.all, seed: child.seed))
    }
}
