import Storage
import Torch

/// Pseudo numerical methods (Liu et al., arXiv 2202.09778): the network's answers are combined by a linear multistep formula before the
/// step that DDIM would take. Without the Runge-Kutta start it is the PLMS of Stable Diffusion 1.x.
public struct PNDM: Sampler {
    public let schedule: NoiseSchedule
    public let spacing: TimestepSpacing
    public let offset: Int
    /// ᾱ beyond the last step.
    public let finalAlpha: Float
    /// Whether the first three steps take four calls each (algorithm 2 of the paper), rather than the first one two.
    public let startsByRungeKutta: Bool

    public func timesteps(_ steps: Int) throws -> [Double] {
        try check(steps, atLeast: startsByRungeKutta ? 4 : 1)
        let single = try wholeTimesteps(steps, spacing, offset: offset)
        guard startsByRungeKutta else {
            // The second timestep twice: the first step is taken again with the mean of the answers at both its ends.
            return steps < 2 ? single : [single[0], single[1]] + single[1...]
        }
        let half = Double(schedule.count / steps / 2)
        let start = (0..<3).flatMap { step in
            let end = single[step + 1]
            return [single[step], end + half, end + half, end]
        }
        return start + single[3...]
    }

    public func walk(
        from noise: Tensor, steps: Int, varianceNoise: VarianceNoise, observer: (_ index: Int, _ x: Tensor) throws -> Void, denoiser: GuidedDenoiser
    ) throws -> Tensor {
        let stride = schedule.count / steps
        let timesteps = try timesteps(steps).map { Int($0) }
        let rungeKuttaCalls = startsByRungeKutta ? 12 : 0
        var x = noise
        var start = noise
        var sum = noise
        var answers: [Tensor] = []
        for (index, t) in timesteps.enumerated() {
            let output = try denoiser(x, Double(t))
            if index < rungeKuttaCalls {
                // Equation 9 four times from the same x, to the middle (twice) and to the end (twice).
                let from = timesteps[index / 4 * 4]
                switch index % 4 {
                case 0:
                    (start, sum) = (x, output * (1.0 / 6))
                    answers.append(output)
                    x = transfer(start, output, from: from, to: t - stride / 2)
                case 1:
                    sum = sum + output * (1.0 / 3)
                    x = transfer(start, output, from: from, to: t)
                case 2:
                    sum = sum + output * (1.0 / 3)
                    x = transfer(start, output, from: from, to: t - stride / 2)
                default:
                    x = transfer(start, sum + output * (1.0 / 6), from: from, to: t)
                }
            } else if index == 1 {
                x = transfer(start, (output + answers[0]) / 2.0, from: t + stride, to: t)
            } else {
                answers = answers.suffix(3) + [output]
                x = transfer(x, Self.multistep(answers), from: t, to: t - stride)
            }
            try observer(index, x)
        }
        return x
    }

    /// Equation 12 and its lower orders, of the newest answers; the last is the newest.
    private static func multistep(_ answers: [Tensor]) -> Tensor {
        let e = Array(answers.reversed())
        return switch e.count {
        case 1: e[0]
        case 2: (3.0 * e[0] - e[1]) / 2.0
        case 3: (23.0 * e[0] - 16.0 * e[1] + 5.0 * e[2]) / 12.0
        default: (1.0 / 24) * (55.0 * e[0] - 59.0 * e[1] + 37.0 * e[2] - 9.0 * e[3])
        }
    }

    /// Equation 9: x at `next`, from x at `t` and the noise in it.
    private func transfer(_ x: Tensor, _ output: Tensor, from t: Int, to next: Int) -> Tensor {
        let alpha = schedule.cumulative[t]
        let nextAlpha = next >= 0 ? schedule.cumulative[next] : finalAlpha
        let noise = schedule.predictedNoise(output, x, alpha: alpha)
        let denominator = alpha * (1 - nextAlpha).squareRoot() + (alpha * (1 - alpha) * nextAlpha).squareRoot()
        return (nextAlpha / alpha).squareRoot() * x - (nextAlpha - alpha) * noise / denominator
    }
}

extension PNDM: ConfiguredSampler {
    static let className = "PNDMScheduler"
    static let supportedValues: [String: [JSONValue]] = [:]

    init(_ configuration: SchedulerConfiguration, _ schedule: NoiseSchedule, eta _: Double) {
        self.init(
            schedule: schedule, spacing: configuration.timestepSpacing ?? .leading, offset: configuration.stepsOffset ?? 0,
            finalAlpha: (configuration.setAlphaToOne ?? false) ? 1 : schedule.cumulative[0], startsByRungeKutta: !(configuration.skipRungeKutta ?? false))
    }
}
