import Foundation
import Storage

/// The regular files in a tar archive: where they stand in it. Headers are walked from one to the next; of the files in between nothing is read, and
/// nothing is ever unpacked. Read are ustar, pax (`path` and `size`) and GNU's long names and large sizes.
public struct TarArchive: Sendable {
    public struct Member: Sendable, Equatable {
        /// As the archive has it: text by somebody else, not a path to be opened.
        public let path: String
        /// Of its bytes in the archive.
        public let range: Range<Int>
    }

    public let members: [Member]
    /// Whether the archive ends as it should, with a block of zeros. Without one it may have been cut off just between two files.
    public let hasEnd: Bool

    static let longestExtendedHeader = 1 << 20

    public init(_ url: URL) throws(TarError) {
        let descriptor = open(url.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw TarError(path: url.path, offset: 0, problem: .file(String(cString: strerror(errno)))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw TarError(path: url.path, offset: 0, problem: .file("not a regular file"))
        }
        try self.init(path: url.path, size: Int(status.st_size)) { range throws(TarError.Problem) in
            var failure: TarError.Problem?
            let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
                while count < range.count {
                    let got = pread(descriptor, buffer.baseAddress! + count, range.count - count, off_t(range.lowerBound + count))
                    if got < 0 && errno == EINTR { continue }
                    if got <= 0 {
                        failure = .file(got < 0 ? String(cString: strerror(errno)) : "the file has become shorter")
                        break
                    }
                    count += got
                }
            }
            if let failure { throw failure }
            return bytes[...]
        }
    }

    /// The same over bytes in memory; `name` is what errors call them.
    public init(bytes: [UInt8], name: String) throws(TarError) {
        try self.init(path: name, size: bytes.count) { range throws(TarError.Problem) in bytes[range] }
    }

    /// - Parameter read: gives the bytes of a range within the size
    private init(path: String, size: Int, read: (Range<Int>) throws(TarError.Problem) -> ArraySlice<UInt8>) throws(TarError) {
        var walk = Walk(size: size)
        do {
            while try walk.step(read) {}
        } catch {
            throw TarError(path: path, offset: walk.offset, problem: error)
        }
        members = walk.members
        hasEnd = walk.hasEnd
    }
}

/// From header to header. Every step but the last goes forward, so that no archive can hold it for ever.
private struct Walk {
    let size: Int
    /// Of the next header.
    private(set) var offset = 0
    private(set) var members: [TarArchive.Member] = []
    private(set) var hasEnd = false
    /// What headers before a member said of it.
    private var nextPath: String?
    private var nextSize: Int?

    init(size: Int) { self.size = size }

    /// False at the end.
    mutating func step(_ read: (Range<Int>) throws(TarError.Problem) -> ArraySlice<UInt8>) throws(TarError.Problem) -> Bool {
        guard offset < size else {
            if offset == 0 { throw .empty }
            if nextPath != nil || nextSize != nil { throw .truncated(member: "an extended header") }
            return false
        }
        let block = try read(offset..<min(offset + TarHeader.length, size))
        if offset == 0, let program = Self.decompressor(of: block) { throw .compressed(by: program) }
        func notTar() -> TarError.Problem { FileKind(block).map { .otherKind($0) } ?? .notTar }
        guard block.count == TarHeader.length else { throw offset == 0 ? notTar() : .truncated(member: "a header") }
        if TarHeader.isZero(block) {
            hasEnd = true
            return false
        }
        let header: TarHeader
        do { header = try TarHeader(block) } catch { throw offset == 0 ? notTar() : error }
        let isMember = header.kind == .file || header.kind == .empty || header.kind == .sparse
        let name = isMember ? nextPath ?? header.name : header.name
        // A size in an extended header is meant for a member that has bytes.
        let length = header.kind == .file ? nextSize ?? header.size : header.size
        let start = offset + TarHeader.length
        guard length <= size - start else { throw .truncated(member: name.isEmpty ? "a file without a name" : name) }
        let range = start..<start + length
        switch header.kind {
        case .file: members.append(TarArchive.Member(path: name, range: range))
        case .sparse: throw .sparse(member: name)
        case .extended: try apply(records: try read(checked(range)), of: header)
        case .longName: nextPath = TarHeader.text(try read(checked(range)))
        case .empty, .other: break
        }
        if isMember { (nextPath, nextSize) = (nil, nil) }
        // The padding of the last file may be missing; nothing stands in it.
        offset = min(size, start + (length + TarHeader.length - 1) / TarHeader.length * TarHeader.length)
        return true
    }

    private func checked(_ range: Range<Int>) throws(TarError.Problem) -> Range<Int> {
        guard range.count <= TarArchive.longestExtendedHeader else { throw .extendedHeaderTooLong(range.count) }
        return range
    }

    /// Records `LENGTH KEY=VALUE\n`, where the length counts the record as a whole.
    private mutating func apply(records: ArraySlice<UInt8>, of header: TarHeader) throws(TarError.Problem) {
        var rest = records
        while let first = rest.first, first != 0 {
            let digits = rest.prefix { 48..<58 ~= $0 }
            guard digits.count < 8, let length = Int(String(decoding: digits, as: UTF8.self)), length > digits.count + 2, length <= rest.count,
                rest[digits.endIndex] == 32, rest[rest.startIndex + length - 1] == 10
            else { throw .badExtendedHeader("a record's length is wrong") }
            let record = rest[digits.endIndex + 1..<rest.startIndex + length - 1]
            rest = rest.dropFirst(length)
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else { throw .badExtendedHeader("a record without =") }
            let value = record[(equals + 1)...]
            switch String(decoding: record[..<equals], as: UTF8.self) {
            case "path": nextPath = TarHeader.text(value)
            case "size":
                guard value.count < 19, value.allSatisfy({ 48..<58 ~= $0 }), let size = Int(String(decoding: value, as: UTF8.self)) else {
                    throw .badExtendedHeader("the size is not a number")
                }
                nextSize = size
            case let key where key.hasPrefix("GNU.sparse."): throw .sparse(member: nextPath ?? header.name)
            default: break
            }
        }
    }

    /// The program that undoes a compression that people use for archives.
    private static func decompressor(of block: ArraySlice<UInt8>) -> String? {
        let marks: [([UInt8], String)] = [
            ([0x1F, 0x8B], "gunzip"), ([0x28, 0xB5, 0x2F, 0xFD], "unzstd"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "unxz"), ([0x42, 0x5A, 0x68], "bunzip2"),
            ([0x50, 0x4B, 0x03, 0x04], "unzip"),
        ]
        return marks.first { block.starts(with: $0.0) }?.1
    }
}
