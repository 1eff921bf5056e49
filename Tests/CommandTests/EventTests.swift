import Foundation
import TestFiles
import Testing

/// What TensorBoard sees of a run.
@Suite struct EventTests {
    private static let hasTensorBoard = Python.has("numpy", "PIL", "tensorboard", "yaml")

    @Test(.enabled(if: hasTensorBoard, "needs a Python with tensorboard, numpy, Pillow and PyYAML: SEPPO_PYTHON"))
    func tensorBoardReadsEveryNumberImageAndSetting() throws {
        let folder = TemporaryFolder()
        let run = folder.url("run")
        let arguments = Materials.align(run, "--held-out", "0.2", "--validation-prompts", "2", "--save-every", "1")
        let started = try Seppo(arguments)
        try #require(started.waits { RunFiles(run).updatesLogged >= 2 })
        started.kill()
        _ = try started.answer()
        let answer = try Seppo.run(arguments + ["--resume"])
        #expect(answer.code == 0, "\(answer.error)")
        let script = Fixture.url("check_events.py")
        let check = try Python.run([script.path, run.path])
        #expect(check.status == 0, "\(check.errors)")

        // The twins: a number, and a picture, that are others.
        let log = run.appendingPathComponent("log.jsonl")
        let lines = try String(contentsOf: log, encoding: .utf8)
        try lines.replacing("\"examples\":4", with: "\"examples\":5", maxReplacements: 1).write(to: log, atomically: true, encoding: .utf8)
        #expect(try Python.run([script.path, run.path]).errors.contains("train/examples"))
        try lines.write(to: log, atomically: true, encoding: .utf8)
        let picture = run.appendingPathComponent("samples/k0001/00.png")
        try Data(contentsOf: run.appendingPathComponent("samples/k0001/01.png")).write(to: picture)
        #expect(try Python.run([script.path, run.path]).errors.contains("samples/00"))
    }
}
