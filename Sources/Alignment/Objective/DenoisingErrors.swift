import Diffusion
import Torch

/// ‖target − prediction‖² of policy and reference on winner and losing sample: means over all axes but the example's, `[B]`, float32.
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

    /// Measures policy and reference on the same inputs in the same layout, so that equal weights give exactly equal errors: the flip depends on ties.
    /// - Parameters:
    ///   - reference: not differentiated
    ///   - winner: noised winners
    ///   - loser: noised losing samples
    public static func measure(
        policy: any Denoiser, reference: any Denoiser, winner: NoisedLatents, loser: NoisedLatents, _ conditioning: Conditioning
    ) -> DenoisingErrors {
        let both = winner.joined(with: loser)
        let twice = Conditioning.concatenated([conditioning, conditioning])
        // The reference goes first: while it computes, the policy's activations are not yet kept for the gradient.
        let referenceAnswer = noGradients { reference(both.latents, at: both.times, twice) }
        return of(policyAnswer: policy(both.latents, at: both.times, twice), referenceAnswer: referenceAnswer, to: both, hasDouble: policy.device.hasDouble)
    }

    /// Errors of answers to winners and losing samples, in one batch.
    /// - Parameter hasDouble: whether the device has float64; elsewhere the policy's error is the reference's and the difference, summed by itself
    static func of(policyAnswer: Tensor, referenceAnswer: Tensor, to both: NoisedLatents, hasDouble: Bool) -> DenoisingErrors {
        let ofReference = noGradients { both.errors(of: referenceAnswer) }
        let ofPolicy =
            hasDouble
            ? both.errors(of: policyAnswer) : ofReference + PairedReduction.difference(policyAnswer, referenceAnswer, target: both.target)
        let (reference, policy) = (ofReference.chunks(2), ofPolicy.chunks(2))
        return DenoisingErrors(policyWinner: policy[0], policyLoser: policy[1], referenceWinner: reference[0], referenceLoser: reference[1])
    }
}
