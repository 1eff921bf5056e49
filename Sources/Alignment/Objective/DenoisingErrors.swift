import Diffusion
import Networks
import Torch

/// ‖target − prediction‖² of policy and reference on winner and losing sample: means over C·H·W, `[B]`, float32.
///
/// The paper's m_w, m_r (policy θ) and r_w, r_r (reference checkpoint).
public struct DenoisingErrors: Sendable {
    public let policyWinner: Tensor
    public let policyLoser: Tensor
    public let referenceWinner: Tensor
    public let referenceLoser: Tensor

    public init(policyWinner: Tensor, policyLoser: Tensor, referenceWinner: Tensor, referenceLoser: Tensor) {
        self.policyWinner = policyWinner
        self.policyLoser = policyLoser
        self.referenceWinner = referenceWinner
        self.referenceLoser = referenceLoser
    }

    /// Policy and reference meet the same inputs in the same layout, so that equal weights give exactly equal errors: the flip depends on ties.
    /// - Parameters:
    ///   - winner: noised winners
    ///   - loser: noised losing samples
    ///   - reference: not differentiated
    public init(policy: UNet, reference: UNet, winner: NoisedLatents, loser: NoisedLatents, states: Tensor) {
        let both = winner.joined(with: loser)
        let twice = Tensor.concatenated([states, states])
        // The reference goes first: while it computes, the policy's activations are not yet kept for the gradient.
        let ofReference = noGradients { both.errors(of: reference, states: twice).chunks(2) }
        let ofPolicy = both.errors(of: policy, states: twice).chunks(2)
        self.init(policyWinner: ofPolicy[0], policyLoser: ofPolicy[1], referenceWinner: ofReference[0], referenceLoser: ofReference[1])
    }
}

/// What a denoiser is given and what it should answer.
public struct NoisedLatents: Sendable {
    /// `[B, C, h, w]`
    public let latents: Tensor
    /// `[B]`, int64
    public let timesteps: Tensor
    /// ε, or v for a v-prediction model, `[B, C, h, w]`
    public let target: Tensor

    public init(_ clean: Tensor, noise: Tensor, timesteps: Tensor, schedule: NoiseSchedule) {
        self.init(
            latents: schedule.noised(clean, noise, at: timesteps), timesteps: timesteps, target: schedule.target(clean, noise, at: timesteps))
    }

    private init(latents: Tensor, timesteps: Tensor, target: Tensor) {
        self.latents = latents
        self.timesteps = timesteps
        self.target = target
    }

    /// One batch of both, first these.
    public func joined(with other: NoisedLatents) -> NoisedLatents {
        NoisedLatents(
            latents: Tensor.concatenated([latents, other.latents]), timesteps: Tensor.concatenated([timesteps, other.timesteps]),
            target: Tensor.concatenated([target, other.target]))
    }

    /// Those at `places` of the batch.
    func gathered(_ places: [Int]) -> NoisedLatents {
        NoisedLatents(latents: latents.gathered(places), timesteps: timesteps.gathered(places), target: target.gathered(places))
    }

    /// The mean squared error of each example, `[B]`, float32.
    public func errors(of network: UNet, states: Tensor) -> Tensor {
        // Summed in double: β multiplies the difference of two nearly equal errors, and their rounding, by thousands.
        (network(latents, timesteps: timesteps, context: states) - target).to(.float64).squared.mean([1, 2, 3]).to(.float32)
    }
}
