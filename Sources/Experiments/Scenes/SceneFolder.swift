import Foundation
import Media
import Storage

/// A corpus of Scenes as an image folder: `00000.png`, the losing picture `losers/00000.png` and `metadata.jsonl`.
public enum SceneFolder {
    /// The folder is there whole or not at all. Throws what the file system says, also where something lies there already; an empty folder is taken.
    public static func write(_ corpus: SceneCorpus, to folder: URL) throws { try replace(folder) { try draw(corpus, into: $0) } }

    /// Sees to it that a folder holds this corpus: writes it where nothing is, and throws where something else is.
    /// - Parameter writing: called before it is written
    public static func provide(_ corpus: SceneCorpus, in folder: URL, writing: () -> Void = {}) throws {
        try provide(metadata(corpus), in: folder) {
            writing()
            try write(corpus, to: folder)
        }
    }

    /// Puts a folder there whole or not at all, where nothing or an empty folder is.
    /// - Parameter fill: writes into a folder that lies beside it
    static func replace(_ folder: URL, _ fill: (URL) throws -> Void) throws {
        let manager = FileManager.default
        let parent = folder.deletingLastPathComponent()
        try createFolder(parent)
        let partial = parent.appendingPathComponent(".partial-" + UUID().uuidString)
        defer { try? manager.removeItem(at: partial) }
        try fill(partial)
        // Goes where it is empty, and stays otherwise.
        rmdir(folder.path)
        try manager.moveItem(at: partial, to: folder)
    }

    /// Writes what a folder lacks whose `metadata.jsonl` should be as given; throws where it is another.
    static func provide(_ metadata: Data, in folder: URL, _ write: () throws -> Void) throws {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        if names.isEmpty { return try write() }
        guard (try? Data(contentsOf: folder.appendingPathComponent("metadata.jsonl"))) == metadata else { throw SceneFolderError(path: folder.path) }
    }

    private static func draw(_ corpus: SceneCorpus, into folder: URL) throws {
        let losers = folder.appendingPathComponent("losers")
        try createFolder(losers)
        for index in corpus.indices {
            let name = name(index)
            try RGBImage(planar: corpus.sample(at: index).pixels).writePNG(to: folder.appendingPathComponent(name))
            try RGBImage(planar: corpus.loser(at: index).pixels).writePNG(to: losers.appendingPathComponent(name))
        }
        try writeAtomically(metadata(corpus), to: folder.appendingPathComponent("metadata.jsonl"))
    }

    private static func metadata(_ corpus: SceneCorpus) throws -> Data {
        return try corpus.indices.map { index in
            let row = Row(file_name: name(index), text: corpus.sample(at: index).caption, loser_file_name: "losers/" + name(index))
            return try JSONLines.line(row)
        }.reduce(into: Data()) { $0 += $1 }
    }

    private static func name(_ index: Int) -> String { String(format: "%05d.png", index) }

    private struct Row: Encodable {
        let file_name: String
        let text: String
        let loser_file_name: String
    }
}

/// That a folder holds something else than the pictures that were wanted there.
public struct SceneFolderError: Error, CustomStringConvertible {
    public let path: String

    public var description: String { "\(path) holds something else than the pictures that belong there: choose another folder, or move it away" }
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
