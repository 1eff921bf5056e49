import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Files that are there whole or not at all: written beside their place under a temporary name, flushed to the disk and renamed.
/// Whatever goes wrong, a former file of that name stays as it was and nothing is left over; only a killed process leaves its
/// temporary file, which `removeLeftovers(in:)` clears.
public enum AtomicFile {
    /// Appends to the file that is being written.
    public struct Writer {
        let descriptor: Int32
        let path: String

        public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
            var rest = bytes[...]
            while !rest.isEmpty {
                // Darwin refuses more than 2 GiB in one call.
                let block = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
                let written = systemWrite(descriptor, block.baseAddress!, block.count)
                if written < 0 {
                    if errno == EINTR { continue }
                    throw FileError("write", path)
                }
                rest = rest.dropFirst(written)
            }
        }

        public func write(_ data: Data) throws(FileError) {
            let result = data.withUnsafeBytes { bytes in
                Result { () throws(FileError) in try write(bytes) }
            }
            try result.get()
        }

        /// For a library that writes at any place.
        package var fileDescriptor: Int32 { descriptor }

        /// Replaces what was written at some place.
        package func rewrite(_ data: Data, at offset: Int) throws(FileError) {
            guard lseek(descriptor, off_t(offset), SEEK_SET) >= 0 else { throw FileError("write", path) }
            try write(data)
            guard lseek(descriptor, 0, SEEK_END) >= 0 else { throw FileError("write", path) }
        }
    }

    private static let temporaryPrefix = ".partial-"

    /// Whether a name is one that `write` gives.
    public static func isLeftover(_ name: String) -> Bool {
        let digits = name.dropFirst(temporaryPrefix.count)
        return name.hasPrefix(temporaryPrefix) && 1...16 ~= digits.count && digits.allSatisfy { "0123456789abcdef".contains($0) }
    }

    /// A new name of that kind.
    package static func leftoverName() -> String { temporaryPrefix + String(UInt64.random(in: .min ... .max), radix: 16) }

    /// Puts what `body` writes at `url`, whose folder must exist. A link at `url` is replaced, not followed.
    /// - Parameter isFlushed: false for what can be made again: it is there whole or not at all for other processes, but not after a loss of power
    /// - Throws: what `body` throws, or a `FileError` that names the file and the system's reason, such as a full disk.
    public static func write(to url: URL, isFlushed: Bool = true, _ body: (Writer) throws -> Void) throws {
        let path = url.path
        let folder = url.deletingLastPathComponent()
        let temporary = folder.appendingPathComponent(leftoverName()).path

        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw FileError("create", path) }
        do {
            do {
                try body(Writer(descriptor: descriptor, path: path))
                guard !isFlushed || fsync(descriptor) == 0 else { throw FileError("flush", path) }
            } catch {
                close(descriptor)
                throw error
            }
            // A network file system may report a failed write only here.
            guard close(descriptor) == 0 else { throw FileError("close", path) }
            guard rename(temporary, path) == 0 else { throw FileError("replace", path) }
        } catch {
            unlink(temporary)
            throw error
        }
        if isFlushed { try flush(folder: folder.path) }
    }

    /// Removes the temporary files that killed processes left in `folder`, and nothing else. No one else may be writing there.
    public static func removeLeftovers(in folder: URL) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where isLeftover(name) {
            // Only a file: that of a folder fails.
            unlink(folder.appendingPathComponent(name).path)
        }
    }

    /// The new name itself survives a power cut only once its folder has been flushed.
    private static func flush(folder: String) throws {
        let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open", folder) }
        defer { close(descriptor) }
        // Some file systems cannot flush a folder and say so with EINVAL.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw FileError("flush", folder) }
    }
}

/// Puts `data` at `url`, whole or not at all.
public func writeAtomically(_ data: Data, to url: URL) throws {
    try AtomicFile.write(to: url) { try $0.write(data) }
}

/// Makes a folder, and those around it, where they are not there yet.
/// - Throws: with the system's reason, such as a file in a folder's place
public func createFolder(_ url: URL) throws(FileError) {
    func kind() -> mode_t? {
        var status = stat()
        return stat(url.path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }
    if let kind = kind() {
        guard kind != S_IFDIR else { return }
        errno = ENOTDIR
        throw FileError("make the folder", url.path)
    }
    let missing = errno
    let parent = url.deletingLastPathComponent()
    // A file that stands for a folder further up is named itself.
    if parent.path != url.path, missing == ENOENT || missing == ENOTDIR { try createFolder(parent) }
    // Another process may have made it meanwhile.
    guard mkdir(url.path, 0o777) == 0 || errno == EEXIST && kind() == S_IFDIR else { throw FileError("make the folder", url.path) }
}

/// What the system said of a file.
public struct FileError: Error, Equatable, CustomStringConvertible {
    /// What was being done: "open", "write", …
    public let operation: String
    public let path: String
    /// The system's `errno`.
    public let code: Int32

    /// Takes the reason from `errno`.
    package init(_ operation: String, _ path: String) {
        self.operation = operation
        self.path = path
        code = errno
    }

    /// The system's words for `code`.
    public var reason: String { String(cString: strerror(code)) }
    public var description: String { "cannot \(operation) \(path): \(reason)".printable }
}

/// `write(2)`, which `Writer.write` hides.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int { write(descriptor, bytes, count) }
