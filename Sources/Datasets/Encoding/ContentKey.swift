import Crypto
import Diffusion
import Foundation
import Torch

extension Digest {
    /// In hexadecimal.
    var text: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// A SHA-256 over everything that a cached result depends on.
struct ContentKey {
    private var hash = SHA256()

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        // The length goes first, so that neighbouring parts cannot be taken for one another.
        withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { hash.update(bufferPointer: $0) }
        hash.update(bufferPointer: bytes)
    }

    mutating func update(_ text: String) { Array(text.utf8).withUnsafeBytes { update($0) } }

    mutating func update(_ tensors: [String: Tensor]) {
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            update(name)
            tensor.withUnsafeBytes { update($0) }
        }
    }

    /// In hexadecimal.
    var text: String { hash.finalize().text }
}

extension DenoisingPipeline {
    /// Of the UNet's weights: equal keys stand for equal weights.
    public var unetKey: String {
        // The number counts changes of what is made of a file's tensors.
        DigestCache.ofUser.digest(of: "UNet 1 \(unet.configuration)", unetFiles) {
            var key = ContentKey()
            key.update(unetTensors)
            return key.text
        }
    }
}
