import Torch

extension DenoisingPipeline {
    /// Draws latents `[B, …]`, scaled as the denoiser knows them, in one batch, each from a generator of its own.
    ///
    /// - Parameters:
    ///   - conditioning: of `B` examples.
    ///   - unconditional: of the negative prompts, `B` of them or one for all; not looked at without guidance.
    ///   - seeds: `B` of them.
    ///   - shape: of one example's latents; the size that the model was made for by default.
    ///   - denoiser: draws in place of the pipeline's own, such as a run's policy.
    /// - Throws: `GenerationError.notFinite` where the answers are, and what `latentSampler` throws.
    public func latents(
        _ conditioning: Conditioning, unconditional: Conditioning, seeds: [UInt64], shape: [Int]? = nil, settings: SamplingSettings,
        denoiser: (any Denoiser)? = nil, progress: (_ made: Int) throws -> Void = { _ in }
    ) throws -> Tensor {
        let denoiser = denoiser ?? unet
        let noise = SeededNoise(seeds: seeds, shape: shape ?? latentShape, on: denoiser.device)
        let latents = try latentSampler(settings).draw(
            denoiser, conditioning.to(denoiser.device), unconditional: unconditional.to(denoiser.device), start: noise.next(), stepNoise: noise.next,
            sharesOut: true,
            progress: progress)
        try GenerationError.check(latents, "latents", seeds)
        return latents
    }

    /// How this model draws latents, with the corrections that diffusers' `StableDiffusionPipeline` makes to every scheduler file, and `AnimateDiffPipeline` does
    /// not.
    public func latentSampler(_ settings: SamplingSettings) throws -> LatentSampler {
        try LatentSampler(settings, unet.configuration.motion == nil ? scheduler.inStableDiffusionPipeline : scheduler)
    }

    /// Of one example, `[C, h, w]`, in the size that the model was made for; of a clip's frame where it draws clips.
    public var latentShape: [Int] {
        let sides = unet.configuration.sampleSides
        return [unet.configuration.inChannels, sides.height, sides.width]
    }
}
