import Foundation
import TestFiles
import Testing

/// Files that may not be read or written, and files that are there no more.
@Suite struct PermissionTests {
    private let folder = TemporaryFolder()

    /// Permissions mean nothing to root: its children are started as nobody.
    private static let asNobody = getuid() == 0 ? ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
    private static let isPossible = asNobody.isEmpty || (try? Seppo.run(["--help"], by: asNobody).code) == 0

    private func permit(_ mode: Int, _ url: URL) throws { try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: url.path) }

    /// What is forbidden is named, and nothing is written.
    @Test(.enabled(if: isPossible, "needs setpriv and a build that nobody may read"), arguments: ["model", "winners", "winner", "output"])
    func permissionDenied(_ what: String) throws {
        let (model, winners, output) = (folder.url("model"), folder.url("winners"), folder.url("output"))
        try FileManager.default.copyItem(at: URL(fileURLWithPath: Materials.model), to: model)
        try FileManager.default.copyItem(at: Materials.winners, to: winners)
        try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
        try permit(0o755, folder.url)
        try permit(0o777, output)
        var arguments = Materials.align(output.appendingPathComponent("run"), winners: winners, iterations: 1, updates: 1)
        arguments[2] = model.path
        let weights = model.appendingPathComponent("unet/diffusion_pytorch_model.safetensors")
        let forbidden = ["model": weights, "winners": winners, "winner": winners.appendingPathComponent("00002.png"), "output": output][what]!
        let before = try #require(FileManager.default.attributesOfItem(atPath: forbidden.path)[.posixPermissions] as? Int)
        try permit(what == "output" ? 0o555 : 0, forbidden)
        defer { try? permit(before, forbidden) }
        let answer = try Seppo.run(arguments, by: Self.asNobody)
        if what == "winner" {
            // One picture is left out, and named.
            #expect(answer.code == 0 && answer.error.contains("00002.png: ") && answer.error.contains("Permission denied"), "\(answer.error)")
            return
        }
        #expect(answer.code == 1, "\(answer.error)")
        #expect(answer.error.contains(forbidden.path) && answer.error.contains("ermission"), "\(answer.error)")
        #expect(!FileManager.default.fileExists(atPath: output.appendingPathComponent("run/run.yaml").path))
        // The twin: with the permission it works.
        try permit(what == "output" ? 0o777 : 0o755, forbidden)
        let allowed = try Seppo.run(arguments, by: Self.asNobody)
        #expect(allowed.code == 0, "\(allowed.error)")
    }

    @Test func winnersThatVanishWhileTrainingAreMissedAtTheNextStart() throws {
        let (winners, output) = (try Materials.copyOfWinners(in: folder), folder.url("run"))
        let arguments = Materials.align(output, winners: winners, iterations: 1, updates: 12, "--save-every", "2")
        let run = try Seppo(arguments)
        try #require(run.waits { RunFiles(output).updatesLogged >= 5 })
        try FileManager.default.moveItem(at: winners, to: folder.url("away"))
        try #require(run.waits { RunFiles(output).updatesLogged >= 7 }, "what is encoded needs no files")
        run.kill()
        _ = try run.answer()
        let missed = try Seppo.run(arguments + ["--resume"])
        #expect(missed.code == 1 && missed.error.contains(winners.path), "\(missed.error)")
        try FileManager.default.moveItem(at: folder.url("away"), to: winners)
        let picture = winners.appendingPathComponent("00004.png")
        let bytes = try Data(contentsOf: picture)
        try FileManager.default.removeItem(at: picture)
        let other = try Seppo.run(arguments + ["--resume"])
        #expect(other.code == 1 && other.error.contains("winners: images"), "\(other.error)")
        try bytes.write(to: picture)
        let resumed = try Seppo.run(arguments + ["--resume"])
        #expect(resumed.code == 0 && resumed.error.contains("going on after update"), "\(resumed.error)")
    }
}
