import Foundation

/// Where the frames of one clip come from.
public enum ClipSource: Sendable, Equatable {
    /// A video file or an animated GIF, or the part of another file, such as an archive's, that is one.
    case file(String, range: Range<Int>? = nil)
    /// The bytes of such a file.
    case bytes([UInt8])
    /// Pictures by their paths, in order, and how many of them are shown a second.
    case frames([String], rate: Double)

    /// What the names of video files and animations end in, in lower case.
    public static let endings: Set<String> = ["mp4", "webm", "avi", "mkv", "mov", "flv", "wmv", "m4v", "mpg", "mpeg", "gif"]

    /// The rate of a folder of frames that nobody told, as AnimateDiff writes its clips.
    public static let usualRate = 8.0

    /// Whether bytes begin as those of a video file do (MP4, Matroska, AVI, FLV, ASF, MPEG). A GIF may as well be a picture.
    public static func mayBegin(with bytes: [UInt8]) -> Bool {
        func text(_ offset: Int, _ word: String) -> Bool { bytes.count >= offset + word.utf8.count && bytes[offset...].starts(with: word.utf8) }
        if text(4, "ftyp") { return !["avif", "avis", "heic", "heix", "heim", "heis", "mif1", "msf1"].contains { text(8, $0) } }
        if text(4, "moov") || text(4, "mdat") || text(4, "wide") { return true }
        if text(0, "RIFF"), text(8, "AVI ") { return true }
        let signatures: [[UInt8]] = [[0x1A, 0x45, 0xDF, 0xA3], Array("FLV".utf8), [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11], [0, 0, 1, 0xBA]]
        return signatures.contains { bytes.starts(with: $0) }
    }

    private static let pictures: Set<String> = ["png", "jpg", "jpeg", "jfif", "jpe", "webp"]

    /// The pictures of a folder in natural order: `2.png` before `10.png`. Subfolders and hidden files are passed over.
    public static func folder(_ folder: URL, rate: Double = usualRate) throws(ClipError) -> ClipSource {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder.path) } catch {
            throw ClipError(file: folder.path, reason: .file(String(cString: strerror(errno))))
        }
        let frames = names.filter { !$0.hasPrefix(".") && pictures.contains(URL(fileURLWithPath: $0).pathExtension.lowercased()) }
        guard !frames.isEmpty else { throw ClipError(file: folder.path, reason: .noFrames) }
        return .frames(frames.sorted(by: NaturalOrder.precedes).map { folder.path + "/" + $0 }, rate: rate)
    }
}

/// The order of names in which people count: runs of digits compare as numbers, everything else by bytes.
package enum NaturalOrder {
    package static func precedes(_ a: String, _ b: String) -> Bool {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        var (i, j) = (0, 0)
        while i < a.count, j < b.count {
            if isDigit(a[i]), isDigit(b[j]) {
                let (first, second) = (number(a, &i), number(b, &j))
                if first.count != second.count { return first.count < second.count }
                if first != second { return first.lexicographicallyPrecedes(second) }
            } else {
                if a[i] != b[j] { return a[i] < b[j] }
                (i, j) = (i + 1, j + 1)
            }
        }
        if (a.count - i) != (b.count - j) { return a.count - i < b.count - j }
        // Equal but for leading zeros.
        return a.lexicographicallyPrecedes(b)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { 48...57 ~= byte }

    /// The digits from `index` on, without leading zeros.
    private static func number(_ bytes: [UInt8], _ index: inout Int) -> ArraySlice<UInt8> {
        let start = index
        while index < bytes.count, isDigit(bytes[index]) { index += 1 }
        return bytes[start..<index].drop { $0 == 48 }
    }
}
