import Torch

/// What a denoiser is given and what it should answer. `NoiseSchedule.noise(_:with:at:)` makes it.
public struct NoisedLatents: Sendable {
    /// `[B, …]`
    public let latents: Tensor
    /// `[B]`
    public let times: Tensor
    /// The right answer, such as ε or v, of the latents' shape.
    public let target: Tensor

    public init(latents: Tensor, times: Tensor, target: Tensor) { (self.latents, self.times, self.target) = (latents, times, target) }

    /// One batch of both, first these.
    public func joined(with other: NoisedLatents) -> NoisedLatents {
        NoisedLatents(
            latents: Tensor.concatenated([latents, other.latents]), times: Tensor.concatenated([times, other.times]),
            target: Tensor.concatenated([target, other.target]))
    }

    /// The examples at `places` of the batch.
    public func gathered(_ places: [Int]) -> NoisedLatents {
        NoisedLatents(latents: latents.gathered(places), times: times.gathered(places), target: target.gathered(places))
    }

    /// ‖target − answer‖² of each example, the mean over its elements, `[B]`, float32.
    public func errors(of denoiser: any Denoiser, _ conditioning: Conditioning) -> Tensor { errors(of: denoiser(latents, at: times, conditioning)) }

    /// The same of an answer that is known.
    public func errors(of answer: Tensor) -> Tensor {
        let difference = answer - target
        // Summed in double: β multiplies the difference of two nearly equal errors, and their rounding, by thousands.
        return (target.device.hasDouble ? difference.to(.float64) : difference).squared.exampleMeans.to(.float32)
    }
}
