import Foundation

/// What tells a file from what it was before and from others, without reading it.
///
/// Whoever changes a file's content changes its times, at the least the one that no program can set (`changed`), as long as the file had been resting
/// for longer than the file system's clock ticks: see ``hasRested(before:)``.
public struct FileIdentity: Sendable, Equatable {
    /// Absolute.
    public let path: String
    /// In bytes.
    public let size: Int
    public let inode: UInt64
    /// When its content was modified, in nanoseconds since 1970.
    public let modified: Int
    /// When its content, name, owner or permissions were changed, in the same unit.
    public let changed: Int

    /// That of the file that a link leads to; nil where there is no regular file.
    public init?(_ path: String) {
        self.path = URL(fileURLWithPath: path).standardizedFileURL.path
        var status = stat()
        guard stat(self.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        (size, inode) = (Int(status.st_size), UInt64(status.st_ino))
        #if canImport(Darwin)
            let times = (status.st_mtimespec, status.st_ctimespec)
        #else
            let times = (status.st_mtim, status.st_ctim)
        #endif
        (modified, changed) = (Self.nanoseconds(times.0), Self.nanoseconds(times.1))
    }

    private static func nanoseconds(_ time: timespec) -> Int { Int(time.tv_sec) * 1_000_000_000 + Int(time.tv_nsec) }

    /// Whether nobody had changed the file in the last ten seconds before `date`, and no clock is ahead. A change that comes later then has other times,
    /// also where the file system counts in steps of two seconds.
    public func hasRested(before date: Date) -> Bool { Double(max(modified, changed)) / 1e9 < date.timeIntervalSince1970 - 10 }

    /// Equal texts stand for equal identities.
    public var text: String { "\(size) \(inode) \(modified) \(changed) \(path)" }
}
