import Torch

/// L = mean(−log σ(−(β/2)·(Δ_w − s·Δ_r))) with Δ_w = m_w − r_w, Δ_r = m_r − r_r and s the flip (SePPO, arXiv 2410.05255).
///
/// β counts as in the Diffusion-DPO code: diffusers' training script leaves the ½ out, so its 2500 is 5000 here.
public struct PreferenceObjective: Sendable, Equatable {
    public let beta: Double
    public let flip: Flip

    public init(beta: Double, flip: Flip) {
        self.beta = beta
        self.flip = flip
    }

    public struct Value {
        /// −log σ(margin) of each example, `[B]`.
        public let losses: Tensor
        /// −(β/2)·(Δ_w − s·Δ_r), `[B]`, detached. ln 2 = 0.693 is the loss of a margin of 0: an untrained pair.
        public let margin: Tensor
        /// s, `[B]`.
        public let sign: Tensor
    }

    /// - Parameter advantage: what the flip looks at, r_w − m_w by default; several draws of (t, ε) may be averaged into it.
    public func callAsFunction(_ e: DenoisingErrors, advantage: Tensor? = nil) -> Value {
        let s = sign(of: (advantage ?? -e.winnerDifference).detached)
        let margin = (e.winnerDifference - s * e.loserDifference) * (-beta / 2)
        return Value(losses: -margin.logSigmoid, margin: margin.detached, sign: s)
    }

    private func sign(of advantage: Tensor) -> Tensor {
        switch flip {
        case .sign: advantage.sign
        case .indicator: (advantage .> 0).to(.float32)
        case .none: Tensor.ones(advantage.shape).to(advantage.device)
        }
    }
}
