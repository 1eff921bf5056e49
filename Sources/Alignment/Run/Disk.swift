import Foundation

/// The file system that holds a folder.
struct Disk {
    let device: UInt64
    /// Bytes that this process may use.
    let free: Int

    /// Nil where the system does not tell.
    init?(_ folder: URL) {
        var (place, volume) = (stat(), statvfs())
        guard stat(folder.path, &place) == 0, statvfs(folder.path, &volume) == 0 else { return nil }
        device = UInt64(truncatingIfNeeded: place.st_dev)
        free = Int(volume.f_bavail) * Int(volume.f_frsize)
    }

    func require(_ bytes: Int, at folder: URL) throws {
        guard free >= bytes else { throw RunError.disk(needed: bytes, free: free, folder.path) }
    }
}
