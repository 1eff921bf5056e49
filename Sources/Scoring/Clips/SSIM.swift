import Foundation
import Torch

/// Structural similarity (Wang et al., IEEE TIP 13(4), 2004), as common_metrics_on_video_quality has it: float64, a Gaussian window of 11×11 and σ = 1.5, of which only
/// places wholly inside the frame count, every colour by itself, and the mean over places, colours and frames.
public struct SSIM: ClipPairMetric {
    public let name = "ssim"
    public let unit: String? = nil
    public let higherIsBetter = true
    public let preset = "common-metrics"
    public let weights: MetricWeights? = nil

    static let window = 11
    private static let deviation = 1.5
    private static let c1 = 0.01 * 0.01
    private static let c2 = 0.03 * 0.03

    public init() {}

    public func value(_ clip: Tensor, reference: Tensor) throws -> Double {
        try MetricError.check(clip, reference: reference)
        let side = min(clip.size(2), clip.size(3))
        guard side >= Self.window else { throw MetricError.side(side, smallest: Self.window, metric: name) }
        // Frame by frame: five blurred maps of a long clip in float64 would take much memory.
        let sum = (0..<clip.size(0)).reduce(0.0) { sum, frame in
            sum + noGradients { Self.frame(clip[frame], reference[frame]) }
        }
        return sum / Double(clip.size(0))
    }

    /// Of frames `[3, H, W]`.
    private static func frame(_ x: Tensor, _ y: Tensor) -> Double {
        let (x, y) = (x.to(.cpu).to(.float64), y.to(.cpu).to(.float64))
        let (meanX, meanY) = (blurred(x), blurred(y))
        let (squareX, squareY, product) = (meanX.squared, meanY.squared, meanX * meanY)
        let (varianceX, varianceY) = (blurred(x.squared) - squareX, blurred(y.squared) - squareY)
        let covariance = blurred(x * y) - product
        let likeness = (product * 2 + c1) * (covariance * 2 + c2)
        return (likeness / ((squareX + squareY + c1) * (varianceX + varianceY + c2))).mean().item
    }

    /// `[3, H, W]` → `[3, 1, H − 10, W − 10]`.
    private static func blurred(_ x: Tensor) -> Tensor {
        x.unsqueezed(1).conv2d(taps.reshaped([1, 1, window, 1]), nil).conv2d(taps.reshaped([1, 1, 1, window]), nil)
    }

    private static let taps: Tensor = {
        let weights = (0..<window).map { exp(-pow(Double($0 - window / 2), 2) / (2 * deviation * deviation)) }
        let sum = weights.reduce(0, +)
        return Tensor(weights.map { $0 / sum })
    }()
}
