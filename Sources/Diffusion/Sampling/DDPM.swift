import Storage
import Torch

/// Ancestral sampling of denoising diffusion probabilistic models (Ho et al., arXiv 2006.11239, equations 6, 7 and 15), over any subset
/// of the timesteps: α and β below belong to the step from one visited timestep to the next.
public struct DDPM: Sampler {
    public let schedule: NoiseSchedule
    public let spacing: TimestepSpacing
    public let offset: Int
    /// x̂₀ is clamped to ± this, if given.
    public let clipRange: Double?
    public let variance: Variance
    public var isStochastic: Bool { true }

    /// Which variance the noise of a step has.
    public enum Variance: String, Sendable {
        /// β̃ = (1 − ᾱ_next)/(1 − ᾱ)·β.
        case posterior = "fixed_small"
        /// β.
        case forward = "fixed_large"
    }

    public func timesteps(_ steps: Int) throws -> [Double] {
        try check(steps)
        return try wholeTimesteps(steps, spacing, offset: offset)
    }

    public func walk(
        from noise: Tensor, steps: Int, varianceNoise: VarianceNoise, observer: (_ index: Int, _ x: Tensor) throws -> Void, denoiser: GuidedDenoiser
    ) throws -> Tensor {
        let timesteps = try timesteps(steps)
        var x = noise
        for (index, t) in timesteps.enumerated() {
            let cumulative = schedule.cumulative[Int(t)]
            let nextCumulative = index + 1 < timesteps.count ? schedule.cumulative[Int(timesteps[index + 1])] : 1
            let alpha = cumulative / nextCumulative
            let beta = 1 - alpha

            var original = schedule.predictedOriginal(try denoiser(x, t), x, alpha: cumulative)
            if let clipRange { original = original.clamped(-clipRange, clipRange) }
            let mean =
                (nextCumulative.squareRoot() * beta / (1 - cumulative)) * original
                + (alpha.squareRoot() * (1 - nextCumulative) / (1 - cumulative)) * x
            x = t > 0 ? mean + deviation(beta, cumulative, nextCumulative) * varianceNoise(index) : mean
            try observer(index, x)
        }
        return x
    }

    private func deviation(_ beta: Float, _ cumulative: Float, _ nextCumulative: Float) -> Float {
        switch variance {
        case .posterior: max((1 - nextCumulative) / (1 - cumulative) * beta, 1e-20).squareRoot()
        case .forward: beta.squareRoot()
        }
    }
}

extension DDPM: ConfiguredSampler {
    static let className = "DDPMScheduler"
    static let supportedValues: [String: [JSONValue]] = [
        "thresholding": [.bool(false)], "variance_type": [.null, .string("fixed_small"), .string("fixed_large")],
    ]

    init(_ configuration: SchedulerConfiguration, _ schedule: NoiseSchedule, eta _: Double) {
        self.init(
            schedule: schedule, spacing: configuration.timestepSpacing ?? .leading, offset: configuration.stepsOffset ?? 0,
            clipRange: configuration.clipRange, variance: configuration.varianceType.flatMap(Variance.init) ?? .posterior)
    }
}
