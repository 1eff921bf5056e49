/// The first directory of a TIFF structure (TIFF 6.0, section 2), as far as it says how a picture is to be turned. Every place in it is a claim.
struct EXIFDirectory {
    private let bytes: [UInt8]
    private let isBigEndian: Bool

    private static let identifier = Array("Exif\0\0".utf8)

    /// Nil where the bytes are no TIFF structure.
    /// - Parameter exif: the structure from its byte-order mark on, behind `Exif\0\0` in some files, twice in a few
    init?(_ exif: [UInt8]) {
        bytes = Self.withoutIdentifier(exif)
        // Pillow also takes the version number in the wrong order, and the large format's in big-endian order.
        switch bytes.text(at: 0, 4) {
        case "MM\0*", "MM*\0", "MM\0+": isBigEndian = true
        case "II*\0", "II\0*": isBigEndian = false
        default: return nil
        }
        if bytes.count < 8 { return nil }
    }

    static func isEmpty(_ exif: [UInt8]) -> Bool { withoutIdentifier(exif).isEmpty }

    private static func withoutIdentifier(_ exif: [UInt8]) -> [UInt8] {
        var rest = exif[...]
        for _ in 0..<2 where rest.starts(with: identifier) { rest = rest.dropFirst(identifier.count) }
        return Array(rest)
    }

    /// Bytes of a number of each type. Types that are missing are not read at all.
    private static let sizes = [1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8]

    /// The number that the tag has, NaN where it has something else, and nil where it is missing.
    ///
    /// As Pillow reads it: the first entry of a type that is known and of a value that lies within the structure, whatever the numeric type.
    func number(ofTag wanted: Int) -> Double? {
        guard let directory = unsigned(at: 4, 4), let count = unsigned(at: directory, 2) else { return nil }
        var seen: Set<Int> = []
        var outside = 0
        for entry in 0..<count {
            let offset = directory + 2 + 12 * entry
            guard offset + 12 <= bytes.count, let tag = unsigned(at: offset, 2), let type = unsigned(at: offset + 2, 2),
                let values = unsigned(at: offset + 4, 4)
            else { return nil }
            guard !seen.contains(tag), let size = Self.sizes[type], values > 0 else { continue }
            var place = offset + 8
            if values * size > 4 {
                outside += values * size
                if outside > bytes.count { continue }
                guard let start = unsigned(at: place, 4), start + values * size <= bytes.count else { return nil }
                place = start
            }
            if tag == wanted { return number(at: place, type: type) }
            seen.insert(tag)
        }
        return nil
    }

    private func number(at place: Int, type: Int) -> Double {
        func value(_ offset: Int, _ size: Int) -> Int { unsigned(at: place + offset, size) ?? 0 }
        return switch type {
        case 3: Double(value(0, 2))
        case 4, 13: Double(value(0, 4))
        case 6: Double(Int8(truncatingIfNeeded: value(0, 1)))
        case 8: Double(Int16(truncatingIfNeeded: value(0, 2)))
        case 9: Double(Int32(truncatingIfNeeded: value(0, 4)))
        case 16: Double(UInt(bitPattern: value(0, 8)))
        case 5: Double(value(0, 4)) / Double(value(4, 4))
        case 10: Double(Int32(truncatingIfNeeded: value(0, 4))) / Double(Int32(truncatingIfNeeded: value(4, 4)))
        case 11: Double(Float(bitPattern: UInt32(value(0, 4))))
        case 12: Double(bitPattern: UInt64(bitPattern: Int64(value(0, 8))))
        default: .nan
        }
    }

    private func unsigned(at offset: Int, _ size: Int) -> Int? {
        isBigEndian ? bytes.bigEndian(at: offset, bytes: size) : bytes.littleEndian(at: offset, bytes: size)
    }
}
