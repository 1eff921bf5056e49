import CFFmpeg
import Diffusion
import Foundation
import Torch

/// A SHA-256 over everything that a cached result depends on.
struct ContentKey {
    private let context: OpaquePointer

    init() {
        guard let context = av_sha_alloc(), av_sha_init(context, 256) == 0 else { fatalError("no memory for a checksum") }
        self.context = context
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        // The length goes first, so that neighbouring parts cannot be taken for one another.
        var length = UInt64(bytes.count).littleEndian
        withUnsafeBytes(of: &length) { av_sha_update(context, $0.bindMemory(to: UInt8.self).baseAddress, $0.count) }
        av_sha_update(context, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    }

    func update(_ text: String) { Array(text.utf8).withUnsafeBytes(update) }

    func update(contentsOf file: URL) throws {
        let data = try Data(contentsOf: file, options: .mappedIfSafe)
        data.withUnsafeBytes(update)
    }

    func update(_ tensors: [String: Tensor]) {
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            update(name)
            tensor.withUnsafeBytes(update)
        }
    }

    /// The key in hexadecimal; ends the computation.
    func finish() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        av_sha_final(context, &digest)
        av_free(UnsafeMutableRawPointer(context))
        return digest.map { String(format: "%02x", $0) }.joined()
    }
}

extension Pipeline {
    /// Of the UNet's weights: equal keys stand for equal weights.
    public var unetKey: String {
        let key = ContentKey()
        key.update(unetTensors)
        return key.finish()
    }
}
