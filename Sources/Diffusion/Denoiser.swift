import Networks
import Torch

/// A network that says what of its input is noise: all that trainer, samplers, validation and evaluation know of a model.
public protocol Denoiser: Sendable {
    /// Where it computes, and where what it is given must lie.
    var device: Device { get }
    /// In which it computes; its answer is float32 always.
    var precision: Precision { get set }
    /// Whether parts of it are run again for the gradient instead of keeping what they computed: less memory, the same gradient, more time.
    var recomputesBlocks: Bool { get set }

    /// The answer, such as ε or v, which its noise process can read.
    /// - Parameters:
    ///   - x: noised latents of any rank, axis 0 the example
    ///   - time: of the noise process, `[B]`, or `[1]` shared by the batch; on any device
    ///   - conditioning: of the same examples
    func callAsFunction(_ x: Tensor, at time: Tensor, _ conditioning: Conditioning) -> Tensor
}

extension UNet: Denoiser {
    public func callAsFunction(_ x: Tensor, at time: Tensor, _ conditioning: Conditioning) -> Tensor {
        self(x, timesteps: time, context: conditioning[Conditioning.text])
    }
}

/// Axis 0 is the example.
extension Tensor {
    /// The mean over all other axes, `[B]`.
    public var exampleMeans: Tensor { mean(Array(1..<rank)) }

    /// Values of examples `[B]` in the shape in which they meet tensors of that rank, `[B, 1, …]`.
    public func alongExamples(rank: Int) -> Tensor { reshaped([count] + Array(repeating: 1, count: rank - 1)) }
}
