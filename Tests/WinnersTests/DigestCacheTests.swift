import Foundation
import TestFiles
import Testing

@testable import Storage
@testable import Winners

@Suite struct DigestCacheTests {
    private let folder = TemporaryFolder()
    private var cache: URL { folder.url("cache/digests") }

    /// A cache for which every file of these tests has rested.
    private func cache(largest: Int = 1 << 24, later seconds: Double = 60) -> DigestCache {
        DigestCache(cache, largest: largest) { Date(timeIntervalSinceNow: seconds) }
    }

    private func write(_ text: String, _ name: String = "a") throws -> FileIdentity {
        try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: folder.url(name))
        return try #require(FileIdentity(folder.url(name).path))
    }

    /// The digest, and whether it had to be computed.
    private func look(_ cache: DigestCache, _ file: FileIdentity?, _ subject: String = "bytes") -> (digest: String, isComputed: Bool) {
        var isComputed = false
        let digest = cache.digest(of: subject, file.map { [$0] }) {
            isComputed = true
            return ImageReference.digest(of: file.flatMap { try? [UInt8](Data(contentsOf: URL(fileURLWithPath: $0.path))) } ?? [])
        }
        return (digest, isComputed)
    }

    @Test func isComputedOnce() throws {
        let file = try write("one")
        let first = look(cache(), file)
        let second = look(cache(), file)
        #expect(first.isComputed && !second.isComputed && first.digest == second.digest)
        #expect(look(cache(), file, "tensors").isComputed, "another subject is another digest")
        #expect(look(cache(), nil).isComputed && look(DigestCache(nil), file).isComputed)
        let mode = try FileManager.default.attributesOfItem(atPath: cache.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func whatWasJustChangedIsNotKept() throws {
        let file = try write("one")
        #expect(look(cache(later: 0), file).isComputed && look(cache(later: 0), file).isComputed)
        #expect(!FileManager.default.fileExists(atPath: cache.path))
        // A file from the future, such as a server's whose clock is ahead.
        #expect(look(cache(later: -60), file).isComputed && look(cache(), file).isComputed)
    }

    @Test func aChangedFileIsReadAgain() throws {
        let file = try write("one")
        let first = look(cache(), file)
        // Of the same size, in the same place, its time put back.
        var times = [timespec(), timespec()]
        (times[0].tv_sec, times[1].tv_sec) = (file.modified / 1_000_000_000, file.modified / 1_000_000_000)
        (times[0].tv_nsec, times[1].tv_nsec) = (file.modified % 1_000_000_000, file.modified % 1_000_000_000)
        let handle = try FileHandle(forWritingTo: folder.url("a"))
        try handle.write(contentsOf: Data("two".utf8))
        try handle.close()
        #expect(utimensat(AT_FDCWD, file.path, times, 0) == 0)
        let changed = try #require(FileIdentity(file.path))
        #expect(changed.size == file.size && changed.inode == file.inode && changed.modified == file.modified, "a cache without `changed` would be fooled")
        let second = look(cache(), changed)
        #expect(second.isComputed && second.digest != first.digest)
        // Another file that is moved there.
        let other = try write("tri", "b")
        #expect(rename(other.path, file.path) == 0)
        #expect(look(cache(), FileIdentity(file.path)).digest == ImageReference.digest(of: Array("tri".utf8)))
    }

    @Test func whatChangesMeanwhileIsNotKept() throws {
        let file = try write("one")
        _ = try cache().digest(of: "bytes", [file]) {
            _ = try write("other")
            return "0"
        }
        #expect(!FileManager.default.fileExists(atPath: cache.path))
    }

    /// Every byte of the file inverted in turn, and the file cut at each: the digest is the right one, known or computed.
    @Test func aDamagedFileTellsNothingWrong() throws {
        let files = try (0..<3).map { try write("content \($0)", "\($0)") }
        let digests = files.map { look(cache(), $0).digest }
        let bytes = try Data(contentsOf: cache)
        #expect(bytes.count > 400)
        var computed = 0
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0xFF
            for content in [damaged, bytes.prefix(index)] {
                try content.write(to: cache)
                chmod(cache.path, 0o600)
                let found = files.map { look(cache(), $0) }
                #expect(found.map(\.digest) == digests)
                computed += found.count(where: \.isComputed)
                // What was lost is there again.
                #expect(!files.contains { look(cache(), $0).isComputed })
            }
        }
        #expect(computed > bytes.count, "damage goes unseen")
    }

    @Test func whatOthersCanWriteIsNotTrusted() throws {
        let file = try write("one")
        _ = look(cache(), file)
        chmod(cache.path, 0o666)
        #expect(look(cache(), file).isComputed)
        chmod(cache.path, 0o600)
        #expect(!look(cache(), file).isComputed)
        try FileManager.default.removeItem(at: cache)
        try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
        #expect(look(cache(), file).isComputed, "a folder in its place")
    }

    @Test func severalProcessesWriteAtOnce() throws {
        let files = try (0..<64).map { try write("content \($0)", "\($0)") }
        DispatchQueue.concurrentPerform(iterations: 8) { worker in
            let own = cache()
            for index in files.indices where index % 8 == worker { _ = look(own, files[index]) }
        }
        let later = cache()
        #expect(!files.contains { look(later, $0).isComputed })
    }

    @Test func doesNotGrowForEver() throws {
        let files = try (0..<40).map { try write("content \($0)", "\($0)") }
        for file in files { _ = look(cache(largest: 2000), file) }
        #expect(try Data(contentsOf: cache).count < 2500)
        #expect(!look(cache(largest: 2000), files[39]).isComputed && look(cache(largest: 2000), files[0]).isComputed)
    }
}
