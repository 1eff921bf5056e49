import Foundation
import Media
import Storage

/// Winners as image folders: `00000.jpg`, the losing image `losers/00000.jpg` and `metadata.jsonl`. Clips lie there as `00000.mp4`, or as folders of frames.
public enum WinnerFolder {
    /// Copies the images' bytes as they are; an image that serves several winners is written once. The folder is there whole or not at all.
    /// - Parameters:
    ///   - parts: the winners of each folder in `folder`, by its name; the one named "" is `folder` itself
    ///   - folder: not there yet
    /// - Returns: what was left out, since it could not be read or is no image
    public static func write(
        _ parts: [(name: String, winners: [Winner])], to folder: URL, progress: (_ done: Int) throws -> Void = { _ in }
    ) throws -> [Skip] {
        let manager = FileManager.default
        let parent = folder.deletingLastPathComponent()
        try createFolder(parent)
        let partial = parent.appendingPathComponent(".partial-" + UUID().uuidString)
        defer { try? manager.removeItem(at: partial) }
        var skips: [Skip] = []
        var done = 0
        for part in parts {
            let target = part.name.isEmpty ? partial : partial.appendingPathComponent(part.name)
            skips += try write(part.winners, into: target) { try progress(done + $0) }
            done += part.winners.count
        }
        try progress(done)
        try manager.moveItem(at: partial, to: folder)
        return skips
    }

    private static func write(_ winners: [Winner], into folder: URL, progress: (Int) throws -> Void) throws -> [Skip] {
        try createFolder(folder.appendingPathComponent("losers"))
        var lines = Data()
        var skips: [Skip] = []
        var names: [String: String] = [:]
        var number = 0
        // A column is of one type wherever it is read.
        let statesLists = winners.contains { $0.captions.count > 1 }
        /// The name of the file that holds this image, which is written where it is not there yet.
        func file(_ medium: Medium, in prefix: String) throws -> String {
            if let name = names[medium.digest] { return name }
            let stem = prefix + String(format: "%05d", number)
            let name: String
            switch medium {
            case .image(let image):
                let file = try ImageFile(image)
                name = stem + "." + file.fileExtension
                try Data(file.bytes).write(to: folder.appendingPathComponent(name))
            case .clip(let clip): name = try clip.copy(to: folder, as: stem)
            }
            names[medium.digest] = name
            return name
        }
        for (index, winner) in winners.enumerated() {
            try progress(index)
            do {
                let image = try file(winner.medium, in: "")
                let loser = try winner.losingMedium.map { try file($0, in: "losers/") }
                let text = statesLists ? Text.several(winner.captions) : .one(winner.caption)
                lines += try JSONLines.line(Row(file_name: image, text: text, loser_file_name: loser, is_transmit: winner.medium.clip?.isTransmit))
                number += 1
            } catch let error as ImageError {
                skips.append(Skip(error))
            } catch let error as ClipError {
                skips.append(Skip(error))
            }
        }
        if number == 0 { throw WinnerSetError.noWinners(folder.path, lookedFor: "images to copy", skips) }
        if winners.allSatisfy({ $0.losingMedium == nil }) { try FileManager.default.removeItem(at: folder.appendingPathComponent("losers")) }
        try writeAtomically(lines, to: folder.appendingPathComponent("metadata.jsonl"))
        return skips
    }

    private struct Row: Encodable {
        let file_name: String
        let text: Text
        let loser_file_name: String?
        let is_transmit: Int?
    }

    private enum Text: Encodable {
        case one(String)
        case several([String])

        func encode(to encoder: Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .one(let caption): try container.encode(caption)
            case .several(let captions): try container.encode(captions)
            }
        }
    }
}
