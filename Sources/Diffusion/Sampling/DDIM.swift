import Storage
import Torch

/// Denoising diffusion implicit models (Song et al., arXiv 2010.02502, equations 12 and 16).
public struct DDIM: Sampler {
    public let schedule: NoiseSchedule
    public let spacing: TimestepSpacing
    public let offset: Int
    /// ᾱ beyond the last step.
    public let finalAlpha: Float
    /// x̂₀ is clamped to ± this, if given.
    public let clipRange: Double?
    /// 0: deterministic; 1: the variance of DDPM.
    public let eta: Double
    public var isStochastic: Bool { eta > 0 }

    public func timesteps(_ steps: Int) throws -> [Double] {
        try check(steps)
        return try wholeTimesteps(steps, spacing, offset: offset)
    }

    public func walk(
        from noise: Tensor, steps: Int, varianceNoise: VarianceNoise, observer: (_ index: Int, _ x: Tensor) throws -> Void, denoiser: GuidedDenoiser
    ) throws -> Tensor {
        let stride = schedule.count / steps
        var x = noise
        for (index, t) in try timesteps(steps).enumerated() {
            let next = Int(t) - stride
            let alpha = schedule.cumulative[Int(t)]
            let nextAlpha = next >= 0 ? schedule.cumulative[next] : finalAlpha
            let variance = (1 - nextAlpha) / (1 - alpha) * (1 - alpha / nextAlpha)
            let deviation = Float(eta) * variance.squareRoot()

            let output = try denoiser(x, t)
            var original = schedule.predictedOriginal(output, x, alpha: alpha)
            if let clipRange { original = original.clamped(-clipRange, clipRange) }
            // Rounding can leave less than nothing here at η = 1.
            let direction = max(0, 1 - nextAlpha - deviation * deviation).squareRoot() * schedule.predictedNoise(output, x, alpha: alpha)
            x = nextAlpha.squareRoot() * original + direction
            if eta > 0 { x = x + deviation * varianceNoise(index) }
            try observer(index, x)
        }
        return x
    }
}

extension DDIM: ConfiguredSampler {
    static let className = "DDIMScheduler"
    static let supportedValues: [String: [JSONValue]] = ["thresholding": [.bool(false)]]

    init(_ configuration: SchedulerConfiguration, _ schedule: NoiseSchedule, eta: Double) {
        self.init(
            schedule: schedule, spacing: configuration.timestepSpacing ?? .leading, offset: configuration.stepsOffset ?? 0,
            finalAlpha: (configuration.setAlphaToOne ?? true) ? 1 : schedule.cumulative[0], clipRange: configuration.clipRange, eta: eta)
    }
}
