@testable import Alignment

/// What a damaged file is given back, so that a first check does not keep every mutant from the rest.
enum Repairs {
    /// Of a safetensors file: the length of its header, where braces show its end.
    @Sendable static func headerLength(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count > 8 else { return bytes }
        var (depth, isQuoted, end) = (0, false, 8)
        while end < bytes.count {
            let byte = bytes[end]
            end += 1
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if isQuoted && byte == UInt8(ascii: "\\") { end += 1 }
            if !isQuoted { depth += byte == UInt8(ascii: "{") ? 1 : byte == UInt8(ascii: "}") ? -1 : 0 }
            if !isQuoted && byte == UInt8(ascii: "}") && depth <= 0 { break }
        }
        while end < bytes.count, bytes[end] == UInt8(ascii: " ") { end += 1 }
        return littleEndian(UInt64(min(end, bytes.count) - 8), 8) + bytes[8...]
    }

    /// Of an event file: the checksums of every frame that its length leaves room for.
    @Sendable static func frameChecksums(_ bytes: [UInt8]) -> [UInt8] {
        var (repaired, start) = (bytes, 0)
        while bytes.count - start >= 12 {
            repaired.replaceSubrange(start + 8..<start + 12, with: littleEndian(UInt64(CRC32C.masked(bytes[start..<start + 8])), 4))
            guard let length = Int(exactly: bytes[start..<start + 8].littleEndian()), length <= bytes.count - start - 16 else { break }
            let end = start + 12 + length
            repaired.replaceSubrange(end..<end + 4, with: littleEndian(UInt64(CRC32C.masked(bytes[start + 12..<end])), 4))
            start = end + 4
        }
        return repaired
    }

    /// Of a tar archive: the checksum of every block that says it is a header.
    @Sendable static func tarChecksums(_ bytes: [UInt8]) -> [UInt8] {
        var repaired = bytes
        for block in stride(from: 0, to: bytes.count - 511, by: 512) where bytes[block + 257] == UInt8(ascii: "u") {
            let sum = (0..<512).reduce(0) { $0 + (148..<156 ~= $1 ? 32 : Int(bytes[block + $1])) }
            let digits = String(sum, radix: 8)
            repaired.replaceSubrange(block + 148..<block + 156, with: Array((String(repeating: "0", count: 6 - digits.count) + digits + "\0 ").utf8))
        }
        return repaired
    }

    /// Of a PNG file: the checksums of every chunk that its length leaves room for.
    @Sendable static func pngChecksums(_ bytes: [UInt8]) -> [UInt8] {
        var (repaired, start) = (bytes, 8)
        while bytes.count - start >= 12 {
            let length = Int(bytes[start..<start + 4].reversed().littleEndian())
            guard length <= bytes.count - start - 12 else { break }
            let end = start + 8 + length
            repaired.replaceSubrange(end..<end + 4, with: littleEndian(UInt64(crc32(bytes[start + 4..<end])), 4).reversed())
            start = end + 4
        }
        return repaired
    }

    /// Of a WebP file: the length of the whole.
    @Sendable static func riffLength(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count > 12 else { return bytes }
        return bytes[..<4] + littleEndian(UInt64(bytes.count - 8), 4) + bytes[8...]
    }

    private static func littleEndian(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    /// PNG, third edition, annex D.
    private static func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { crc, byte in (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 } }
    }
}
