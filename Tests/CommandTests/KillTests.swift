import Foundation
import TestFiles
import Testing
import Torch

/// A run that is killed and resumed is the run that was never killed.
@Suite(.serialized) struct KillTests {
    private func arguments(_ run: URL, _ others: String...) -> [String] {
        Materials.align(run, iterations: 5, updates: 8, batch: 4) + ["--save-every", "3", "--caption-dropout", "0.2"] + others
    }

    @Test func fiveKillsAtRandomMomentsChangeNothing() throws {
        let folder = TemporaryFolder()
        let (whole, killed, twin) = (folder.url("whole"), folder.url("killed"), folder.url("twin"))
        let first = try Seppo.run(arguments(whole))
        #expect(first.code == 0, "\(first.error)")

        var resumedAfter: [Int] = []
        for kill in 0..<5 {
            let saved = try Self.updatesSaved(killed)
            let run = try Seppo(arguments(killed, "--resume"))
            // Four updates further there has been a save, whatever the start.
            let target = saved + 4 + Int.random(in: 0...1)
            try #require(run.waits { RunFiles(killed).updatesLogged >= target }, "kill \(kill) came too late")
            usleep(UInt32.random(in: 0...150_000))
            run.kill()
            let answer = try run.answer()
            #expect(answer.code == 128 + SIGKILL)
            if kill > 0 { resumedAfter.append(try #require(Self.resumedAfter(answer.error), "\(answer.error)")) }
            if kill == 2 { try FileManager.default.copyItem(at: killed, to: twin) }
        }
        let last = try Seppo.run(arguments(killed, "--resume"))
        #expect(last.code == 0, "\(last.error)")
        resumedAfter.append(try #require(Self.resumedAfter(last.error)))

        #expect(resumedAfter.count == 5 && resumedAfter.allSatisfy { $0 > 0 })
        #expect(resumedAfter == resumedAfter.sorted() && resumedAfter[4] > resumedAfter[0], "\(resumedAfter)")
        #expect(try RunFiles(killed).log() == RunFiles(whole).log())
        let weights = try RunFiles(whole).weights()
        #expect(weights.count == 6)
        #expect(try RunFiles(killed).weights() == weights)

        // The twin: one optimiser moment lost, and the weights are others.
        try Self.loseMoment(of: "conv_in.weight", in: twin)
        let other = try Seppo.run(arguments(twin, "--resume"))
        #expect(other.code == 0, "\(other.error)")
        #expect(try RunFiles(twin).weights() != weights)
    }

    /// "going on after update N" of a resumed run.
    private static func resumedAfter(_ text: String) -> Int? {
        text.split(separator: "\n").compactMap { line in
            line.hasPrefix("going on after update ") ? Int(line.dropFirst("going on after update ".count)) : nil
        }.first
    }

    /// By the name of the newest saved state, 0 where there is none.
    private static func updatesSaved(_ run: URL) throws -> Int {
        guard let name = try? String(contentsOf: run.appendingPathComponent("state/current"), encoding: .utf8) else { return 0 }
        return try #require(Int(name.prefix { $0.isNumber }))
    }

    /// Sets Adam's first moment of one tensor to zero in the newest state, as a program would that writes no checksum.
    private static func loseMoment(of tensor: String, in run: URL) throws {
        let state = run.appendingPathComponent("state")
        let name = try String(contentsOf: state.appendingPathComponent("current"), encoding: .utf8).trimmingCharacters(in: .newlines)
        let file = try SafeTensorsFile(state.appendingPathComponent(name))
        var tensors = try file.all()
        let moment = try #require(tensors["optimiser.first_moment.\(tensor)"])
        #expect(moment.values().contains { $0 != 0 })
        tensors["optimiser.first_moment.\(tensor)"] = moment.zerosLike()
        try SafeTensors.write(tensors, metadata: file.metadata.filter { $0.key != "crc32c" }, to: file.url)
    }
}
