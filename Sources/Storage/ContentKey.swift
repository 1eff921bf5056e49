import CFFmpeg
import Foundation

/// The secure hash algorithm of FIPS 180-4, by FFmpeg.
package final class SHA256 {
    private let context: OpaquePointer

    package init() {
        guard let context = av_sha_alloc(), av_sha_init(context, 256) == 0 else { fatalError("no memory for a checksum") }
        self.context = context
    }

    deinit { av_free(UnsafeMutableRawPointer(context)) }

    package func update(_ bytes: UnsafeRawBufferPointer) { av_sha_update(context, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count) }

    /// The digest in hexadecimal; ends the computation.
    package func finish() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        av_sha_final(context, &digest)
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    package static func hexadecimal(of bytes: [UInt8]) -> String {
        let hash = SHA256()
        bytes.withUnsafeBytes(hash.update)
        return hash.finish()
    }
}

/// A SHA-256 over everything that a cached result depends on.
package struct ContentKey {
    private let hash = SHA256()

    package init() {}

    package func update(_ bytes: UnsafeRawBufferPointer) {
        // The length goes first, so that neighbouring parts cannot be taken for one another.
        withUnsafeBytes(of: UInt64(bytes.count).littleEndian, hash.update)
        hash.update(bytes)
    }

    package func update(_ text: String) { Array(text.utf8).withUnsafeBytes(update) }

    /// The key in hexadecimal; ends the computation.
    package func finish() -> String { hash.finish() }
}
