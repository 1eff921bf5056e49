import Foundation
import TestFiles
import Testing

/// SIGINT and SIGTERM: the update in hand is finished and saved.
@Suite struct SignalTests {
    @Test(arguments: [SIGINT, SIGTERM]) func stopsAfterSavingAndGoesOn(signal: Int32) throws {
        let folder = TemporaryFolder()
        let output = folder.url("run")
        let arguments = Materials.align(output, iterations: 1, updates: 24, "--save-every", "1000")
        let run = try Seppo(arguments)
        try #require(run.waits { RunFiles(output).updatesLogged >= 2 })

        kill(run.process.processIdentifier, signal)
        let stopped = try run.answer()
        #expect(stopped.code == 128 + signal, "\(stopped.error)")
        #expect(stopped.error.contains("go on with --resume"))
        let done = RunFiles(output).updatesLogged
        #expect(done >= 2)

        let resumed = try Seppo.run(arguments + ["--resume"])
        #expect(resumed.code == 0, "\(resumed.error)")
        #expect(resumed.error.contains("going on after update \(done)\n"))
        #expect(RunFiles(output).updatesLogged == 24)
    }
}
