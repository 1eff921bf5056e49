import Foundation
import TestFiles
import Testing

/// `seppo`, which does without libtorch, and the engine behind it.
@Suite struct TwoProgramsTests {
    #if os(Linux)
        /// What a program loads, by the dynamic loader's own account, which runs nothing of it.
        private func libraries(_ program: URL) throws -> String {
            let process = Process()
            let pipe = Pipe()
            process.executableURL = program
            process.environment = ProcessInfo.processInfo.environment.merging(["LD_TRACE_LOADED_OBJECTS": "1"]) { $1 }
            process.standardOutput = pipe
            try process.run()
            defer { process.waitUntilExit() }
            return String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        }

        @Test func theEngineAloneLoadsLibtorch() throws {
            let own = try libraries(Seppo.executable)
            #expect(own.contains("libarrow") && !own.contains("libtorch"), "\(own)")
            let engine = try libraries(Seppo.executable.deletingLastPathComponent().appendingPathComponent("seppo-engine"))
            #expect(engine.contains("libtorch"), "\(engine)")
        }
    #endif

    @Test func withoutTheEngineDataCommandsRunAndOthersSayWhatIsMissing() throws {
        let folder = TemporaryFolder()
        let alone = folder.url("seppo")
        try FileManager.default.copyItem(at: Seppo.executable, to: alone)
        let data = Fixture.url("parquet").appendingPathComponent("pick-a-pic.parquet").path
        let shown = try Seppo(["data", "show", data], of: alone).answer()
        #expect(shown.code == 0 && shown.out.contains("5 winners"), "\(shown)")
        let other = try Seppo(["inspect", data], of: alone).answer()
        #expect(other.code == 1 && other.error.contains("seppo-engine does not start"), "\(other)")
    }

    /// The help of all commands is one, whoever prints it.
    @Test func helpListsEveryCommand() throws {
        let help = try Seppo.run("--help")
        #expect(help.code == 0)
        for command in ["align", "data", "inspect"] { #expect(help.out.contains("  \(command) "), "\(help.out)") }
        #expect(try Seppo.run("data", "--help").out == Seppo.run("help", "data").out)
    }
}
