import Foundation
import Media
import Storage

/// A corpus of moving scenes as a data set of clips: `00000/0000.png` … `0007.png`, a folder of frames each, and `metadata.jsonl`, whose lines name a
/// folder, its caption and its rate, as musubi-tuner's do.
public enum MovingSceneFolder {
    /// The folder is there whole or not at all. Throws what the file system says, also where something lies there already; an empty folder is taken.
    public static func write(_ corpus: MovingSceneCorpus, to folder: URL) throws {
        try SceneFolder.replace(folder) { partial in
            for index in corpus.indices { try writeFrames(of: corpus.sample(at: index).pixels, to: partial.appendingPathComponent(name(index))) }
            try writeAtomically(metadata(corpus), to: partial.appendingPathComponent("metadata.jsonl"))
        }
    }

    /// Sees to it that a folder holds this corpus: writes it where nothing is, and throws where something else is.
    /// - Parameter writing: called before it is written
    public static func provide(_ corpus: MovingSceneCorpus, in folder: URL, writing: () -> Void = {}) throws {
        try SceneFolder.provide(metadata(corpus), in: folder) {
            writing()
            try write(corpus, to: folder)
        }
    }

    private static func writeFrames(of pixels: [Float], to folder: URL) throws {
        try createFolder(folder)
        let values = SceneRenderer.valuesPerImage
        for frame in 0..<MovingSceneRenderer.frames {
            let image = RGBImage(planar: Array(pixels[frame * values..<(frame + 1) * values]))
            try image.writePNG(to: folder.appendingPathComponent(String(format: "%04d.png", frame)))
        }
    }

    private static func metadata(_ corpus: MovingSceneCorpus) throws -> Data {
        try corpus.indices.map { index in
            try JSONLines.line(Row(video_path: name(index), caption: corpus.scene(at: index).caption, fps: MovingSceneRenderer.framesPerSecond))
        }.reduce(into: Data()) { $0 += $1 }
    }

    private static func name(_ index: Int) -> String { String(format: "%05d", index) }

    private struct Row: Encodable {
        let video_path: String
        let caption: String
        let fps: Double
    }
}
