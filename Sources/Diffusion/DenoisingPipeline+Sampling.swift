import Networks
import Torch

extension DenoisingPipeline {
    /// Draws latents `[B, C, h, w]`, scaled as the UNet knows them, in one batch.
    ///
    /// - Parameters:
    ///   - textStates: `[B, L, D]`.
    ///   - unconditional: of the negative prompts, `[B, L, D]` or `[1, L, D]`; not looked at without guidance.
    ///   - seeds: `B` of them.
    ///   - shape: of one image's latents, `[C, h, w]`; a square of the UNet's size by default.
    public func latents(
        _ textStates: Tensor, unconditional: Tensor, seeds: [UInt64], shape: [Int]? = nil, settings: SamplingSettings, unet: UNet? = nil,
        progress: (_ made: Int) throws -> Void = { _ in }
    ) throws -> Tensor {
        let unet = unet ?? self.unet
        let sides = unet.configuration.sampleSides
        let noise = SeededNoise(seeds: seeds, shape: shape ?? [unet.configuration.inChannels, sides.height, sides.width])
        let denoiser = try settings.classifierFreeGuidance.denoiser(conditional: textStates, unconditional: unconditional) { x, t, states in
            try Workers.inParts(of: x) { unet(x[$0], timesteps: Tensor([Float(t)]), context: states[$0]) }
        }
        let latents = try sampler(settings).sample(
            noise.next(), steps: settings.steps, varianceNoise: noise.next, observer: { index, _ in try progress(index + 1) }, denoiser: denoiser)
        try GenerationError.check(latents, "latents", seeds)
        return latents
    }

    /// The sampler of these settings, with the corrections that diffusers' `StableDiffusionPipeline` makes to every scheduler file.
    public func sampler(_ settings: SamplingSettings) throws -> any Sampler {
        try scheduler.inStableDiffusionPipeline.sampler(settings.sampler, eta: settings.eta)
    }
}

extension Workers {
    /// A network's answer to a batch, parts of it computed at the same time where that is on the processor.
    public static func inParts(of batch: Tensor, _ network: @Sendable (Range<Int>) -> Tensor) throws -> Tensor {
        let parts = try map(batch.size(0), limit: batch.device == .cpu ? .max : 1) { network($1) }
        return parts.count == 1 ? parts[0] : Tensor.concatenated(parts)
    }
}
