import Torch

/// Classifier-free guidance (Ho and Salimans, arXiv 2207.12598): ε̂ = ε̂(∅) + scale·(ε̂(c) − ε̂(∅)), for v alike.
///
/// A scale of 1 or less is no guidance: the network is called with the conditional states alone. That is diffusers' rule, so a setting
/// that was found there (0 for a distilled model) draws the same image here.
public struct Guidance: Sendable, Equatable {
    public let scale: Double

    /// Whether the network is called on twice the batch.
    public var isOn: Bool { scale > 1 }

    public init(scale: Double) { self.scale = scale }

    /// The network as a sampler's denoiser.
    ///
    /// - Parameters:
    ///   - conditional: of the prompts, `B` of them.
    ///   - unconditional: of the negative or empty prompts, `B` of them or one for all; not looked at without guidance.
    ///   - network: from x `[N, …]`, the timestep and the conditioning of `N` examples to its answer, N being 2·B under guidance: the
    ///     unconditional half first, in one call.
    public func guided(
        _ conditional: Conditioning, unconditional: Conditioning,
        network: @escaping (_ x: Tensor, _ timestep: Double, _ conditioning: Conditioning) throws -> Tensor
    ) -> GuidedDenoiser {
        guard isOn else { return { x, t in try network(x, t, conditional) } }
        let both = Conditioning.concatenated([unconditional.expanded(to: conditional.count), conditional])
        return { x, t in
            let answers = try network(Tensor.concatenated([x, x]), t, both).chunks(2)
            return answers[0] + scale * (answers[1] - answers[0])
        }
    }
}
