import Foundation
import Storage

/// What a cache holds, and letting go of it.
extension EncodingCache {
    /// Files, and their size in bytes.
    public struct Contents: Encodable, Sendable, Equatable {
        public struct Part: Encodable, Sendable, Equatable {
            public var files = 0
            public var bytes = 0
        }

        public var latents = Part()
        public var states = Part()

        mutating func add(_ kind: EncodingKind, bytes: Int) {
            let part: WritableKeyPath<Contents, Part> = kind == .latents ? \.latents : \.states
            self[keyPath: part].files += 1
            self[keyPath: part].bytes += bytes
        }
    }

    /// Throws where something else than a cache lies: encoded winners would be written among somebody's files.
    public func check() throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder) else { return }
        guard isFolder.boolValue else { throw CacheError.unusable(folder.path, "it is a file, not a folder") }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let foreign = names.filter { !$0.hasPrefix(".") && EncodingKind(rawValue: $0) == nil }.sorted()
        guard foreign.isEmpty else { throw CacheError.foreign(folder.path, foreign.prefix(3).joined(separator: ", ")) }
    }

    /// Throws where there is no cache.
    public func contents() throws -> Contents {
        try files().reduce(into: Contents()) { $0.add($1.kind, bytes: $1.bytes) }
    }

    /// Removes every file, or those that were neither written nor read for some time. What a run still needs of them it makes again.
    /// - Parameter age: in seconds; readings count as far as the file system notes them
    /// - Returns: what is gone
    public func clear(unusedFor age: TimeInterval = 0) throws -> Contents {
        let latest = Date(timeIntervalSinceNow: -age)
        var removed = Contents()
        for file in try files() where age == 0 || file.used < latest {
            // Another process may be clearing, too.
            guard unlink(file.path) == 0 || errno == ENOENT else { throw CacheError.notRemoved(file.path, String(cString: strerror(errno))) }
            removed.add(file.kind, bytes: file.bytes)
        }
        return removed
    }

    private struct File {
        let kind: EncodingKind
        let path: String
        let bytes: Int
        let used: Date
    }

    /// Whether a file is named by the rest of a key.
    private static func isName(_ name: String) -> Bool { name.wholeMatch(of: /[0-9a-f]{62}\.safetensors/) != nil }

    /// Files of the cache alone, whatever else lies there; among them what killed processes left half written.
    private func files() throws -> [File] {
        let manager = FileManager.default
        let kinds = EncodingKind.allCases.filter { manager.fileExists(atPath: folder.appendingPathComponent($0.rawValue).path) }
        guard !kinds.isEmpty else { throw CacheError.none(folder.path) }
        let keys: Set<URLResourceKey> = [.isRegularFileKey, .fileSizeKey, .contentModificationDateKey, .contentAccessDateKey]
        // Long enough for any process to have finished a file that it had begun.
        let hourAgo = Date(timeIntervalSinceNow: -3600)
        return try kinds.flatMap { kind in
            let root = folder.appendingPathComponent(kind.rawValue)
            let parts = try manager.contentsOfDirectory(atPath: root.path).filter { $0.count == 2 }
            return parts.flatMap { part -> [File] in
                let folder = root.appendingPathComponent(part)
                return ((try? manager.contentsOfDirectory(atPath: folder.path)) ?? []).compactMap { name in
                    let url = folder.appendingPathComponent(name)
                    guard let values = try? url.resourceValues(forKeys: keys), values.isRegularFile == true, let bytes = values.fileSize else { return nil }
                    let written = values.contentModificationDate ?? .distantPast
                    guard Self.isName(name) || AtomicFile.isLeftover(name) && written < hourAgo else { return nil }
                    return File(kind: kind, path: url.path, bytes: bytes, used: max(written, values.contentAccessDate ?? .distantPast))
                }
            }
        }
    }
}

public enum CacheError: Error, CustomStringConvertible {
    case none(String)
    case unusable(String, String)
    case notRemoved(String, String)
    case foreign(String, String)

    public var description: String {
        switch self {
        case .none(let path): "\(path): holds no encoded winners; a run keeps them in its folder `cache`"
        case .unusable(let path, let reason): "\(path): the cache cannot be written: \(reason)"
        case .notRemoved(let path, let reason): "\(path): cannot be removed: \(reason)"
        case .foreign(let path, let files): "\(path) holds other files (\(files)): a cache needs a folder of its own"
        }
    }
}
