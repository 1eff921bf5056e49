import Crypto
import Foundation

extension Digest {
    /// In hexadecimal.
    package var text: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// A SHA-256 over everything that a cached result depends on.
package struct ContentKey {
    private var hash = SHA256()

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        // The length goes first, so that neighbouring parts cannot be taken for one another.
        withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { hash.update(bufferPointer: $0) }
        hash.update(bufferPointer: bytes)
    }

    package mutating func update(_ text: String) { Array(text.utf8).withUnsafeBytes { update($0) } }

    /// In hexadecimal.
    package var text: String { hash.finalize().text }
}
