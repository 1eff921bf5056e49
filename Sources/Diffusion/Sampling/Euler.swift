import Storage
import Torch

/// Euler's method on the probability-flow ODE dx/dσ = (x − x̂₀)/σ (Karras et al., arXiv 2206.00364, algorithm 1 without its second-order
/// correction), where x = x₀ + σ·ε is not scaled down as the network's x_t = √ᾱ·x is.
public struct Euler: Sampler {
    public let schedule: NoiseSchedule
    public let spacing: TimestepSpacing
    public let offset: Int
    /// σ beyond the last step.
    public let finalSigma: Float

    /// Between the training timesteps, for `linspace`: not rounded, in float32.
    public func timesteps(_ steps: Int) throws -> [Double] {
        try check(steps)
        return try checked(spacing.timesteps(steps, of: schedule.count, offset: offset).map { Double(Float($0)) }, steps: steps)
    }

    public func walk(
        from noise: Tensor, steps: Int, varianceNoise: VarianceNoise, observer: (_ index: Int, _ x: Tensor) throws -> Void, denoiser: GuidedDenoiser
    ) throws -> Tensor {
        let timesteps = try timesteps(steps)
        let sigmas = schedule.sigmas(at: timesteps) + [finalSigma]
        let greatest = sigmas.max() ?? 0
        // `leading` does not start at the noisiest timestep: the start is then √(x₀² + σ²) for an x₀ of variance 1.
        var x = (spacing == .leading ? (greatest * greatest + 1).squareRoot() : greatest) * noise
        for (index, t) in timesteps.enumerated() {
            let sigma = sigmas[index]
            let output = try denoiser(x / (sigma * sigma + 1).squareRoot(), t)
            let original = schedule.predictedOriginal(output, x, sigma: sigma)
            x = x + (sigmas[index + 1] - sigma) * ((x - original) / sigma)
            try observer(index, x)
        }
        return x
    }
}

extension NoiseSchedule {
    /// σ at timesteps that may lie between the training timesteps, linearly interpolated in double precision.
    func sigmas(at timesteps: [Double]) -> [Float] {
        let sigmas = sigmas.map(Double.init)
        return timesteps.map { t in
            let below = min(Int(t), sigmas.count - 1)
            let above = min(below + 1, sigmas.count - 1)
            return Float((sigmas[above] - sigmas[below]) * (t - Double(below)) + sigmas[below])
        }
    }
}

extension Euler: ConfiguredSampler {
    static let className = "EulerDiscreteScheduler"
    static let supportedValues: [String: [JSONValue]] = [
        "interpolation_type": [.string("linear")], "timestep_type": [.string("discrete")],
        "use_karras_sigmas": [.null, .bool(false)], "use_exponential_sigmas": [.null, .bool(false)], "use_beta_sigmas": [.null, .bool(false)],
    ]

    init(_ configuration: SchedulerConfiguration, _ schedule: NoiseSchedule, eta _: Double) {
        self.init(
            schedule: schedule, spacing: configuration.timestepSpacing ?? .linspace, offset: configuration.stepsOffset ?? 0,
            finalSigma: configuration.finalSigma == .least ? schedule.sigmas[0] : 0)
    }
}
