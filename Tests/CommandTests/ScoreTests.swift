import Foundation
import Media
import TestFiles
import Testing

@Suite struct ScoreTests {
    /// A folder of clips, folders of frames of one grey each that grows with the frame.
    private func clips(_ folder: URL, names: [String], level: Int, frames: Int = 3, side: Int = 16) throws {
        for name in names {
            let clip = folder.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: clip, withIntermediateDirectories: true)
            for frame in 0..<frames {
                let pixels = [UInt8](repeating: UInt8(level + 20 * frame), count: side * side * 3)
                try RGBImage(width: side, height: side, pixels: pixels).writePNG(to: clip.appendingPathComponent("\(frame).png"))
            }
        }
    }

    @Test func foldersOfFramesAreMeasured() throws {
        let folder = TemporaryFolder()
        let names = ["00000-0", "00001-0", "00002-5"]
        try clips(folder.url("clips"), names: names, level: 51)
        try clips(folder.url("references"), names: names, level: 0)
        _ = try folder.write(
            names.map { #"{"file_name": "\#($0)", "text": "a square", "seed": 1}"# }.joined(separator: "\n"), to: "clips/metadata.jsonl")
        let answer = try Seppo.run(
            "score", "--media", folder.url("clips").path, "--reference", folder.url("references").path, "--metric", "psnr", "--metric", "ssim", "--floor",
            "--json")
        #expect(answer.code == 0, "\(answer.error)")
        let json = try #require(answer.json)
        #expect(json["n"] as? Int == 3)
        let psnr = try #require((json["metrics"] as? [String: [String: Any]])?["psnr"])
        // A difference of 51 of 255 is one of 0.2.
        #expect(abs((psnr["value"] as? Double ?? 0) - 13.9794) < 1e-3)
        #expect(psnr["n"] as? Int == 3 && psnr["preset"] as? String == "common-metrics" && psnr["unit"] as? String == "dB")
        #expect(psnr["higher_is_better"] as? Bool == true && psnr["low"] is Double && psnr["high"] is Double && psnr["frames"] as? Int == 3)
        let floors = try #require(json["floors"] as? [String: [String: [String: Any]]])
        #expect(floors.keys.sorted() == ["frozen", "reencoded", "shuffled"])
        let (frozen, reencoded) = (floors["frozen"]?["psnr"]?["value"] as? Double ?? 0, floors["reencoded"]?["psnr"]?["value"] as? Double ?? 0)
        #expect(frozen < reencoded)

        let text = try Seppo.run(
            "score", "--media", folder.url("clips").path, "--reference", folder.url("references").path, "--metric", "ssim")
        #expect(text.code == 0 && text.out.hasPrefix("ssim") && text.out.contains("higher is better"))
    }

    @Test func otherNamesArePairedByOrder() throws {
        let folder = TemporaryFolder()
        try clips(folder.url("clips"), names: ["a", "b"], level: 0)
        try clips(folder.url("references"), names: ["x", "y"], level: 0)
        try clips(folder.url("fewer"), names: ["x"], level: 0)
        func run(_ reference: String) throws -> Seppo.Answer {
            try Seppo.run("score", "--media", folder.url("clips").path, "--reference", folder.url(reference).path, "--metric", "psnr", "--json")
        }
        let answer = try run("references")
        #expect(answer.code == 0 && answer.error.contains("paired by order, a with x"), "\(answer.error)")
        let refused = try run("fewer")
        #expect(refused.code == 1 && refused.error.contains("2 clips") && refused.error.contains("1 references"), "\(refused.error)")
    }

    @Test func whatCannotBeMeasuredIsRefused() throws {
        let folder = TemporaryFolder()
        try clips(folder.url("clips"), names: ["a"], level: 0)
        try clips(folder.url("longer"), names: ["a"], level: 0, frames: 4)
        try clips(folder.url("mixed"), names: ["a"], level: 0)
        try RGBImage(width: 9, height: 9, pixels: [UInt8](repeating: 0, count: 243)).writePNG(to: folder.url("mixed/a/1.png"))
        try FileManager.default.createDirectory(at: folder.url("empty"), withIntermediateDirectories: true)
        try clips(folder.url("damaged"), names: ["a"], level: 0)
        try Data("no picture".utf8).write(to: folder.url("damaged/a/2.png"))
        try clips(folder.url("listed"), names: ["a"], level: 0)
        _ = try folder.write("{\"file_name\": 3}\n", to: "listed/metadata.jsonl")
        for (media, named) in [
            ("longer", "4 frames"), ("mixed", "1.png"), ("empty", "no frames"), ("nowhere", "no folder"), ("damaged", "2.png"), ("listed", "line 1"),
        ] {
            let answer = try Seppo.run("score", "--media", folder.url(media).path, "--reference", folder.url("clips").path, "--metric", "psnr")
            #expect(answer.code == 1 && answer.error.contains(named) && answer.out.isEmpty, "\(media): \(answer.error)")
        }
        let notWeights = Fixture.url("metrics/features.safetensors").path
        let answer = try Seppo.run(
            "score", "--media", folder.url("clips").path, "--reference", folder.url("clips").path, "--metric", "fvd=\(notWeights)")
        #expect(answer.code == 1 && answer.error.contains("features.safetensors"), "\(answer.error)")
    }

    @Test(
        arguments: [
            (["--metric", "sharpness"], "sharpness"), (["--metric", "fvd"], "fvd=FILE"), (["--metric", "psnr=x"], "psnr has no file"),
            (["--metric", "psnr", "psnr"], "twice"), (["--metric", "fvd=a", "kvd=b"], "same file"),
            (["--metric", "fvd=a", "--preset", "best"], "common-metrics"),
            ([], "--metric"),
        ] as [([String], String)])
    func wrongUsage(_ arguments: [String], _ named: String) throws {
        let answer = try Seppo.run(["score", "--media", "a", "--reference", "b"] + arguments)
        #expect(answer.code == 64 && answer.error.contains(named), "\(answer.error)")
    }
}
