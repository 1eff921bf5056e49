import Foundation
import Media
import TestFiles
import Winners

/// A folder of small pictures, every one another, and of texts beside them.
struct PictureFolder {
    private let temporary = TemporaryFolder()
    var url: URL { temporary.url.appendingPathComponent("data") }

    init(_ pictures: [String] = [], texts: [String: String] = [:]) throws {
        for (index, name) in pictures.enumerated() {
            try write(RGBImage(width: 1, height: 1, pixels: [UInt8(index), 2, 3]).encodedPNG(), to: name)
        }
        for (name, text) in texts { try write(Array(text.utf8), to: name) }
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        let file = url.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
    }

    /// A folder beside this one, outside of it.
    func beside(_ name: String) -> URL { temporary.url(name) }

    func winners(columns: ParquetColumnNames = ParquetColumnNames(), captionLines: CaptionLines = .join) throws -> WinnerSet {
        try WinnerSet.list(url, columns: columns, captionLines: captionLines)
    }
}

extension WinnerSet {
    /// `a.png: a cat`.
    var lines: [String] { winners.map { "\($0.image.name): \($0.captions.joined(separator: " | "))" } }
    var leftOut: [String] { report.map(\.description) }
}
