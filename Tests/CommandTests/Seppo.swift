import Foundation
import TestFiles

/// The command that was built beside these tests, as a process.
struct Seppo {
    let process = Process()
    private let output = TemporaryFolder()

    struct Answer {
        let code: Int32
        let out: String
        let error: String

        /// Standard output as the one JSON object that it should be.
        var json: [String: Any]? { (try? JSONSerialization.jsonObject(with: Data(out.utf8))) as? [String: Any] }
    }

    /// In place of the user's.
    private static let cache = FileManager.default.temporaryDirectory.appendingPathComponent("seppo-tests-cache")

    static let executable: URL = {
        let tests = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
        let places = [tests, Bundle.main.bundleURL, Bundle.main.bundleURL.deletingLastPathComponent()]
        return places.map { $0.appendingPathComponent("seppo") }.first { FileManager.default.isExecutableFile(atPath: $0.path) } ?? places[0]
    }()

    /// Starts the command and does not wait. Its output goes to files: a pipe that nobody reads would stop it.
    /// - Parameters:
    ///   - launcher: a program that starts it, with its arguments, such as one that sets limits
    ///   - build: another executable
    ///   - variables: of its environment, beside this process's
    init(
        _ arguments: [String], in folder: URL? = nil, by launcher: [String] = [], of build: URL? = nil, with variables: [String: String] = [:]
    ) throws {
        let words = launcher + [(build ?? Self.executable).path] + arguments
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(["OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": Self.cache.path]) { _, one in one }
            .merging(variables) { _, one in one }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try Self.file(output.url("out"))
        process.standardError = try Self.file(output.url("error"))
        try process.run()
    }

    /// Runs the command to its end.
    static func run(_ arguments: String..., in folder: URL? = nil) throws -> Answer { try Seppo(arguments, in: folder).answer() }
    static func run(_ arguments: [String], in folder: URL? = nil, by launcher: [String] = []) throws -> Answer {
        try Seppo(arguments, in: folder, by: launcher).answer()
    }

    /// Waits for the end. A process that died of a signal has the code that a shell gives it.
    func answer() throws -> Answer {
        process.waitUntilExit()
        let died = process.terminationReason == .uncaughtSignal
        return Answer(
            code: process.terminationStatus + (died ? 128 : 0), out: try String(contentsOf: output.url("out"), encoding: .utf8),
            error: try String(contentsOf: output.url("error"), encoding: .utf8))
    }

    /// What it has written to its standard error so far.
    var errors: String { (try? String(contentsOf: output.url("error"), encoding: .utf8)) ?? "" }

    /// Waits until something holds. False where the process ended, or a minute passed, before.
    func waits(for condition: () -> Bool) -> Bool {
        let limit = Date(timeIntervalSinceNow: 60)
        while !condition() {
            guard process.isRunning, Date() < limit else { return condition() && process.isRunning }
            usleep(2000)
        }
        return process.isRunning
    }

    func kill() { Foundation.kill(process.processIdentifier, SIGKILL) }

    private static func file(_ url: URL) throws -> FileHandle {
        try Data().write(to: url)
        return try FileHandle(forWritingTo: url)
    }
}
