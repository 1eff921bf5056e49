import Foundation
import Scoring
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
        let inspected = try Seppo.run("inspect", whole)
        #expect(inspected.code == 0 && !inspected.out.contains("not supported"), "\(inspected.out)")
        var arguments = Self.quick
        arguments[2] = whole
        #expect(try Seppo.run(arguments + ["--frames", "1", "--output", folder.url("one").path]).code == 0)
        #expect(try names("one/00000-7") == ["0000.png"])
        let evaluated = try Seppo.run("evaluate", "--model", whole, "--scenes", "--count", "1", "--seeds", "1", "--steps", "1")
        #expect(evaluated.code == 0 && evaluated.out.contains("dynamic_degree"), "\(evaluated.error)")
        // It learns from no pictures.
        let images = Fixture.folder.appendingPathComponent("parquet/images").path
        let aligned = try Seppo.run("align", "--model", whole, "--winners", images, "--output", folder.url("run").path)
        #expect(aligned.code != 0 && aligned.error.contains("draws clips"), "\(aligned.error)")
    }

    @Test func theBuiltInModelOfClipsIsJudgedOnMovingScenes() throws {
        let answer = try Seppo.run(
            "evaluate", "--model", "moving-scenes", "--base", "moving-scenes", "--scenes", "--count", "3", "--steps", "2", "--guidance", "1", "--json")
        #expect(answer.code == 0, "\(answer.error)")
        let comparison = try JSONDecoder().decode(Comparison.self, from: Data(answer.out.utf8))
        #expect(comparison.n == 6 && comparison.captions == 3 && comparison.results.count == 1)
        let scores = comparison.results[0].scores
        #expect(scores.keys.sorted() == ["appearance", "composite", "consistency", "dynamic_degree", "motion", "quality"])
        #expect(scores.values.allSatisfy { $0.difference?.mean == 0 })
    }

    /// From a folder of clips to aligned motion modules that other commands take.
    @Test func alignedFromClips() throws {
        let clips = folder.url("clips").path
        #expect(try Seppo.run("scenes", "--moving", "--count", "6", "--output", clips).code == 0)
        func align(_ name: String, _ more: [String] = []) throws -> Seppo.Answer {
            try Seppo.run(
                [
                    "align", "--model", Self.model, "--motion", Self.adapter, "--winners", clips, "--frames", "3", "--frame-rule", "uniform", "--batch", "4",
                    "--iterations", "2", "--updates", "2", "--sample-steps", "2", "--guidance", "1", "--learning-rate", "1e-3", "--validation-prompts", "1",
                    "--threads", "1", "--output", folder.url(name).path,
                ] + more)
        }
        let answer = try align("run")
        #expect(answer.code == 0, "\(answer.error)")
        #expect(answer.error.contains("linear betas") && answer.error.contains("in motion modules"), "\(answer.error)")
        #expect(try names("run/samples/k0002") == ["00.gif", "00.png", "metadata.jsonl"])
        let report = try String(contentsOf: folder.url("run/report.html"), encoding: .utf8)
        #expect(report.contains("data:image/gif;base64,"))
        let inspected = try Seppo.run("inspect", folder.url("run").path)
        #expect(inspected.code == 0, "\(inspected.out)")
        let finished = try align("run", ["--resume"]).error
        #expect(finished.contains("nothing is left to do") && !finished.contains("gone"), "\(finished)")
        // The run's last checkpoint over the base is its model.
        func frames(_ name: String, _ model: [String]) throws -> [Data] {
            let answer = try Seppo.run(
                ["generate", "--steps", "2", "--threads", "1", "--prompt", "a red circle", "--frames", "3", "--output", folder.url(name).path] + model)
            #expect(answer.code == 0, "\(answer.error)")
            return try (0..<3).map { try Data(contentsOf: folder.url("\(name)/00000-0/000\($0).png")) }
        }
        let whole = try frames("whole", ["--model", folder.url("run/model").path])
        let checkpoint = folder.url("run/checkpoints/0002/motion.safetensors").path
        #expect(try frames("over", ["--model", Self.model, "--motion", checkpoint]) == whole)
        #expect(try frames("before", ["--model", Self.model, "--motion", Self.adapter]) != whole, "the twin")
        let gif = folder.url("clip.gif")
        let drawn = try Seppo.run("generate", "--model", folder.url("run/model").path, "--steps", "2", "--prompt", "a", "--frames", "3", "--output", gif.path)
        #expect(try drawn.code == 0 && Data(contentsOf: gif).starts(with: Array("GIF89a".utf8)), "\(drawn.error)")
        // Two processes share out the clips.
        #expect(try align("two", ["--processes", "2"]).code == 0)
        func losses(_ name: String) throws -> [Double] {
            struct Update: Decodable { let loss: Double }
            let lines = try String(contentsOf: folder.url("\(name)/log.jsonl"), encoding: .utf8).split(separator: "\n")
            return try lines.map { try JSONDecoder().decode(Update.self, from: Data($0.utf8)).loss }
        }
        let (one, two) = (try losses("run"), try losses("two"))
        #expect(one.count == 4 && zip(one, two).allSatisfy { abs($0 - $1) <= 1e-4 * abs($0) }, "\(one) \(two)")
        // Options of clips mean nothing to a model of pictures.
        let still = try Seppo.run("align", "--model", Self.model, "--winners", clips, "--frames", "3", "--output", folder.url("still").path)
        #expect(still.code == 64 && still.error.contains("draws pictures"), "\(still.error)")
    }

    /// Clips with fewer frames than a model sees are trained on; how many is said once, and in the report.
    @Test func shortClipsAreCounted() throws {
        let clips = folder.url("clips").path
        #expect(try Seppo.run("scenes", "--moving", "--count", "4", "--output", clips).code == 0)
        func align(_ name: String, frames: Int) throws -> (said: Int, report: String) {
            let answer = try Seppo.run(
                "align", "--model", Self.model, "--motion", Self.adapter, "--winners", clips, "--frames", "\(frames)", "--frame-rule", "uniform", "--method",
                "sft",
                "--batch", "4", "--iterations", "1", "--updates", "2", "--validation-prompts", "0", "--held-out", "0", "--threads", "1", "--output",
                folder.url(name).path, "--cache", folder.url("cache").path)
            #expect(answer.code == 0, "\(answer.error)")
            let report = try String(contentsOf: folder.url("\(name)/report.html"), encoding: .utf8)
            return (answer.error.split(separator: "\n").count { $0.contains("clips too short for their \(frames) frames") && $0.hasSuffix("4 of 4") }, report)
        }
        // The clips have eight frames. The second run reads them from the cache.
        for name in ["short", "again"] {
            let (said, report) = try align(name, frames: 9)
            #expect(said == 1 && report.contains("clips too short for their 9 frames"), "\(name)")
        }
        let (said, report) = try align("long", frames: 8)
        #expect(said == 0 && !report.contains("too short"))
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
