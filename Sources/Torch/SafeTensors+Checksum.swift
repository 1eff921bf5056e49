import Foundation
import Storage

/// A checksum of a whole file in its own header, under `__metadata__`, where other programs pass over it.
///
/// It is taken with zeros in its own place, so that every other byte counts, those of the header too.
enum FileChecksum {
    static let key = "crc32c"
    static let placeholder = "00000000"

    /// Where its digits stand in a header's text. The key is found as the writer writes it: `"crc32c":"`.
    static func place(of digits: String, in header: UnsafeRawBufferPointer) -> Range<Int>? {
        let sought = Array("\"\(key)\":\"\(digits)\"".utf8)
        guard header.count >= sought.count else { return nil }
        for start in 0...header.count - sought.count
        where header[start] == sought[0] && header[start..<start + sought.count].elementsEqual(sought) {
            let end = start + sought.count - 1
            return end - digits.utf8.count..<end
        }
        return nil
    }
}

extension SafeTensorsFile {
    /// Reads the whole file against the checksum that it was written with (`SafeTensors.write`, `isSealed`), once a process as long as it does not change.
    ///
    /// - Returns: false where it has none: then nothing can be told
    /// - Throws: `.damaged` where a byte is another than was written
    @discardableResult
    public func verify() throws(SafeTensorsError) -> Bool {
        guard let expected = metadata[FileChecksum.key] else { return false }
        guard !Verified.all.contains(map.identity) else { return true }
        let header = UnsafeRawBufferPointer(rebasing: map.bytes[..<dataStart])
        guard let place = FileChecksum.place(of: expected, in: header) else { throw SafeTensorsError(path: url.path, problem: .damaged) }
        var checksum = Checksum()
        checksum.update(UnsafeRawBufferPointer(rebasing: map.bytes[..<place.lowerBound]))
        checksum.update(FileChecksum.placeholder.utf8)
        checksum.update(UnsafeRawBufferPointer(rebasing: map.bytes[place.upperBound...]))
        guard checksum.text == expected else { throw SafeTensorsError(path: url.path, problem: .damaged) }
        Verified.all.insert(map.identity)
        return true
    }
}

/// The files that this process has found whole.
private final class Verified: @unchecked Sendable {
    static let all = Verified()

    // `files` is touched under the lock alone.
    private let lock = NSLock()
    private var files: Set<FileMap.Identity> = []

    func contains(_ file: FileMap.Identity) -> Bool { lock.withLock { files.contains(file) } }
    func insert(_ file: FileMap.Identity) { _ = lock.withLock { files.insert(file) } }
}
