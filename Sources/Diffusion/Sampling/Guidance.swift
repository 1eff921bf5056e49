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
    ///   - conditional: text states `[B, L, D]` of the prompts.
    ///   - unconditional: of the negative or empty prompt, `[B, L, D]`, or `[1, L, D]` for all images; not looked at without guidance.
    ///   - network: from x `[N, C, H, W]`, the timestep and text states `[N, L, D]` to its answer, N being 2·B under guidance: the
    ///     unconditional half first, in one call.
    public func denoiser(
        conditional: Tensor, unconditional: Tensor, network: @escaping (_ x: Tensor, _ timestep: Double, _ states: Tensor) throws -> Tensor
    ) -> Denoiser {
        guard isOn else { return { x, t in try network(x, t, conditional) } }
        let states = Tensor.concatenated([unconditional.expanded([conditional.size(0), -1, -1]), conditional])
        return { x, t in
            let answers = try network(Tensor.concatenated([x, x]), t, states).chunks(2)
            return answers[0] + scale * (answers[1] - answers[0])
        }
    }
}
