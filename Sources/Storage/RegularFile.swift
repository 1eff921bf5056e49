import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads files that others made: regular ones alone. A pipe would be waited for, a device never end.
public enum RegularFile {
    /// The bytes of a file that need not be large.
    /// - Parameter limit: a larger file is refused before anything of it is read
    public static func bytes(_ url: URL, atMost limit: Int = 1 << 30) throws(UnreadableFile) -> Data {
        let (descriptor, size) = try open(url.path)
        defer { close(descriptor) }
        guard size <= limit else { throw UnreadableFile(path: url.path, problem: .tooLarge(size, limit: limit)) }
        return try read(descriptor, size, url.path)
    }

    /// The first bytes, ``FileKind/startLength`` of them where there are as many.
    public static func start(of url: URL) throws(UnreadableFile) -> Data {
        let (descriptor, size) = try open(url.path)
        defer { close(descriptor) }
        return try read(descriptor, min(size, FileKind.startLength), url.path)
    }

    /// A text, which is UTF-8 or refused. A byte order mark at its beginning is no part of it.
    public static func text(_ url: URL, atMost limit: Int = 1 << 24) throws(UnreadableFile) -> String {
        let bytes = try bytes(url, atMost: limit)
        do {
            return try UTF8Text.string(bytes)
        } catch {
            throw UnreadableFile(path: url.path, problem: FileKind(bytes).map { .otherKind($0) } ?? .notUTF8(error))
        }
    }

    private static func open(_ path: String) throws(UnreadableFile) -> (descriptor: Int32, size: Int) {
        func refused(_ problem: UnreadableFile.Problem) -> UnreadableFile { UnreadableFile(path: path, problem: problem) }
        var status = stat()
        guard stat(path, &status) == 0 else { throw refused(errno == ENOENT ? .missing : .system(errno)) }
        if let kind = UnreadableFile.Problem.special(status.st_mode) { throw refused(kind) }
        // Not to wait where it has become a pipe since.
        let descriptor = systemOpen(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw refused(.system(errno)) }
        guard fstat(descriptor, &status) == 0, UnreadableFile.Problem.special(status.st_mode) == nil else {
            close(descriptor)
            throw refused(.device)
        }
        return (descriptor, Int(status.st_size))
    }

    private static func read(_ descriptor: Int32, _ size: Int, _ path: String) throws(UnreadableFile) -> Data {
        var data = Data(count: size)
        var failure: Int32?
        let count = data.withUnsafeMutableBytes { buffer in
            var count = 0
            while count < size {
                let got = pread(descriptor, buffer.baseAddress! + count, size - count, off_t(count))
                if got < 0 && errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { break }
                count += got
            }
            return count
        }
        if let failure { throw UnreadableFile(path: path, problem: .system(failure)) }
        return data.prefix(count)
    }
}

/// Why a file is not read.
public struct UnreadableFile: Error, Equatable, CustomStringConvertible {
    public enum Problem: Error, Equatable {
        case missing
        case folder, pipe, socket, device
        case tooLarge(Int, limit: Int)
        case notUTF8(NotUTF8)
        case otherKind(FileKind)
        /// The system's `errno`.
        case system(Int32)

        /// Nil for a regular file.
        static func special(_ mode: mode_t) -> Problem? {
            switch mode & S_IFMT {
            case S_IFREG: nil
            case S_IFDIR: .folder
            case S_IFIFO: .pipe
            case S_IFSOCK: .socket
            default: .device
            }
        }
    }

    public let path: String
    public let problem: Problem
    public var description: String { "\(path): \(problem)".printable }

    public init(path: String, problem: Problem) {
        self.path = path
        self.problem = problem
    }
}

extension UnreadableFile.Problem: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missing: "does not exist"
        case .folder: "is a folder, not a file"
        case .pipe: "is a pipe, not a file"
        case .socket: "is a socket, not a file"
        case .device: "is a device, not a file"
        case .tooLarge(let size, let limit): "has \(size) bytes, too many: such a file has at most \(limit)"
        case .notUTF8(let encoding): "\(encoding)"
        case .otherKind(let kind): kind.sentence
        case .system(let code): "cannot be read: \(String(cString: strerror(code)))"
        }
    }
}

/// `open(2)`, which `RegularFile.open` hides.
private func systemOpen(_ path: String, _ flags: Int32) -> Int32 { open(path, flags) }
