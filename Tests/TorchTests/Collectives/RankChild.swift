import Foundation
import Storage
import TestFiles
import Testing
import Torch

/// What one rank does, in a process of its own: this test program again, with these words in its environment.
struct RankChild: Codable {
    var folder: URL
    var deed: Deed
    var timeout = 60.0
    var identity = RankIdentity(version: "1", settings: "a\nb")
    var data = "c"

    enum Deed: Codable {
        /// Sums, gathers and broadcasts; the outcome is a digest of all results.
        case exchangeAll
        /// Sums until it is ended.
        case sumForever
        /// Sums twice, then this rank's thread sleeps, saying so or not.
        case sleeping(rank: Int, seconds: Double, isSaid: Bool)
        /// Sums again and again, one rank each time a little later than the other.
        case comingLater
        /// Sums twice, then this rank says that it cannot go on.
        case failing(rank: Int, reason: String)
        /// Opens the group and never exchanges anything.
        case neverComing
        /// Writes how it was started.
        case showEnvironment
        /// Ends at once with this code, in this rank.
        case ending(rank: Int, code: Int32)
        /// Waits for a signal.
        case sleepingAlone
    }

    static let variable = "SEPPO_RANK_CHILD"

    var words: [String: String] {
        [Self.variable: String(decoding: try! JSONEncoder().encode(self), as: UTF8.self), "OMP_NUM_THREADS": "1", "SWIFT_BACKTRACE": "enable=no"]
    }
    static let program = URL(fileURLWithPath: CommandLine.arguments[0])
    static let arguments = ["--testing-library", "swift-testing", "--filter", "RankChildProcess"]

    /// Writes how far a rank is, for the test that watches.
    func note(_ rank: Int, _ text: String) {
        try? Data(text.utf8).write(to: folder.appendingPathComponent("rank-\(rank)"), options: .atomic)
    }

    func run() throws {
        if case .sleepingAlone = deed { while true { sleep(10) } }
        let environment = try RankEnvironment()
        let rank = environment.rank
        if case .showEnvironment = deed {
            return note(rank, "\(environment.size) \(environment.localRank) \(environment.localSize) \(Runtime.threads)")
        }
        if case .ending(rank, let code) = deed {
            FileHandle.standardError.write(Data("the end of rank \(rank)\n".utf8))
            _exit(code)
        }
        note(rank, "started")
        do {
            let group = try ProcessGroup.open(environment, identity: identity, timeout: timeout)
            note(rank, "open")
            try group.requireSameData(data)
            let outcome = try act(group)
            try group.close()
            note(rank, "done " + outcome)
        } catch {
            note(rank, "error " + "\(error)")
            FileHandle.standardError.write(Data("Error: \(error)\n".utf8))
            exit(1)
        }
    }

    private func act(_ group: any Collective) throws -> String {
        switch deed {
        case .exchangeAll: return try Exchanges(group).run()
        case .sumForever, .ending:
            let tensor = Tensor.ones([1000])
            for count in 0... {
                try group.sum(tensor)
                if count == 3 { note(group.rank, "summing") }
            }
            return ""
        case .sleeping(let rank, let seconds, let isSaid):
            let tensor = Tensor.ones([10])
            for _ in 0..<2 { try group.sum(tensor) }
            if rank == group.rank {
                note(rank, "sleeping")
                let nap = { usleep(UInt32(seconds * 1e6)) }
                _ = isSaid ? group.whileOthersWait(nap) : nap()
            }
            try group.sum(tensor)
            return ""
        case .comingLater:
            let tensor = Tensor.ones([10])
            for round in 0..<200 {
                if group.rank == 1 { usleep(UInt32(49_400 + round * 6)) }
                try group.sum(tensor)
            }
            return ""
        case .failing(let rank, let reason):
            let tensor = Tensor.ones([10])
            for _ in 0..<2 { try group.sum(tensor) }
            if rank == group.rank {
                group.fail(reason)
                throw RankFault([rank], .failed(reason))
            }
            try group.sum(tensor)
            return ""
        case .neverComing:
            while true { sleep(10) }
        case .showEnvironment, .sleepingAlone: return ""
        }
    }
}

/// Empty unless this process was started as a rank.
@Suite(.enabled(if: ProcessInfo.processInfo.environment[RankChild.variable] != nil, "run by the tests of collectives in processes of their own"))
struct RankChildProcess {
    @Test func works() throws {
        let text = try #require(ProcessInfo.processInfo.environment[RankChild.variable])
        try JSONDecoder().decode(RankChild.self, from: Data(text.utf8)).run()
    }
}

/// Ranks of one group as processes.
final class Ranks {
    let folder = TemporaryFolder()
    private(set) var processes: [Int: Process] = [:]
    private let size: Int
    private let port: UInt16

    init(_ size: Int) throws {
        self.size = size
        port = try freePort()
    }

    deinit { for process in processes.values where process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// Starts a rank, with others of the words of its environment.
    func start(
        _ rank: Int, _ deed: RankChild.Deed, timeout: Double = 60, identity: RankIdentity? = nil, data: String? = nil, with others: [String: String] = [:]
    ) throws {
        var child = RankChild(folder: folder.url, deed: deed, timeout: timeout)
        if let identity { child.identity = identity }
        if let data { child.data = data }
        let process = Process()
        process.executableURL = RankChild.program
        process.arguments = RankChild.arguments
        process.environment = ProcessInfo.processInfo.environment.merging(child.words) { $1 }.merging(
            ["RANK": "\(rank)", "WORLD_SIZE": "\(size)", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(port)"]
        ) { $1 }.merging(others) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try Data().write(to: folder.url("error-\(rank)"))
        process.standardError = try FileHandle(forWritingTo: folder.url("error-\(rank)"))
        try process.run()
        processes[rank] = process
    }

    func startAll(_ deed: RankChild.Deed, timeout: Double = 60) throws { for rank in 0..<size { try start(rank, deed, timeout: timeout) } }

    func signal(_ rank: Int, _ number: Int32) { kill(processes[rank]!.processIdentifier, number) }

    /// Waits for the ranks to end.
    /// - Returns: the seconds it took, nil where it is over before
    func wait(for ranks: [Int], seconds: Double) async throws -> Double? {
        try await waits(seconds) { ranks.allSatisfy { !self.processes[$0]!.isRunning } }
    }

    func waits(_ seconds: Double = 60, until condition: () -> Bool) async throws -> Double? {
        let watch = Stopwatch()
        while !condition() {
            guard watch.seconds < seconds else { return nil }
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        return watch.seconds
    }

    /// What a rank noted last.
    func note(_ rank: Int) -> String { (try? String(contentsOf: folder.url("rank-\(rank)"), encoding: .utf8)) ?? "" }
    func errors(_ rank: Int) -> String { (try? String(contentsOf: folder.url("error-\(rank)"), encoding: .utf8)) ?? "" }
    func code(_ rank: Int) -> Int32 { processes[rank]!.terminationStatus }
}
