import Storage

/// Why a tar archive was refused, and where in it.
public struct TarError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Problem: Error, Sendable, Equatable {
        /// The operating system would not open or read it.
        case file(String)
        case empty
        /// By the name of the program that undoes it.
        case compressed(by: String)
        /// The first block is no header.
        case notTar
        /// It is that of another kind of file.
        case otherKind(FileKind)
        case truncated(member: String)
        case badChecksum
        case badNumber(field: String)
        case badExtendedHeader(String)
        case extendedHeaderTooLong(Int)
        /// A file with holes: its bytes do not stand in the archive as they are.
        case sparse(member: String)
    }

    public let path: String
    /// Of the header in question, in bytes from the start.
    public let offset: Int
    public let problem: Problem

    public var description: String {
        switch problem {
        case .file, .empty, .compressed, .notTar, .otherKind: "\(path): \(problem)"
        default: "\(path): at byte \(offset): \(problem)"
        }
    }
}

extension TarError.Problem: CustomStringConvertible {
    public var description: String {
        switch self {
        case .file(let message): message
        case .empty: "the file is empty"
        case .compressed(let program): "a compressed archive, whose images cannot be read one by one: unpack it first with `\(program)`"
        case .notTar: "not a tar archive"
        case .otherKind(let kind): kind.sentence
        case .truncated(let member): "the file ends within \(member): it was cut short, or is not whole yet; get it again"
        case .badChecksum: "a header has a wrong checksum: the archive is damaged; get it again"
        case .badNumber(let field): "a header's \(field) is not a number: the archive is damaged; get it again"
        case .badExtendedHeader(let what): "an extended header is not what the format demands: \(what)"
        case .extendedHeaderTooLong(let length): "an extended header claims \(length) bytes, \(TarArchive.longestExtendedHeader) are allowed"
        case .sparse(let member): "\(member) is stored as a sparse file, which is not supported: pack it again without --sparse"
        }
    }
}
