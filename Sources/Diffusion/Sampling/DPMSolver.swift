import Foundation
import Storage
import Torch

/// DPM-Solver++(2M) (Lu et al., arXiv 2211.01095, algorithm 2): an exponential integrator in λ = log(α/σ) of the predicted x̂₀, with
/// x_t = α·x₀ + σ·ε.
public struct DPMSolver: Sampler {
    public let schedule: NoiseSchedule
    public let spacing: TimestepSpacing
    public let offset: Int
    /// 1 or 2.
    public let order: Int
    public let correction: Correction
    /// Noise level √((1 − ᾱ)/ᾱ) beyond the last step.
    public let finalSigma: Float
    /// Whether the last of fewer than 15 steps is of first order.
    public let lowersFinalOrder: Bool
    /// Whether the last step always is.
    public let endsInEuler: Bool
    /// Timesteps with a smaller λ are not visited.
    public let leastLambda: Float

    /// How the second-order term is integrated.
    public enum Correction: String, Sendable { case midpoint, heun }

    public func timesteps(_ steps: Int) throws -> [Double] {
        let visited = schedule.cumulative.prefix { Level(alphaCumulative: $0).lambda >= leastLambda }.count
        try check(steps, atMost: spacing == .trailing ? schedule.count : visited - 1)
        let timesteps: [Double] =
            switch spacing {
            case .trailing: spacing.timesteps(steps, of: schedule.count, below: visited, offset: 0).filter { $0 >= 0 }
            // One more than asked for, without the last: the step from there on is to no noise at all.
            case .leading: spacing.timesteps(steps + 1, of: visited, offset: offset).dropLast()
            case .linspace: spacing.timesteps(steps + 1, of: visited, offset: 0).dropLast()
            }
        return try checked(timesteps.map { $0.rounded(.toNearestOrEven) }, steps: steps)
    }

    public func walk(
        from noise: Tensor, steps: Int, varianceNoise: VarianceNoise, observer: (_ index: Int, _ x: Tensor) throws -> Void, denoiser: GuidedDenoiser
    ) throws -> Tensor {
        let timesteps = try timesteps(steps)
        let levels = (schedule.sigmas(at: timesteps) + [finalSigma]).map { Level(noise: $0) }
        var x = noise
        var former: Tensor?
        for (index, t) in timesteps.enumerated() {
            let (here, next) = (levels[index], levels[index + 1])
            let output = try denoiser(x, t)
            let original = schedule.predictedOriginal(output, x, signal: here.alpha, noise: here.sigma)
            let isFirstOrderEnd =
                index == timesteps.count - 1 && (endsInEuler || lowersFinalOrder && timesteps.count < 15 || finalSigma == 0)
            let step = next.lambda - here.lambda
            let shrinking = exp(-step) - 1
            x = (next.sigma / here.sigma) * x - (next.alpha * shrinking) * original
            if let former, order == 2, !isFirstOrderEnd {
                let ratio = (here.lambda - levels[index - 1].lambda) / step
                let slope = (1 / ratio) * (original - former)
                switch correction {
                case .midpoint: x = x - (0.5 * (next.alpha * shrinking)) * slope
                case .heun: x = x + (next.alpha * (shrinking / step + 1)) * slope
                }
            }
            former = original
            try observer(index, x)
        }
        return x
    }

    /// α, σ and λ where σ/α is the given noise level.
    private struct Level {
        let alpha: Float
        let sigma: Float
        var lambda: Float { log(alpha) - log(sigma) }

        init(noise: Float) {
            alpha = 1 / (noise * noise + 1).squareRoot()
            sigma = noise * alpha
        }

        init(alphaCumulative: Float) {
            alpha = alphaCumulative.squareRoot()
            sigma = (1 - alphaCumulative).squareRoot()
        }
    }
}

extension DPMSolver: ConfiguredSampler {
    static let className = "DPMSolverMultistepScheduler"
    static let supportedValues: [String: [JSONValue]] = [
        "thresholding": [.bool(false)], "algorithm_type": [.string("dpmsolver++"), .string("deis")],
        // DDPM's choices stand in files that were DDPM's; DPM-Solver has no variance.
        "variance_type": [.null] + ["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"].map { .string($0) },
        "solver_order": [.null, .number(1), .number(2)], "solver_type": [.null] + ["midpoint", "heun", "logrho", "bh1", "bh2"].map { .string($0) },
        "use_karras_sigmas": [.null, .bool(false)], "use_exponential_sigmas": [.null, .bool(false)], "use_beta_sigmas": [.null, .bool(false)],
        "use_lu_lambdas": [.null, .bool(false)], "use_flow_sigmas": [.null, .bool(false)],
    ]

    init(_ configuration: SchedulerConfiguration, _ schedule: NoiseSchedule, eta _: Double) {
        self.init(
            schedule: schedule, spacing: configuration.timestepSpacing ?? .linspace, offset: configuration.stepsOffset ?? 0,
            order: configuration.solverOrder ?? 2, correction: configuration.solverType == "heun" ? .heun : .midpoint,
            finalSigma: configuration.finalSigma == .least ? schedule.sigmas[0] : 0, lowersFinalOrder: configuration.lowerOrderFinal ?? true,
            endsInEuler: configuration.eulerAtFinal ?? false, leastLambda: Float(configuration.leastLambda ?? -.infinity))
    }
}
