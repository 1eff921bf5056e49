import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file that records are added to while a run goes on. A record is there whole or not at all, unless the process is killed in the middle of one:
/// whoever opens the file again cuts it where the last whole record ends.
public final class AppendingFile {
    private let descriptor: Int32
    private let path: String
    private var end: Int

    /// Opens a file, or makes an empty one.
    public init(_ url: URL) throws(FileError) {
        path = url.path
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw FileError("open", path) }
        end = Int(lseek(descriptor, 0, SEEK_END))
    }

    deinit { close(descriptor) }

    /// Cuts the file to that many bytes.
    public func truncate(to bytes: Int) throws(FileError) {
        guard ftruncate(descriptor, off_t(bytes)) == 0, lseek(descriptor, off_t(bytes), SEEK_SET) >= 0 else { throw FileError("cut", path) }
        end = bytes
    }

    /// - Throws: the system's reason, such as a full disk; the file is then as it was before.
    public func append(_ record: Data) throws(FileError) {
        do {
            try AtomicFile.Writer(descriptor: descriptor, path: path).write(record)
            end += record.count
        } catch {
            try? truncate(to: end)
            throw error
        }
    }

    /// Sees to it that what was appended survives a loss of power.
    public func flush() throws(FileError) {
        guard fsync(descriptor) == 0 else { throw FileError("flush", path) }
    }
}
