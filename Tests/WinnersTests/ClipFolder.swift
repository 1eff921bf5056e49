import Foundation
import Media
import TestFiles
import Winners

/// A folder of small clips, every one another, and of texts beside them.
struct ClipFolder {
    private let temporary = TemporaryFolder()
    var url: URL { temporary.url.appendingPathComponent("data") }

    /// - Parameter clips: names of files, or of folders of frames where they have no ending
    init(_ clips: [String] = [], texts: [String: String] = [:]) throws {
        for (index, name) in clips.enumerated() {
            let file = url.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Self.clip(index).write(to: file)
        }
        for (name, text) in texts { try write(Array(text.utf8), to: name) }
    }

    /// Ten frames of 16 x 16 pixels, that grow brighter.
    static func clip(_ number: Int = 0, frames: Int = 10) -> Clip {
        Clip(
            (0..<frames).map { frame in
                RGBImage(width: 16, height: 16, pixels: (0..<256).flatMap { _ in [UInt8(20 * frame), UInt8(number * 20 & 255), 60] })
            }, rate: 8)
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        let file = url.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }

    func winners(_ name: String? = nil, columns: ParquetColumnNames = ParquetColumnNames()) throws -> WinnerSet {
        try WinnerSet.list(name.map(url.appendingPathComponent) ?? url, columns: columns)
    }

    func beside(_ name: String) -> URL { temporary.url(name) }
}

extension WinnerSet {
    /// `a.mp4: a cat`, where each winner is a clip.
    var clipLines: [String] { winners.map { "\($0.medium.clip == nil ? "no clip: " : "")\($0.medium.name): \($0.captions.joined(separator: " | "))" } }
}
