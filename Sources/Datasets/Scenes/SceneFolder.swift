import Foundation
import Torch

/// A corpus of Scenes as an image folder: `00000.png`, the losing picture `losers/00000.png` and `metadata.jsonl`.
public enum SceneFolder {
    /// Throws what the file system says. The metadata come last: a folder that has them is whole.
    public static func write(_ corpus: SceneCorpus, to folder: URL) throws {
        let losers = folder.appendingPathComponent("losers")
        try FileManager.default.createDirectory(at: losers, withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var lines = Data()
        for index in corpus.indices {
            let name = String(format: "%05d.png", index)
            let sample = corpus.sample(at: index)
            try RGBImage(planar: sample.pixels).writePNG(to: folder.appendingPathComponent(name))
            try RGBImage(planar: corpus.loser(at: index).pixels).writePNG(to: losers.appendingPathComponent(name))
            lines += try encoder.encode(Row(file_name: name, text: sample.caption, loser_file_name: "losers/" + name)) + Data("\n".utf8)
        }
        try writeAtomically(lines, to: folder.appendingPathComponent("metadata.jsonl"))
    }

    private struct Row: Encodable {
        let file_name: String
        let text: String
        let loser_file_name: String
    }
}

extension RGBImage {
    /// From planar `[3, 32, 32]` in [0, 1].
    init(planar pixels: [Float]) {
        let side = SceneRenderer.size
        var bytes = [UInt8](repeating: 0, count: pixels.count)
        for channel in 0..<3 {
            for pixel in 0..<side * side { bytes[3 * pixel + channel] = UInt8((pixels[channel * side * side + pixel] * 255).rounded()) }
        }
        self.init(width: side, height: side, pixels: bytes)
    }
}
