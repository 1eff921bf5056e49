import Torch

/// The way from noise to latents, of generated images, reference samples and validation samples alike: a denoiser, guided, under a sampler.
public struct LatentSampler: Sendable {
    private let sampler: any Sampler
    private let steps: Int
    private let guidance: Guidance
    /// How often a denoiser is called.
    public let calls: Int

    /// - Throws: `GenerationError` for numbers that make no sense, and `SamplingError` or `SchedulerError` where the settings do not suit the scheduler.
    public init(_ settings: SamplingSettings, _ scheduler: SchedulerConfiguration) throws {
        guidance = try settings.classifierFreeGuidance
        sampler = try scheduler.sampler(settings.sampler, eta: settings.eta)
        steps = settings.steps
        calls = try sampler.timesteps(steps).count
    }

    /// Draws latents `[B, …]`, scaled as the denoiser knows them; records no gradient.
    /// - Parameters:
    ///   - conditioning: of `B` examples
    ///   - unconditional: what guidance leads away from, of `B` examples or of one for all; not looked at without guidance
    ///   - start: standard normal, `[B, …]`
    ///   - stepNoise: of the step of that index, asked for in order and only where the sampler adds noise
    ///   - sharesOut: whether parts of the batch are computed at the same time, where that is on the processor
    ///   - progress: called after every call of the denoiser with the number of calls made
    public func draw(
        _ denoiser: any Denoiser, _ conditioning: Conditioning, unconditional: Conditioning, start: Tensor, stepNoise: @escaping VarianceNoise,
        sharesOut: Bool = false, progress: (_ made: Int) throws -> Void = { _ in }
    ) throws -> Tensor {
        let guided = guidance.guided(conditioning, unconditional: unconditional) { [schedule = sampler.schedule] x, t, conditioning in
            let time = schedule.tensor([t])
            guard sharesOut else { return denoiser(x, at: time, conditioning) }
            return try Workers.inParts(of: x) { denoiser(x[$0], at: time, conditioning[$0]) }
        }
        return try sampler.sample(start, steps: steps, varianceNoise: stepNoise, observer: { index, _ in try progress(index + 1) }, denoiser: guided)
    }
}

extension Workers {
    /// A network's answer to a batch, parts of it computed at the same time where that is on the processor.
    public static func inParts(of batch: Tensor, _ network: @Sendable (Range<Int>) -> Tensor) throws -> Tensor {
        let parts = try map(batch.size(0), limit: batch.device == .cpu ? .max : 1) { network($1) }
        return parts.count == 1 ? parts[0] : Tensor.concatenated(parts)
    }
}
