import Torch

/// What the network is trained to predict.
public enum PredictionType: String, Codable, Sendable, CaseIterable {
    /// The noise ε.
    case epsilon
    /// The velocity v = √ᾱ·ε − √(1 − ᾱ)·x₀ (Salimans and Ho, arXiv 2202.00512).
    case velocity = "v_prediction"
}

/// How the noise grows over the training timesteps: q(x_t | x₀) = N(√ᾱ_t·x₀, (1 − ᾱ_t)·I), with ᾱ_t = ∏ (1 − β_s) for s ≤ t
/// (Ho et al., arXiv 2006.11239, equation 4).
///
/// All numbers are float32 and computed by libtorch in the order that diffusers computes them in, so they are the same bits.
public struct NoiseSchedule: Sendable {
    /// β, `[T]`.
    public let betas: Tensor
    /// ᾱ, `[T]`.
    public let alphasCumulative: Tensor
    public let predictionType: PredictionType
    /// ᾱ again, for the coefficients of the samplers.
    let cumulative: [Float]

    /// T.
    public var count: Int { cumulative.count }

    /// - Parameter leastAlpha: stands in for the last ᾱ where that is zero and a sampler divides by it.
    init(betas: Tensor, predictionType: PredictionType, leastAlpha: Float? = nil) {
        let alphas = (-betas + 1).cumulativeProduct(0)
        var values = alphas.values(Float.self)
        if let leastAlpha, !values.isEmpty { values[values.count - 1] = leastAlpha }
        self.betas = betas
        self.predictionType = predictionType
        cumulative = values
        alphasCumulative = leastAlpha == nil ? alphas : Tensor(values)
    }

    /// q(x_t | x₀) drawn with the given noise: √ᾱ·x₀ + √(1 − ᾱ)·ε, with `x` and `noise` `[B, …]` and timesteps `t` `[B]`.
    public func noised(_ x: Tensor, _ noise: Tensor, at t: Tensor) -> Tensor {
        let (signal, scale) = levels(at: t, like: x)
        return signal * x + scale * noise
    }

    /// What the network should answer at x_t: ε, or v. Shapes as in `noised`.
    public func target(_ x: Tensor, _ noise: Tensor, at t: Tensor) -> Tensor {
        switch predictionType {
        case .epsilon:
            return noise
        case .velocity:
            let (signal, scale) = levels(at: t, like: x)
            return signal * noise - scale * x
        }
    }

    /// ε̂ from what the network answered at `x` = x_t. Shapes as in `noised`.
    public func predictedNoise(_ modelOutput: Tensor, _ x: Tensor, at t: Tensor) -> Tensor {
        switch predictionType {
        case .epsilon:
            return modelOutput
        case .velocity:
            let (signal, scale) = levels(at: t, like: x)
            return signal * modelOutput + scale * x
        }
    }

    /// x̂₀ from what the network answered at `x` = x_t. Shapes as in `noised`.
    public func predictedOriginal(_ modelOutput: Tensor, _ x: Tensor, at t: Tensor) -> Tensor {
        let (signal, scale) = levels(at: t, like: x)
        switch predictionType {
        case .epsilon: return (x - scale * modelOutput) / signal
        case .velocity: return signal * x - scale * modelOutput
        }
    }

    /// √ᾱ and √(1 − ᾱ) at `t`, `[B, 1, …]`, in the type and on the device of `x`.
    private func levels(at t: Tensor, like x: Tensor) -> (signal: Tensor, scale: Tensor) {
        let alphas = alphasCumulative.to(x.device).to(x.dtype).gathered(t.to(x.device).to(.int64)).alongExamples(rank: x.rank)
        return (alphas.squareRoot, (-alphas + 1).squareRoot)
    }
}

// The same for one timestep, by its ᾱ, inside the samplers: their coefficients are float32 numbers, as in diffusers.
extension NoiseSchedule {
    func predictedNoise(_ modelOutput: Tensor, _ x: Tensor, alpha: Float) -> Tensor {
        switch predictionType {
        case .epsilon: modelOutput
        case .velocity: alpha.squareRoot() * modelOutput + (1 - alpha).squareRoot() * x
        }
    }

    func predictedOriginal(_ modelOutput: Tensor, _ x: Tensor, alpha: Float) -> Tensor {
        predictedOriginal(modelOutput, x, signal: alpha.squareRoot(), noise: (1 - alpha).squareRoot())
    }

    /// x̂₀ where x_t = signal·x₀ + noise·ε.
    func predictedOriginal(_ modelOutput: Tensor, _ x: Tensor, signal: Float, noise: Float) -> Tensor {
        switch predictionType {
        case .epsilon: (x - noise * modelOutput) / signal
        case .velocity: signal * x - noise * modelOutput
        }
    }

    /// x̂₀ where `x` = x₀ + σ·ε: not scaled down as what the network was given.
    func predictedOriginal(_ modelOutput: Tensor, _ x: Tensor, sigma: Float) -> Tensor {
        switch predictionType {
        case .epsilon: x - sigma * modelOutput
        case .velocity: (-sigma / (sigma * sigma + 1).squareRoot()) * modelOutput + x / (sigma * sigma + 1)
        }
    }

    /// σ = √((1 − ᾱ)/ᾱ), `[T]`: the noise level beside an unscaled x₀.
    var sigmas: [Float] { cumulative.map { ((1 - $0) / $0).squareRoot() } }
}

// A float32 coefficient is exact as the double that libtorch takes, and libtorch multiplies float32 tensors by it in float32.
extension Tensor {
    static func * (a: Float, b: Tensor) -> Tensor { b * Double(a) }
    static func / (a: Tensor, b: Float) -> Tensor { a / Double(b) }
}
