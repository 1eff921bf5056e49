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
        // Some file systems tell numbers beyond all bounds.
        let (bytes, overflow) = UInt64(volume.f_bavail).multipliedReportingOverflow(by: UInt64(volume.f_frsize))
        free = overflow ? Int.max : Int(clamping: bytes)
    }

    func require(_ bytes: Int, at folder: URL) throws {
        guard free >= bytes else { throw RunError.disk(needed: bytes, free: free, folder.path) }
    }
}
