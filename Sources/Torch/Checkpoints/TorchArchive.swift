import Foundation
import Storage

/// The zip archive that `torch.save` writes: entries stored as they are, of which the directory at the end says where they lie.
struct TorchArchive {
    struct Entry: Equatable {
        let range: Range<Int>
        let checksum: UInt32
    }

    /// By their names without the first folder, which all have in common.
    let entries: [String: Entry]

    static let start: [UInt8] = [0x50, 0x4B, 0x03, 0x04]
    private static let mostEntries = 1_000_000

    /// Reads the directory. Nothing of the entries but their first bytes is touched.
    init(_ bytes: UnsafeRawBufferPointer) throws(TorchCheckpointError.Problem) {
        let directory = try Directory(bytes)
        var place = directory.start
        var entries: [String: Entry] = [:]
        var root: Substring?
        var ranges: [Range<Int>] = []
        for _ in 0..<directory.count {
            let (name, entry, next) = try Self.entry(bytes, at: place, directory)
            place = next
            let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !name.split(separator: "/", omittingEmptySubsequences: false).contains("..") else {
                throw .archive("an entry is called \(name)")
            }
            if let root, root != parts[0] { throw .archive("its entries lie in two folders, \(root) and \(parts[0])") }
            root = parts[0]
            guard entries.updateValue(entry, forKey: String(parts[1])) == nil else { throw .archive("two entries are called \(name)") }
            ranges.append(entry.range)
        }
        ranges.sort { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
        for (one, next) in zip(ranges, ranges.dropFirst()) where one.upperBound > next.lowerBound { throw .archive("two entries overlap") }
        self.entries = entries
    }

    /// Where the directory of the entries lies.
    private struct Directory {
        let start: Int
        let end: Int
        let count: Int

        init(_ bytes: UnsafeRawBufferPointer) throws(TorchCheckpointError.Problem) {
            // The end record has 22 bytes and a comment of 65,535 at most.
            let first = max(0, bytes.count - 22 - 65_535)
            guard
                let record = stride(from: bytes.count - 22, through: first, by: -1).first(where: {
                    bytes.number($0, 4) == 0x0605_4B50 && bytes.number($0 + 20, 2) == bytes.count - 22 - $0
                })
            else { throw .archive("it has no end: truncated? Was its download cut short?") }
            var (count, size, offset) = (bytes.number(record + 10, 2), bytes.number(record + 12, 4), bytes.number(record + 16, 4))
            var end = record
            let locator = record - 20
            if locator >= 0, bytes.number(locator, 4) == 0x0706_4B50 {
                let wide = bytes.number(locator + 8, 8)
                guard wide >= 0, wide <= locator - 56, bytes.number(wide, 4) == 0x0606_4B50 else { throw .archive("its ZIP64 end lies elsewhere") }
                (count, size, offset) = (bytes.number(wide + 32, 8), bytes.number(wide + 40, 8), bytes.number(wide + 48, 8))
                end = wide
            }
            guard count >= 0, count <= TorchArchive.mostEntries else { throw .archive("it has \(count) entries") }
            guard offset >= 0, size >= 0, offset <= end, size <= end - offset else { throw .archive("its directory lies beyond it") }
            (start, self.end, self.count) = (offset, offset + size, count)
        }
    }

    private static func entry(
        _ bytes: UnsafeRawBufferPointer, at place: Int, _ directory: Directory
    ) throws(TorchCheckpointError.Problem) -> (name: String, Entry, next: Int) {
        guard place <= directory.end - 46, bytes.number(place, 4) == 0x0201_4B50 else { throw .archive("its directory is cut short") }
        let (flags, method) = (bytes.number(place + 8, 2), bytes.number(place + 10, 2))
        let (nameLength, extraLength, commentLength) = (bytes.number(place + 28, 2), bytes.number(place + 30, 2), bytes.number(place + 32, 2))
        let next = place + 46 + nameLength + extraLength + commentLength
        guard next <= directory.end else { throw .archive("its directory is cut short") }
        guard let name = String(validating: bytes[place + 46..<place + 46 + nameLength], as: UTF8.self) else { throw .archive("a name is not UTF-8") }
        guard flags & 1 == 0 else { throw .archive("\(name) is encrypted") }
        // Of a program every source is.
        guard method == 0 else { throw name.contains("/code/") ? .torchScript : .archive("\(name) is compressed") }
        var (stored, size, offset) = (bytes.number(place + 20, 4), bytes.number(place + 24, 4), bytes.number(place + 42, 4))
        // In the ZIP64 field are those that do not fit into 32 bits, in this order.
        var extra = place + 46 + nameLength
        let extraEnd = extra + extraLength
        while extra + 4 <= extraEnd {
            let (kind, length) = (bytes.number(extra, 2), bytes.number(extra + 2, 2))
            guard length <= extraEnd - extra - 4 else { throw .archive("\(name) has a field that is cut short") }
            if kind == 1 {
                var field = extra + 4
                func wide(_ value: Int) -> Int {
                    guard value == 0xFFFF_FFFF, field + 8 <= extra + 4 + length else { return value }
                    defer { field += 8 }
                    return bytes.number(field, 8)
                }
                size = wide(size)
                stored = wide(stored)
                offset = wide(offset)
            }
            extra += 4 + length
        }
        guard stored == size else { throw .archive("\(name) is compressed") }
        // Of the entry's own header the lengths of its name and fields alone count: it may say nothing of sizes.
        guard offset >= 0, size >= 0, offset <= directory.start - 30, bytes.number(offset, 4) == 0x0403_4B50 else {
            throw .archive("\(name) lies beyond it")
        }
        let first = offset + 30 + bytes.number(offset + 26, 2) + bytes.number(offset + 28, 2)
        guard first <= directory.start, size <= directory.start - first else { throw .archive("\(name) lies beyond it") }
        return (name, Entry(range: first..<first + size, checksum: UInt32(truncatingIfNeeded: bytes.number(place + 16, 4))), next)
    }
}

extension UnsafeRawBufferPointer {
    /// A little-endian number of up to eight bytes, of eight its pattern; −1 beyond the end.
    func number(_ place: Int, _ size: Int) -> Int {
        guard place >= 0, place <= count - size else { return -1 }
        return Int(truncatingIfNeeded: self[place..<place + size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}
