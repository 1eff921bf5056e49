import Foundation
import Media
import Scoring
import TestFiles
import Testing
import Torch

/// `seppo evaluate --protocol` on a small test set in the published layout, and a small model with random weights.
@Suite struct ProtocolTests {
    private let folder = TemporaryFolder()
    private static let model = Fixture.folder.appendingPathComponent("pipeline/model").path
    private static let adapter = Fixture.folder.appendingPathComponent("motion/pipeline/adapter")
    private static let long = Array(repeating: "a red circle moves slowly over the blue square", count: 4).joined(separator: ", ")

    /// Six prompts: references of every kind, one of them short; of one row the clip is missing, of another it is damaged, one repeats an id.
    init() throws {
        let rows = [
            "v1,\"\(Self.long)\"", "v2,a blue square", "v3,a green circle", "v4,a red square", "gone,a whale", "broken,a fox", "v2,a blue square again",
        ]
        try write("videoid,name,sub_category,main_category\n" + rows.map { $0 + ",plant,biological" }.joined(separator: "\n") + "\n", to: "prompts.csv")
        try write("no clip", to: "references/broken.mp4")
        for (number, name) in ["v1.mp4", "v2.webm", "v3.gif", "v4"].enumerated() {
            try Self.clip(number, frames: number == 3 ? 2 : 9).write(to: folder.url("references/\(name)"))
        }
    }

    private func write(_ text: String, to name: String) throws {
        let url = folder.url(name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    /// A bright square on a ground that brightens, wider than high.
    private static func clip(_ number: Int, frames: Int) -> Clip {
        Clip(
            (0..<frames).map { frame in
                let pixels = (0..<32).flatMap { y in
                    (0..<48).flatMap { x -> [UInt8] in
                        let isInside = (8..<20).contains(y) && (2 * frame..<2 * frame + 12).contains(x - 6)
                        return isInside ? [230, UInt8(40 * number), 40] : [UInt8(30 + 20 * frame), 60, UInt8(90 + 30 * number)]
                    }
                }
                return RGBImage(width: 48, height: 32, pixels: pixels)
            }, rate: 8)
    }

    private var testSet: [String] {
        [
            "evaluate", "--protocol", "chronomagic-150", "--prompts", folder.url("prompts.csv").path, "--reference", folder.url("references").path, "--model",
            Self.model, "--threads", "1",
        ]
    }

    private var quick: [String] {
        testSet + ["--motion", Self.adapter.path, "--frames", "4", "--steps", "2", "--guidance", "1", "--resolution", "24", "--seeds", "2"]
    }

    /// The same adapter with modules that change nothing.
    private func stillAdapter() throws -> URL {
        let still = folder.url("still")
        try FileManager.default.copyItem(at: Self.adapter, to: still)
        let file = still.appendingPathComponent("diffusion_pytorch_model.safetensors")
        let tensors = try SafeTensorsFile(file).all().map { name, value in (name, name.contains("proj_out") ? value * 0 : value.clone()) }
        try FileManager.default.removeItem(at: file)
        try SafeTensors.write(Dictionary(uniqueKeysWithValues: tensors), metadata: ["format": "pt"], to: file)
        return still
    }

    private typealias Values = [String: [String: Any]]

    /// What `score` finds of what was written.
    private func scored(_ name: String) throws -> [String: Any] {
        let answer = try Seppo.run(
            "score", "--media", folder.url("out/\(name)").path, "--reference", folder.url("out/references").path, "--metric", "psnr", "ssim", "--floor",
            "--json",
            "--threads", "1")
        #expect(answer.code == 0, "\(answer.error)")
        return try #require(answer.json)
    }

    /// Motion of the clips in a folder of folders of PNG files, computed from their bytes.
    private func motion(_ name: String) throws -> Double {
        let clips = try FrameFolders(folder.url("out/\(name)")).clips
        let values = try clips.map { clip in
            let frames = try clip.frames.map { try RGBImage(contentsOf: $0).pixels }
            let differences = zip(frames, frames.dropFirst()).flatMap { zip($0, $1).map { abs(Double($0) - Double($1)) } }
            return differences.reduce(0, +) / Double(differences.count) / 255
        }
        return values.reduce(0, +) / Double(values.count)
    }

    @Test func everyColumnIsThereAndScoreFindsTheSame() throws {
        let answer = try Seppo.run(
            quick + ["--base", Self.model, "--base-motion", stillAdapter().path, "--output", folder.url("out").path, "--json"])
        #expect(answer.code == 0, "\(answer.error)")
        let json = try #require(answer.json)
        #expect(json["n"] as? Int == 8 && json["prompts"] as? Int == 4 && json["seeds"] as? Int == 2)
        let setup = try #require(json["setup"] as? [String: Any])
        #expect(setup["protocol"] as? String == "chronomagic-150" && setup["frames"] as? Int == 4 && setup["frame_rule"] as? String == "uniform")
        #expect(setup["steps"] as? Int == 2 && setup["guidance"] as? Double == 1 && setup["resolution"] as? Int == 24 && setup["drawn_width"] as? Int == 32)
        #expect(setup["sampler"] as? String == "pndm" && setup["preset"] as? String == "common-metrics" && setup["ddof"] as? Int == 1)
        #expect((setup["filter"] as? String)?.contains("bilinear") == true)

        // Against the other command, on the files that were written: the same to the last digit.
        let (metrics, base) = (try #require(json["metrics"] as? Values), try #require(json["base"] as? Values))
        #expect(metrics.keys.sorted() == ["psnr", "ssim"])
        for (found, name) in [(metrics, "model"), (base, "base")] {
            let score = try scored(name)
            let others = try #require(score["metrics"] as? Values)
            for metric in ["psnr", "ssim"] {
                for key in ["value", "low", "high"] {
                    #expect(found[metric]?[key] as? Double == others[metric]?[key] as? Double && found[metric]?[key] is Double, "\(name) \(metric) \(key)")
                }
            }
            let floors = try #require(json["floors"] as? [String: Values])
            #expect(floors.keys.sorted() == ["frozen", "reencoded", "shuffled"])
            for (floor, values) in try #require(score["floors"] as? [String: Values]) {
                #expect(values["psnr"]?["value"] as? Double == floors[floor]?["psnr"]?["value"] as? Double, "\(floor)")
            }
        }
        let difference = try #require((json["difference"] as? Values)?["psnr"])
        let change = (metrics["psnr"]?["value"] as? Double ?? 0) - (base["psnr"]?["value"] as? Double ?? 0)
        #expect(abs((difference["mean"] as? Double ?? .nan) - change) < 1e-9 && change != 0 && difference["win_rate"] is Double)

        let moved = try #require(json["motion"] as? [String: Any])
        func mean(_ key: String) -> Double { (moved[key] as? [String: Any])?["mean"] as? Double ?? .nan }
        for (key, name) in [("model", "model"), ("base", "base"), ("references", "references")] {
            #expect(abs(mean(key) - (try motion(name))) < 1e-9, "\(key)")
        }
        #expect(abs((moved["ratio"] as? Double ?? .nan) - mean("model") / mean("references")) < 1e-9)
        #expect((moved["floors"] as? [String: Double])?["frozen"] == 0)

        // Every model's clips have the same seeds, which are the prompts' own.
        func names(_ name: String) throws -> [String] { try FrameFolders(folder.url("out/\(name)")).clips.map(\.name) }
        let seeds = ["v1", "v2", "v3", "v4"].flatMap { id in (0..<2).map { ClipProtocol.chronoMagic150.seed(of: id, $0) } }
        #expect(try names("model") == seeds.enumerated().map { String(format: "%05d-%llu", $0, $1) })
        #expect(try names("base") == names("model") && names("references") == names("model"))
        #expect(try FrameFolders(folder.url("out/model")).clips[0].caption == Self.long)

        // FID has no number, neither have those without weights.
        let missing = try #require(json["not_measured"] as? [[String: String]])
        #expect(missing.compactMap { $0["metric"] } == ["fid", "fvd", "lpips"] && missing[0]["reason"]?.contains("2048") == true)
        let skipped = try #require(json["skipped"] as? [[String: Any]])
        #expect(skipped.count == 3)
        let notes = try #require(json["notes"] as? [String])
        for part in ["7 rows, and the published test set 150", "1 of 5 prompts is longer", "fewer than 4 frames", "too narrow", "is not known"] {
            #expect(notes.contains { $0.contains(part) } && answer.error.contains(part), "\(part): \(notes)")
        }
        for part in ["gone is missing", "broken.mp4", "v2 is there already"] { #expect(answer.error.contains(part), "\(part)") }
    }

    @Test func theTableIsForPeople() throws {
        let answer = try Seppo.run(quick + ["--count", "3"])
        #expect(answer.code == 0, "\(answer.error)")
        let lines = answer.out.split(separator: "\n").map(String.init)
        let header = try #require(lines.first { $0.contains("FID ↓") })
        #expect(header.split(separator: " ") == ["FID", "↓", "FVD", "↓", "LPIPS", "↓", "SSIM", "↑", "PSNR", "↑", "motion"])
        let model = try #require(lines.first { $0.hasPrefix("model") }).split(separator: " ")
        #expect(model.count == 7 && Array(model[1...3]) == ["–", "–", "–"] && Double(model[4]) != nil && Double(model[6]) != nil)
        for part in [
            "chronomagic-150: n 6, 3 prompts with 2 seeds each, 2 rows left out; 4 frames, rule uniform", "sampler pndm, 2 steps, guidance 1", "24 x 24",
            "frozen", "fid: –",
        ] {
            #expect(answer.out.contains(part), "\(part): \(answer.out)")
        }
        #expect(answer.error.contains("the first 3 are used"))
    }

    private static let weights = ProcessInfo.processInfo.environment["SEPPO_METRICS"].map { URL(fileURLWithPath: $0) }

    /// The same with the metrics that have weights.
    @Test(.enabled(if: weights != nil, "needs published weights: Scripts/metric-weights FOLDER, then SEPPO_METRICS=FOLDER"))
    func metricsWithWeightsAreThoseOfScore() throws {
        let weights = try #require(Self.weights)
        let metrics = [
            "--metric", "lpips=" + weights.appendingPathComponent("lpips-alex.safetensors").path,
            "fvd=" + weights.appendingPathComponent("i3d-kinetics-400.safetensors").path,
            "kvd=" + weights.appendingPathComponent("i3d-kinetics-400.safetensors").path,
        ]
        let answer = try Seppo.run(
            testSet + metrics + [
                "--motion", Self.adapter.path, "--frames", "10", "--steps", "2", "--guidance", "1", "--resolution", "48", "--output", folder.url("out").path,
                "--json",
            ])
        #expect(answer.code == 0 && answer.error.contains("fvd of 4 clips"), "\(answer.error)")
        let score = try Seppo.run(
            ["score", "--media", folder.url("out/model").path, "--reference", folder.url("out/references").path, "--json", "--floor", "--threads", "1"]
                + metrics)
        let (found, others) = (try #require(answer.json), try #require(score.json))
        for name in ["lpips", "fvd", "kvd"] {
            func value(_ json: [String: Any]) -> Double? { (json["metrics"] as? Values)?[name]?["value"] as? Double }
            func floor(_ json: [String: Any]) -> Double? { (json["floors"] as? [String: Values])?["frozen"]?[name]?["value"] as? Double }
            #expect(value(found) == value(others) && value(found) != nil && floor(found) == floor(others) && floor(found) != value(found), "\(name)")
        }
        #expect((found["not_measured"] as? [[String: String]])?.compactMap { $0["metric"] } == ["fid"])
    }

    // MARK: What a model was trained on

    @Test func testClipsThatWereTrainedOnAreRefused() throws {
        try FileManager.default.createDirectory(at: folder.url("winners"), withIntermediateDirectories: true)
        for (number, name) in ["v2", "other"].enumerated() {
            try Self.clip(4 + number, frames: 5).write(to: folder.url("winners/\(name).mp4"))
            try write("a caption of \(name)", to: "winners/\(name).txt")
        }
        let trained = ["--trained-on", folder.url("winners").path]
        let refused = try Seppo.run(quick + trained + ["--output", folder.url("out").path])
        #expect(refused.code == 1 && refused.error.contains("1 of 5 test clips") && refused.error.contains(": v2."), "\(refused.error)")
        #expect(!FileManager.default.fileExists(atPath: folder.url("out").path))
        let allowed = try Seppo.run(quick + trained + ["--allow-overlap", "--count", "1", "--json"])
        #expect(allowed.code == 0, "\(allowed.error)")
        #expect((allowed.json?["notes"] as? [String])?.contains { $0.contains("1 of 5 test clips") } == true)
        // The twin: winners that share nothing.
        try FileManager.default.removeItem(at: folder.url("winners/v2.mp4"))
        let others = try Seppo.run(quick + trained + ["--count", "1", "--json"])
        #expect(others.code == 0 && !others.error.contains("test clips"), "\(others.error)")
    }

    /// A run's model tells by where it lies which winners it was trained on.
    @Test func theWinnersOfARunAreFound() throws {
        try FileManager.default.createDirectory(at: folder.url("winners"), withIntermediateDirectories: true)
        try Self.clip(4, frames: 5).write(to: folder.url("winners/x.mp4"))
        try write("a blue square", to: "winners/x.txt")
        let run = folder.url("run")
        let made = try Seppo.run(
            "convert", "--model", Self.model, "--motion", Self.adapter.path, "--output", run.appendingPathComponent("model").path)
        #expect(made.code == 0, "\(made.error)")
        let settings = "model: \(Self.model)\nwinners: \(folder.url("winners").path)\niterations: 1\nupdates: 1\nbatch: 1\nseed: 0\n"
        try write(settings, to: "run/run.yaml")
        var arguments = testSet + ["--frames", "2", "--steps", "2", "--guidance", "1", "--resolution", "16", "--count", "1"]
        arguments[arguments.firstIndex(of: Self.model)!] = run.appendingPathComponent("model").path
        let refused = try Seppo.run(arguments)
        #expect(refused.code == 1 && refused.error.contains("1 of 5 test clips") && refused.error.contains("winners"), "\(refused.error)")
        try FileManager.default.removeItem(at: folder.url("winners"))
        let gone = try Seppo.run(arguments)
        #expect(gone.code == 0 && gone.error.contains("cannot be looked at"), "\(gone.error)")
        // The twin: the same model elsewhere.
        try FileManager.default.removeItem(at: run.appendingPathComponent("run.yaml"))
        let unknown = try Seppo.run(arguments)
        #expect(unknown.code == 0 && unknown.error.contains("is not known"), "\(unknown.error)")
    }

    // MARK: Refusals

    @Test func whatCannotBeMeasuredIsRefused() throws {
        func error(_ arguments: [String], code: Int32 = 1) throws -> String {
            let answer = try Seppo.run(arguments)
            #expect(answer.code == code && answer.out.isEmpty, "\(answer.error)")
            return answer.error
        }
        #expect(try error(testSet + ["--frames", "4"]).contains("draws pictures"))
        #expect(try error(quick + ["--frames", "99"]).contains("99"))
        #expect(try error(quick + ["--resolution", "8", "--output", folder.url("small").path]).contains("ssim needs frames of at least 11 pixels"))
        #expect(!FileManager.default.fileExists(atPath: folder.url("small").path))
        #expect(try error(quick + ["--metric", "lpips=\(Fixture.url("metrics/features.safetensors").path)"]).contains("features.safetensors"))
        #expect(try error(quick + ["--trained-on", folder.url("nowhere").path]).contains("nowhere"))
        try write("videoid,name\ngone,a whale\nbroken,a fox\n", to: "prompts.csv")
        let none = try error(quick)
        #expect(none.contains("no prompt has a reference clip") && none.contains("2 rows left out"), "\(none)")
        try write("something", to: "out/mine.txt")
        #expect(try error(quick + ["--output", folder.url("out").path], code: 64).contains("mine.txt"))
        #expect(try error(quick + ["--output", folder.url("references/out").path], code: 64).contains("--reference"))
    }
}
