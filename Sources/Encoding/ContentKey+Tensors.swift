import Diffusion
import Storage
import Torch

extension ContentKey {
    mutating func update(_ tensors: [String: Tensor]) {
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            update(name)
            tensor.withUnsafeBytes { update($0) }
        }
    }
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
