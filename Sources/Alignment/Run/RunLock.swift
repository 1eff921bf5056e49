import Foundation

/// Holds a run for this process alone. The kernel releases it with the process, so a dead one never blocks.
///
/// What is locked is the folder itself, which nobody deletes by mistake, and beside it the file `lock`, for file systems that lock no folders.
public final class RunLock {
    private let folder: Int32
    private let file: Int32
    private let root: String
    private let identity: (device: dev_t, number: ino_t)

    public init(_ directory: RunDirectory) throws {
        root = directory.root.path
        folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw RunError.unusable(root, String(cString: strerror(errno))) }
        let path = Self.file(directory)
        file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard file >= 0 else {
            let reason = String(cString: strerror(errno))
            close(folder)
            throw RunError.unusable(path, reason)
        }
        var status = stat()
        // Network file systems may refuse to lock a folder; they leave it at the file.
        let isFolderHeld = flock(folder, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK
        guard isFolderHeld, flock(file, LOCK_EX | LOCK_NB) == 0, fstat(folder, &status) == 0 else {
            close(file)
            close(folder)
            throw RunError.locked(root)
        }
        identity = (status.st_dev, status.st_ino)
    }

    /// Throws where the run's folder is no longer the one that is held: moved away, or removed, and perhaps made anew by another process.
    public func check() throws {
        var status = stat()
        guard stat(root, &status) == 0, (status.st_dev, status.st_ino) == identity else {
            throw RunError.unusable(root, "the run's folder was moved or removed while this process worked on it; no more of it is written")
        }
    }

    /// Whether some process holds the run now. The file alone says nothing: it stays behind.
    public static func isHeld(_ directory: RunDirectory) -> Bool {
        [directory.root.path, file(directory)].contains { path in
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return false }
            defer { close(descriptor) }
            return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
        }
    }

    private static func file(_ directory: RunDirectory) -> String { directory.root.appendingPathComponent(RunDirectory.lockFile).path }

    deinit {
        close(file)
        close(folder)
    }
}
