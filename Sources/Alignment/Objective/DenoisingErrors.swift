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
        let ofReference = noGradients { both.errors(of: reference, twice).chunks(2) }
        let ofPolicy = both.errors(of: policy, twice).chunks(2)
        return DenoisingErrors(policyWinner: ofPolicy[0], policyLoser: ofPolicy[1], referenceWinner: ofReference[0], referenceLoser: ofReference[1])
    }
}
