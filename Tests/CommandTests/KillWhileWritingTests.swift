import Foundation
import TestFiles
import Testing

/// `kill -9` in the middle of a file: the next start goes on, and the run is the one that was never killed.
@Suite(.serialized) struct KillWhileWritingTests {
    private let folder = TemporaryFolder()

    private func arguments(_ run: URL) -> [String] { Materials.align(run, iterations: 3, updates: 3, "--save-every", "1", "--resume") }

    /// The temporary files of a folder: what is being written.
    private static func partial(_ folder: URL) -> Bool {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).contains { $0.hasPrefix(".partial-") }
    }

    @Test func theNextStartGoesOn() throws {
        let (whole, run) = (folder.url("whole"), folder.url("run"))
        #expect(try Seppo.run(arguments(whole)).code == 0)
        for place in ["checkpoints/0001", "state", "state", "checkpoints/0002", "state", "checkpoints/0003", "state"] {
            let written = run.appendingPathComponent(place)
            // Writing takes milliseconds, and may be over before the signal comes: then the next time.
            var wasCaught = false
            for _ in 0..<20 where !wasCaught {
                if place != "state" { try Self.forget(written, of: run) }
                let process = try Seppo(arguments(run))
                while process.process.isRunning, !Self.partial(written) {}
                process.kill()
                let answer = try process.answer()
                if answer.code == 0 && place == "state" { break }
                wasCaught = Self.partial(written)
                #expect(try RunFiles(run).isWholeAsFarAsSaved(updates: 3))
            }
            if place != "state" { #expect(wasCaught, "\(place) was never caught in the middle") }
        }
        let last = try Seppo.run(arguments(run))
        #expect(last.code == 0, "\(last.error)")
        #expect(try RunFiles(run).log() == RunFiles(whole).log())
        #expect(try RunFiles(run).weights() == RunFiles(whole).weights())
        #expect(!["", "state", "checkpoints/0001"].contains { Self.partial(run.appendingPathComponent($0)) })
    }

    /// Goes back to before a folder was written, as far as the run has gone beyond.
    private static func forget(_ written: URL, of run: URL) throws {
        guard FileManager.default.fileExists(atPath: written.path), !partial(written) else { return }
        try? FileManager.default.removeItem(at: run)
    }
}
