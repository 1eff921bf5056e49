import Foundation
import Torch

/// How β runs over the training timesteps.
public enum BetaSchedule: String, Codable, Sendable, CaseIterable {
    /// β itself evenly spaced (Ho et al., arXiv 2006.11239).
    case linear
    /// √β evenly spaced (Rombach et al., arXiv 2112.10752, in their code): Stable Diffusion's.
    case scaledLinear = "scaled_linear"
    /// ᾱ a squared cosine, β at most 0.999 (Nichol and Dhariwal, arXiv 2102.09672, equation 17).
    case squaredCosine = "squaredcos_cap_v2"

    /// β, `[count]` float32. The cosine does not use `first` and `last`.
    func betas(count: Int, first: Double, last: Double) -> Tensor {
        switch self {
        case .linear: Tensor.linspace(first, last, count)
        case .scaledLinear: Tensor.linspace(first.squareRoot(), last.squareRoot(), count).squared
        case .squaredCosine: Tensor((0..<count).map { Float(Self.cosineBeta($0, of: count)) })
        }
    }

    private static func cosineBeta(_ step: Int, of count: Int) -> Double {
        func alpha(_ fraction: Double) -> Double {
            let cosine = cos((fraction + 0.008) / 1.008 * .pi / 2)
            return cosine * cosine
        }
        return min(1 - alpha(Double(step + 1) / Double(count)) / alpha(Double(step) / Double(count)), 0.999)
    }

    /// Shifts and scales √ᾱ so that its last value is zero and its first stays (Lin et al., arXiv 2305.08891, algorithm 1).
    static func rescaledToZeroSignal(_ betas: Tensor) -> Tensor {
        let roots = (-betas + 1).cumulativeProduct(0).squareRoot.values(Float.self)
        guard let first = roots.first, let last = roots.last, first != last else { return betas }
        let cumulative = roots.map { root in
            let rescaled = (root - last) * (first / (first - last))
            return rescaled * rescaled
        }
        return Tensor(cumulative.indices.map { 1 - ($0 == 0 ? cumulative[0] : cumulative[$0] / cumulative[$0 - 1]) })
    }
}
