import Crypto
import Foundation

/// The SHA-256 of a regular file in hexadecimal, as `sha256sum` prints it, read in parts.
package func fileDigest(_ url: URL) throws(UnreadableFile) -> String {
    // Refuses pipes and devices.
    _ = try RegularFile.start(of: url)
    guard let handle = try? FileHandle(forReadingFrom: url) else { throw UnreadableFile(path: url.path, problem: .system(errno)) }
    defer { try? handle.close() }
    var hash = SHA256()
    do {
        while let part = try handle.read(upToCount: 1 << 20), !part.isEmpty { hash.update(data: part) }
    } catch {
        throw UnreadableFile(path: url.path, problem: .system(EIO))
    }
    return hash.finalize().text
}
