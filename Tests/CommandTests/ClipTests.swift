import Foundation
import TestFiles
import Testing

/// A model that draws clips, as commands take it.
@Suite struct ClipTests {
    private let folder = TemporaryFolder()
    private static let model = Fixture.folder.appendingPathComponent("pipeline/model").path
    private static let adapter = Fixture.folder.appendingPathComponent("motion/pipeline/adapter").path
    private static let quick = ["generate", "--model", model, "--steps", "2", "--threads", "1", "--prompt", "a red circle", "--seed", "7"]

    private func names(_ path: String) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.url(path).path).sorted() }

    @Test func clipsAreFoldersOfTheirFrames() throws {
        let answer = try Seppo.run(Self.quick + ["--motion", Self.adapter, "--frames", "3", "--count", "2", "--output", folder.url("clips").path])
        #expect(answer.code == 0, "\(answer.error)")
        #expect(answer.error.contains("linear betas"), "the noise schedule is said")
        #expect(try names("clips") == ["00000-7", "00001-8", "metadata.jsonl"])
        #expect(try names("clips/00001-8") == ["0000.png", "0001.png", "0002.png"])
        let rows = try String(contentsOf: folder.url("clips/metadata.jsonl"), encoding: .utf8).split(separator: "\n")
        #expect(rows.count == 2 && rows[0].contains("\"00000-7\""))
        #expect(try Data(contentsOf: folder.url("clips/00000-7/0000.png")) != Data(contentsOf: folder.url("clips/00000-7/0002.png")))
    }

    @Test func aModelOfClipsIsWrittenWhole() throws {
        let whole = folder.url("whole").path
        #expect(try Seppo.run("convert", "--model", Self.model, "--motion", Self.adapter, "--output", whole).code == 0)
        #expect(try names("whole").contains("motion_adapter"))
        var arguments = Self.quick
        arguments[2] = whole
        #expect(try Seppo.run(arguments + ["--frames", "1", "--output", folder.url("one").path]).code == 0)
        #expect(try names("one/00000-7") == ["0000.png"])
        // What does pictures alone says so.
        let evaluated = try Seppo.run("evaluate", "--model", whole, "--scenes", "--count", "1", "--steps", "1")
        #expect(evaluated.code == 1 && evaluated.error.contains("draws clips"), "\(evaluated.error)")
        let images = Fixture.folder.appendingPathComponent("parquet/images").path
        let aligned = try Seppo.run("align", "--model", whole, "--winners", images, "--output", folder.url("run").path)
        #expect(aligned.code != 0 && aligned.error.contains("draws clips"), "\(aligned.error)")
    }

    @Test func whatCannotBeIsRefused() throws {
        func error(_ arguments: [String]) throws -> String {
            let answer = try Seppo.run(Self.quick + arguments)
            #expect(answer.code != 0)
            return answer.error
        }
        #expect(try error(["--frames", "2", "--output", folder.url("a").path]).contains("no motion modules"))
        let tooLong = try error(["--motion", Self.adapter, "--frames", "17", "--output", folder.url("b").path])
        #expect(tooLong.contains("17") && tooLong.contains("16"))
        #expect(try error(["--motion", Self.adapter, "--output", folder.url("c.png").path]).contains("folders of frames"))
        #expect(try error(["--motion", Self.model, "--output", folder.url("d").path]).contains("no motion modules"))
    }
}
