import Foundation
import Storage
import TestFiles
import Testing

@testable import Storage
@testable import Torch

/// The ranks that one process starts. The launcher runs in a process of its own, as it takes over that process's signals.
@Suite(.serialized, .timeLimit(.minutes(5))) struct LocalLauncherTests {
    @Test func everyRankKnowsItsPlaceAndItsThreads() async throws {
        let launch = try Launch(3, .showEnvironment, threads: 2)
        #expect(try await launch.outcome() == .init(code: 0, message: nil))
        #expect((0..<3).map(launch.note) == ["3 0 3 2", "3 1 3 2", "3 2 3 2"])
    }

    @Test func theRanksFindEachOther() async throws {
        let launch = try Launch(2, .exchangeAll)
        #expect(try await launch.outcome() == .init(code: 0, message: nil))
        #expect(launch.note(0).hasPrefix("done ") && launch.note(0) == launch.note(1))
    }

    @Test func aRankThatFailsIsNamedWithItsLastLines() async throws {
        let launch = try Launch(2, .ending(rank: 1, code: 7))
        let outcome = try await launch.outcome()
        #expect(outcome.code == 7)
        let message = try #require(outcome.message)
        #expect(message.hasPrefix("rank 1 ended with code 7; the last it said:") && message.contains("\n  the end of rank 1"), "\(message)")
        // What rank 0 says is shown already.
        #expect(try await Launch(2, .ending(rank: 0, code: 7)).outcome().message == nil)
    }

    @Test(arguments: [0, 1]) func aRankThatIsKilledIsNamed(victim: Int) async throws {
        let launch = try Launch(2, .sumForever)
        let ranks = try await launch.children(2)
        #expect(try await launch.waits { launch.note(0) == "summing" && launch.note(1) == "summing" })
        kill(ranks[victim]!, SIGKILL)
        let outcome = try await launch.outcome()
        #expect(outcome.code == 128 + SIGKILL && outcome.message?.hasPrefix("rank \(victim) was ended by signal 9") == true, "\(outcome)")
        #expect(launch.note(1 - victim) == "error rank \(victim) ended unexpectedly: the process was killed or crashed")
    }

    @Test func noChildOutlivesALauncherThatIsKilled() async throws {
        let launch = try Launch(3, .sumForever)
        let ranks = try await launch.children(3)
        #expect(try await launch.waits { launch.note(0) == "summing" })
        kill(launch.process.processIdentifier, SIGKILL)
        #expect(try await launch.waits(10) { ranks.values.allSatisfy { kill($0, 0) != 0 || isZombie($0) } })
    }

    @Test func aSignalReachesEveryRank() async throws {
        let launch = try Launch(3, .sleepingAlone)
        let ranks = try await launch.children(3)
        kill(launch.process.processIdentifier, SIGTERM)
        #expect(try await launch.outcome() == .init(code: 128 + SIGTERM, message: nil))
        #expect(ranks.values.allSatisfy { kill($0, 0) != 0 })
    }

    @Test func aProgramThatIsNotThereIsAnError() {
        let launcher = LocalLauncher(processes: 2, threads: 1, executable: URL(fileURLWithPath: "/no/such/program"), arguments: [])
        #expect(throws: SystemError.self) { try launcher.run() }
    }

    /// A child that has ended, and whose new parent has not looked yet.
    private func isZombie(_ identifier: pid_t) -> Bool {
        (try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8))?.contains(") Z ") == true
    }
}

/// A launcher in a process of its own.
private final class Launch {
    let process = Process()
    private let folder = TemporaryFolder()

    init(_ ranks: Int, _ deed: RankChild.Deed, threads: Int = 1) throws {
        let child = RankChild(folder: folder.url, deed: deed, timeout: 20)
        process.executableURL = RankChild.program
        process.arguments = ["--testing-library", "swift-testing", "--filter", "LauncherChildProcess"]
        let launch = LauncherChild(processes: ranks, threads: threads, words: child.words, outcome: folder.url("outcome"))
        process.environment = ProcessInfo.processInfo.environment.merging(
            [LauncherChild.variable: String(decoding: try JSONEncoder().encode(launch), as: UTF8.self)]
        ) { $1 }
        (process.standardInput, process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice, FileHandle.nullDevice)
        try process.run()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    func note(_ rank: Int) -> String { (try? String(contentsOf: folder.url("rank-\(rank)"), encoding: .utf8)) ?? "" }

    func waits(_ seconds: Double = 60, until condition: () -> Bool) async throws -> Bool {
        let watch = Stopwatch()
        while !condition() {
            guard watch.seconds < seconds else { return false }
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        return true
    }

    func outcome() async throws -> LocalLauncher.Outcome {
        try #require(try await waits { !process.isRunning })
        let text = try Data(contentsOf: folder.url("outcome"))
        let (code, message) = try JSONDecoder().decode(LauncherChild.Ending.self, from: text).pair
        return .init(code: code, message: message)
    }

    /// The processes of the ranks, by rank.
    func children(_ count: Int) async throws -> [Int: pid_t] {
        var found: [Int: pid_t] = [:]
        try #require(
            try await waits {
                found = Self.children(of: process.processIdentifier)
                return found.count == count
            })
        return found
    }

    private static func children(of parent: pid_t) -> [Int: pid_t] {
        var found: [Int: pid_t] = [:]
        let text = (try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)) ?? ""
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(parent)/task")) ?? []
        let lists = all.map { (try? String(contentsOfFile: "/proc/\(parent)/task/\($0)/children", encoding: .utf8)) ?? "" } + [text]
        for identifier in lists.flatMap({ $0.split(separator: " ") }).compactMap({ pid_t($0) }) {
            guard let environment = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(identifier)/environ")) else { continue }
            for word in environment.split(separator: 0) where word.starts(with: Data("RANK=".utf8)) {
                found[Int(String(decoding: word.dropFirst(5), as: UTF8.self)) ?? -1] = identifier
            }
        }
        return found
    }
}

/// What the process does that launches.
private struct LauncherChild: Codable {
    var processes: Int
    var threads: Int
    var words: [String: String]
    var outcome: URL

    static let variable = "SEPPO_LAUNCHER_CHILD"

    struct Ending: Codable {
        var code: Int32
        var message: String?
        var pair: (Int32, String?) { (code, message) }
    }

    func run() throws {
        let environment = ProcessInfo.processInfo.environment.filter { $0.key != Self.variable }.merging(words) { $1 }
        let launcher = LocalLauncher(
            processes: processes, threads: threads,
            executable: RankChild.program, arguments: RankChild.arguments, environment: environment, grace: 60)
        let ended = try launcher.run()
        try JSONEncoder().encode(Ending(code: ended.code, message: ended.message)).write(to: outcome)
    }
}

/// Empty unless this process was started to launch others.
@Suite(.enabled(if: ProcessInfo.processInfo.environment[LauncherChild.variable] != nil, "run by the tests of the launcher in a process of its own"))
struct LauncherChildProcess {
    @Test func launches() throws {
        let text = try #require(ProcessInfo.processInfo.environment[LauncherChild.variable])
        try JSONDecoder().decode(LauncherChild.self, from: Data(text.utf8)).run()
    }
}
