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
    /// Δ_w = m_w − r_w, zero for equal weights: the loss is made of these differences, whose β-fold leaves no room for another rounding.
    public var winnerDifference: Tensor { differences?.winner ?? policyWinner - referenceWinner }
    /// Δ_r = m_r − r_r
    public var loserDifference: Tensor { differences?.loser ?? policyLoser - referenceLoser }

    /// Where they are known better than by the errors.
    private let differences: (winner: Tensor, loser: Tensor)?

    public init(
        policyWinner: Tensor, policyLoser: Tensor, referenceWinner: Tensor, referenceLoser: Tensor, differences: (winner: Tensor, loser: Tensor)? = nil
    ) {
        self.policyWinner = policyWinner
        self.policyLoser = policyLoser
        self.referenceWinner = referenceWinner
        self.referenceLoser = referenceLoser
        self.differences = differences
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
    /// - Parameter hasDouble: whether the device has float64; elsewhere the differences are summed by themselves
    static func of(policyAnswer: Tensor, referenceAnswer: Tensor, to both: NoisedLatents, hasDouble: Bool) -> DenoisingErrors {
        let reference = noGradients { both.errors(of: referenceAnswer) }.chunks(2)
        let policy = both.errors(of: policyAnswer).chunks(2)
        let differences = hasDouble ? nil : PairedReduction.difference(policyAnswer, referenceAnswer, target: both.target).chunks(2)
        return DenoisingErrors(
            policyWinner: policy[0], policyLoser: policy[1], referenceWinner: reference[0], referenceLoser: reference[1],
            differences: differences.map { ($0[0], $0[1]) })
    }
}
