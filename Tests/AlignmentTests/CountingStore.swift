import Encoding
import Foundation
import Torch

/// A store that counts what is made for it, and may take its time.
final class CountingStore: EncodingStore, @unchecked Sendable {
    private let store: any EncodingStore
    private let delay: TimeInterval
    private let lock = NSLock()
    private var counts: [EncodingKind: Int] = [:]

    init(_ store: any EncodingStore = EncodingMemory(), delay: TimeInterval = 0) {
        self.store = store
        self.delay = delay
    }

    var latents: Int { lock.withLock { counts[.latents] ?? 0 } }
    var states: Int { lock.withLock { counts[.states] ?? 0 } }

    func contains(_ kind: EncodingKind, _ key: String) -> Bool { store.contains(kind, key) }
    func load(_ kind: EncodingKind, _ key: String) -> [String: Tensor]? { store.load(kind, key) }

    func save(_ kind: EncodingKind, _ key: String, _ tensors: [String: Tensor]) throws {
        lock.withLock { counts[kind, default: 0] += 1 }
        if delay > 0 { Thread.sleep(forTimeInterval: delay) }
        try store.save(kind, key, tensors)
    }
}
