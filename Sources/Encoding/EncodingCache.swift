import Foundation
import Storage
import Torch

/// Where encoded images and captions are kept, each under a key that stands for everything it was made from.
public protocol EncodingStore: Sendable {
    /// Whether it is there, as far as can be told without reading all of it.
    func contains(_ kind: EncodingKind, _ key: String) -> Bool
    /// Nil where it is not there, or not as it was saved.
    func load(_ kind: EncodingKind, _ key: String) -> [String: Tensor]?
    func save(_ kind: EncodingKind, _ key: String, _ tensors: [String: Tensor]) throws
}

public enum EncodingKind: String, Sendable, CaseIterable, Codable {
    /// Of one image.
    case latents
    /// Of one caption.
    case states
}

/// Encoded images and captions on disk, one file each: `latents/ab/cdef….safetensors`, named by its key.
///
/// Every file is there whole or not at all, and never changes its content, so that processes can fill one cache at the same time, and a process
/// that is killed leaves what it had done. A file that was damaged otherwise is not taken: it holds a checksum of its tensors.
public struct EncodingCache: EncodingStore {
    public let folder: URL

    public init(_ folder: URL) { self.folder = folder }

    func file(_ kind: EncodingKind, _ key: String) -> URL {
        folder.appendingPathComponent(kind.rawValue).appendingPathComponent(String(key.prefix(2))).appendingPathComponent(key.dropFirst(2) + ".safetensors")
    }

    public func contains(_ kind: EncodingKind, _ key: String) -> Bool { (try? SafeTensorsFile(file(kind, key)))?.metadata[Self.checksum] != nil }

    /// Views of the file's pages, which the system can take back: what is loaded need not be kept.
    public func load(_ kind: EncodingKind, _ key: String) -> [String: Tensor]? {
        guard let stored = try? SafeTensorsFile(file(kind, key)), let tensors = try? stored.all(), stored.metadata[Self.checksum] == Self.checksum(tensors)
        else { return nil }
        return tensors
    }

    public func save(_ kind: EncodingKind, _ key: String, _ tensors: [String: Tensor]) throws {
        let file = file(kind, key)
        let folder = file.deletingLastPathComponent()
        do {
            try createFolder(folder)
        } catch {
            throw CacheError.unusable(folder.path, error.reason)
        }
        // Thousands of small files: waiting for the disk after each would take longer than many of them take to make.
        try SafeTensors.write(tensors.map { ($0.key, $0.value) }, metadata: [Self.checksum: Self.checksum(tensors)], to: file, isFlushed: false)
    }

    private static let checksum = "checksum"

    private static func checksum(_ tensors: [String: Tensor]) -> String {
        var key = ContentKey()
        key.update(tensors)
        return key.text
    }
}

/// Encoded images and captions in memory.
public final class EncodingMemory: EncodingStore, @unchecked Sendable {
    // `entries` is touched under the lock alone.
    private let lock = NSLock()
    private var entries: [EncodingKind: [String: [String: Tensor]]] = [:]

    public init() {}

    public func contains(_ kind: EncodingKind, _ key: String) -> Bool { load(kind, key) != nil }

    public func load(_ kind: EncodingKind, _ key: String) -> [String: Tensor]? { lock.withLock { entries[kind]?[key] } }

    public func save(_ kind: EncodingKind, _ key: String, _ tensors: [String: Tensor]) { lock.withLock { entries[kind, default: [:]][key] = tensors } }
}
