import Foundation
import Media
import Storage

/// Winners as one WebDataset shard: `00000.jpg`, `00000.txt` (of several captions `00000.json`) and, where there is one, `00000.loser.jpg`.
public enum WinnerShard {
    /// Copies the images' bytes as they are. The file is there whole or not at all.
    /// - Returns: what was left out, since it could not be read or is no image
    public static func write(_ winners: [Winner], to file: URL, progress: (_ done: Int) throws -> Void = { _ in }) throws -> [Skip] {
        var skips: [Skip] = []
        try AtomicFile.write(to: file) { output in
            var number = 0
            for (index, winner) in winners.enumerated() {
                try progress(index)
                let (medium, loser): (MediumFile, MediumFile?)
                do {
                    (medium, loser) = (try MediumFile(winner.medium), try winner.losingMedium.map { try MediumFile($0) })
                } catch let error as ImageError {
                    skips.append(Skip(error))
                    continue
                } catch let error as ClipError {
                    skips.append(Skip(error))
                    continue
                }
                let name = String(format: "%05d", number)
                try output.write(Self.member(named: "\(name).\(medium.fileExtension)", medium.bytes))
                try output.write(try Self.captions(winner, named: name))
                if let loser { try output.write(Self.member(named: "\(name).loser.\(loser.fileExtension)", loser.bytes)) }
                number += 1
            }
            if number == 0 { throw WinnerSetError.noWinners(file.path, lookedFor: "images to copy", skips) }
            try progress(winners.count)
            // The end of an archive.
            try output.write(Data(count: 2 * TarHeader.length))
        }
        return skips
    }

    /// What a file of the archive holds.
    private struct MediumFile {
        let bytes: [UInt8]
        let fileExtension: String

        init(_ medium: Medium) throws {
            switch medium {
            case .image(let image):
                let file = try ImageFile(image)
                (bytes, fileExtension) = (file.bytes, file.fileExtension)
            case .clip(let clip): (bytes, fileExtension) = (try clip.bytes(), clip.fileExtension)
            }
        }
    }

    private static func captions(_ winner: Winner, named name: String) throws -> Data {
        if winner.captions.count == 1 { return member(named: "\(name).txt", Array(winner.caption.utf8)) }
        return member(named: "\(name).json", Array(try JSONEncoder().encode(["captions": winner.captions])))
    }

    /// A header in ustar form, the bytes, and zeros up to a whole block. Owner, group and time are zero, so that equal winners give equal files.
    private static func member(named name: String, _ bytes: [UInt8]) -> Data {
        var header = [UInt8](repeating: 0, count: TarHeader.length)
        func put(_ text: String, at offset: Int) { header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8) }
        func octal(_ value: Int, digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(name, at: 0)
        put(octal(0o644, digits: 7), at: 100)
        for (offset, digits) in [(108, 7), (116, 7), (136, 11)] { put(octal(0, digits: digits), at: offset) }
        put(octal(bytes.count, digits: 11), at: 124)
        put("0", at: 156)
        put("ustar\0" + "00", at: 257)
        put("        ", at: 148)
        put(octal(header.reduce(0) { $0 + Int($1) }, digits: 6) + "\0 ", at: 148)
        return Data(header) + Data(bytes) + Data(count: (TarHeader.length - bytes.count % TarHeader.length) % TarHeader.length)
    }
}
