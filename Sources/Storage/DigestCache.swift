import Crypto
import Foundation

/// Digests of files that were computed before, so that they are not read again for them: lines of a text file in the user's cache folder.
///
/// A digest is found by what was digested and by the identities of the files it was read from. It is kept only where these had been resting before they
/// were read and were the same afterwards. The file is never needed: what it lacks is computed, a line that was damaged is passed over, and where it
/// belongs to somebody else, or others may write to it, it is left alone. Processes may use it at the same time.
package final class DigestCache: @unchecked Sendable {
    /// In `XDG_CACHE_HOME`, `~/.cache` or, on macOS, `~/Library/Caches`.
    package static let ofUser = DigestCache(
        FileManager.default.urls(for: .cachesDirectory, in: .userDomainMask).first?.appendingPathComponent("seppo/digests"))

    /// Smaller files are read as fast as they are looked up.
    package static let smallest = 1 << 16

    private let file: URL?
    /// Of the file, in bytes. Beyond that the older half of its lines goes.
    private let largest: Int
    private let now: @Sendable () -> Date
    // Touched under the lock alone.
    private let lock = NSLock()
    private var known: [String: String]?

    /// - Parameters:
    ///   - file: nil: nothing is kept
    ///   - largest: about 100,000 digests unless given
    package init(_ file: URL?, largest: Int = 1 << 24, now: @escaping @Sendable () -> Date = { Date() }) {
        (self.file, self.largest, self.now) = (file, largest, now)
    }

    /// - Parameters:
    ///   - subject: what is digested of the files
    ///   - files: their identities, taken before anything was read of them; nil: the digest is always computed
    package func digest<Failure: Error>(of subject: String, _ files: [FileIdentity]?, compute: () throws(Failure) -> String) throws(Failure) -> String {
        guard let files, !files.isEmpty else { return try compute() }
        let key = SHA256.hash(data: Data(([subject] + files.map(\.text)).joined(separator: "\0").utf8)).text
        if let digest = lock.withLock({ entries()[key] }) { return digest }
        let start = now()
        let digest = try compute()
        if files.allSatisfy({ $0.hasRested(before: start) && FileIdentity($0.path) == $0 }) { keep(digest, key) }
        return digest
    }

    // MARK: Lines

    private static func line(_ key: String, _ digest: String) -> String { "\(key) \(digest) \(check(key, digest))" }

    /// Tells a whole line from what a killed process or a failing disk left of one.
    private static func check(_ key: String, _ digest: String) -> String { String(SHA256.hash(data: Data("digest 1 \(key) \(digest)".utf8)).text.prefix(16)) }

    private func entries() -> [String: String] {
        if let known { return known }
        let lines = read()
        var found: [String: String] = [:]
        for line in lines {
            let parts = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            if parts.count == 3, parts[2] == Self.check(parts[0], parts[1]) { found[parts[0]] = parts[1] }
        }
        known = found
        return found
    }

    private func read() -> [Substring] {
        guard let file, let descriptor = opened(file, O_RDONLY) else { return [] }
        defer { close(descriptor) }
        guard let bytes = try? FileHandle(fileDescriptor: descriptor).read(upToCount: 2 * largest) else { return [] }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard bytes.count > largest else { return lines }
        let newer = lines.suffix(lines.count / 2)
        try? writeAtomically(Data((newer.joined(separator: "\n") + "\n").utf8), to: file)
        chmod(file.path, 0o600)
        return Array(newer)
    }

    private func keep(_ digest: String, _ key: String) {
        lock.withLock {
            var found = entries()
            found[key] = digest
            known = found
            guard let file else { return }
            try? FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            guard let descriptor = opened(file, O_WRONLY | O_APPEND | O_CREAT) else { return }
            defer { close(descriptor) }
            // In one call, which other processes' lines do not come between; the first line break ends what a killed process left.
            let line = Array("\n\(Self.line(key, digest))\n".utf8)
            _ = write(descriptor, line, line.count)
        }
    }

    /// Nil where it is not there, is no regular file, or is not this user's alone to write.
    private func opened(_ file: URL, _ flags: Int32) -> Int32? {
        let descriptor = open(file.path, flags | O_NONBLOCK | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(), status.st_mode & 0o022 == 0 { return descriptor }
        close(descriptor)
        return nil
    }
}
