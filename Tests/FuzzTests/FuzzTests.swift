import Foundation
import Testing
import Torch

/// Damaged files for every parser of outside bytes that is ours: each is read or refused, without a crash, in seconds and in little memory.
///
/// A trap ends a process, so the files are read in processes of their own. An input that ends one is kept and named. `make fuzz` reads 120,000,
/// `make test` some.
@Suite(.enabled(if: ProcessInfo.processInfo.environment[FuzzChild.variable] == nil, "this process reads the files")) struct FuzzTests {
    private let environment = ProcessInfo.processInfo.environment
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("seppo-fuzz-\(UUID().uuidString)")

    /// How long one input may take.
    private static let patience = 20.0
    /// Failures after which a process is not started again.
    private static let mostFailures = 10

    private var seed: UInt64 { environment["SEPPO_FUZZ_SEED"].flatMap { UInt64($0) } ?? 0 }
    private var count: Int { environment["SEPPO_FUZZ"].flatMap { Int($0) } ?? 2000 }

    private struct Failure: CustomStringConvertible {
        let index: Int
        let target: String
        let reason: String
        let file: URL

        var description: String { "\(target), input \(index): \(reason); kept as \(file.path)" }
    }

    @Test func everyParserReadsOrRefuses() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let plan = FuzzPlan(targets: FuzzTargets.all, seed: seed)
        let processes = count > 10_000 ? max(1, min(4, ProcessInfo.processInfo.activeProcessorCount)) : 1
        let (seed, count, folder) = (seed, count, folder)
        let outcomes = try await withThrowingTaskGroup(of: (FuzzChild.Tally, [Failure]).self) { group in
            for process in 0..<processes {
                group.addTask {
                    let child = FuzzChild(folder: folder.appendingPathComponent("\(process)"), seed: seed, first: process, step: processes, count: count)
                    return try await Self.watch(child, plan)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for failure in outcomes.flatMap(\.1) { Issue.record("\(failure)") }
        guard outcomes.allSatisfy({ $0.1.isEmpty }) else { return }
        var tally = FuzzChild.Tally()
        for (part, _) in outcomes {
            tally.accepted.merge(part.accepted, uniquingKeysWith: +)
            tally.refused.merge(part.refused, uniquingKeysWith: +)
        }
        #expect((Array(tally.accepted.values) + Array(tally.refused.values)).reduce(0, +) == count)
        for target in plan.targets {
            let (accepted, refused) = (tally.accepted[target.name] ?? 0, tally.refused[target.name] ?? 0)
            if environment["SEPPO_FUZZ"] != nil { print("fuzz: \(target.name): \(accepted) read, \(refused) refused") }
            // Both ways out are reached, or the target tests nothing.
            #expect(refused > 0 && accepted > 0, "\(target.name): \(accepted) read, \(refused) refused")
        }
    }

    /// The twins: a parser that traps, one that never ends and one that takes memory are noticed, and the others go on.
    @Test func aTrapAHangAndAGluttonAreNoticed() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let child = FuzzChild(folder: folder, seed: 0, first: 0, step: 1, count: 4, memoryLimit: 100)
        let plan = FuzzPlan(targets: FuzzTargets.faulty, seed: 0)
        let (_, failures) = try await Self.watch(child, plan, patience: 10, isFaulty: true)
        try #require(failures.map(\.target) == ["trap", "hang", "glutton"])
        let reasons = failures.map(\.reason)
        #expect(reasons[0].contains("signal") && reasons[1].contains("seconds") && reasons[2].contains("MB"), "\(reasons)")
        for failure in failures {
            #expect(try Data(contentsOf: failure.file) == Data(plan.input(failure.index).bytes))
            try FileManager.default.removeItem(at: failure.file)
        }
    }

    /// Runs a child to the end of its inputs, starting it again behind each that ended it.
    private static func watch(
        _ start: FuzzChild, _ plan: FuzzPlan, patience: Double = patience, isFaulty: Bool = false
    ) async throws -> (FuzzChild.Tally, [Failure]) {
        var child = start
        var failures: [Failure] = []
        var tally = FuzzChild.Tally()
        try FileManager.default.createDirectory(at: child.folder, withIntermediateDirectories: true)
        while child.first < child.count, failures.count < mostFailures {
            try? FileManager.default.removeItem(at: child.progress)
            try? FileManager.default.removeItem(at: child.tally)
            let process = try launch(child, isFaulty: isFaulty)
            var (last, since) = (-1, Date())
            var reason: String?
            while process.isRunning {
                try await Task.sleep(nanoseconds: 20_000_000)
                let now = index(child.progress) ?? -1
                // Until the first input it is the process that starts.
                if now != last { (last, since) = (now, Date()) }
                if -since.timeIntervalSinceNow > (now < 0 ? 60 : patience) {
                    reason = "not done after \(Int(patience)) seconds"
                    kill(process.processIdentifier, SIGKILL)
                    process.waitUntilExit()
                }
            }
            if reason == nil, let data = try? Data(contentsOf: child.tally) {
                let part = try JSONDecoder().decode(FuzzChild.Tally.self, from: data)
                tally.accepted.merge(part.accepted, uniquingKeysWith: +)
                tally.refused.merge(part.refused, uniquingKeysWith: +)
                break
            }
            let ended = process.terminationReason == .uncaughtSignal ? "signal \(process.terminationStatus)" : "exit \(process.terminationStatus)"
            let isMemory = process.terminationReason == .exit && process.terminationStatus == FuzzChild.tooMuchMemory
            let index = try #require(Self.index(child.progress), "a process ended before its first input: \(ended)")
            let kept = try keep(plan, index)
            let why = reason ?? (isMemory ? "more than \(child.memoryLimit) MB" : ended)
            failures.append(Failure(index: index, target: plan.target(index).name, reason: why, file: kept))
            child.first = index + child.step
        }
        return (tally, failures)
    }

    /// This program again, as a child.
    private static func launch(_ child: FuzzChild, isFaulty: Bool) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
        process.arguments = ["--testing-library", "swift-testing", "--filter", "FuzzChildProcess"]
        let instructions = String(decoding: try JSONEncoder().encode(child), as: UTF8.self)
        process.environment = ProcessInfo.processInfo.environment.merging(
            [FuzzChild.variable: instructions, FuzzTargets.faultyVariable: isFaulty ? "1" : "0", "OMP_NUM_THREADS": "1", "SWIFT_BACKTRACE": "enable=no"]
        ) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    private static func index(_ progress: URL) -> Int? { (try? String(contentsOf: progress, encoding: .utf8)).flatMap { Int($0) } }

    private static func keep(_ plan: FuzzPlan, _ index: Int) throws -> URL {
        let (target, seed, _, bytes) = plan.input(index)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("seppo-fuzz-failures")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent("\(target.name)-\(plan.seed)-\(index)-\(seed.path.replacingOccurrences(of: "/", with: "-"))")
        try Data(bytes).write(to: file)
        return file
    }
}
