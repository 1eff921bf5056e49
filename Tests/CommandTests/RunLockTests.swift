import Foundation
import TestFiles
import Testing

/// Two processes never work on one run, whatever happens to its files.
@Suite struct RunLockTests {
    private let folder = TemporaryFolder()
    private var output: URL { folder.url("run") }

    private func started() throws -> (run: Seppo, arguments: [String]) {
        let arguments = Materials.align(output, iterations: 1, updates: 1000, "--save-every", "1000")
        let run = try Seppo(arguments)
        try #require(run.waits { RunFiles(output).updatesLogged >= 2 })
        return (run, arguments)
    }

    @Test func theLockIsNotItsFile() throws {
        let (run, arguments) = try started()
        defer { run.kill() }
        let lock = output.appendingPathComponent("lock")
        try FileManager.default.removeItem(at: lock)
        for content in [nil, Data(), Data("mine".utf8)] {
            try content?.write(to: lock)
            let second = try Seppo.run(arguments + ["--resume"])
            #expect(second.code == 1 && second.error.contains("another process"), "\(second.error)")
        }
        #expect(run.process.isRunning)
        #expect(try Seppo.run("inspect", output.path, "--json").json?["run"].map { ($0 as? [String: Any])?["locked"] as? Bool } == true)
    }

    @Test func aFolderThatWasMovedIsNotWrittenTo() throws {
        let (run, _) = try started()
        let moved = folder.url("moved")
        try FileManager.default.moveItem(at: output, to: moved)
        try FileManager.default.createDirectory(at: output.appendingPathComponent("state"), withIntermediateDirectories: true)
        kill(run.process.processIdentifier, SIGTERM)
        let answer = try run.answer()
        #expect(answer.code == 1 && answer.error.contains("moved or removed"), "\(answer.error)")
        // Encoded winners belong to any run.
        #expect(try FolderContents(output).files.keys.filter { !$0.hasPrefix("cache/") }.isEmpty)
    }
}
