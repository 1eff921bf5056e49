import Diffusion
import Storage
import Torch

extension ContentKey {
    func update(_ tensors: [String: Tensor]) {
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            update(name)
            tensor.withUnsafeBytes(update)
        }
    }
}

extension DenoisingPipeline {
    /// Of the UNet's weights: equal keys stand for equal weights.
    public var unetKey: String {
        let key = ContentKey()
        key.update(unetTensors)
        return key.finish()
    }
}
