import Foundation
import Torch

/// Peak signal-to-noise ratio in dB, as common_metrics_on_video_quality has it: of each frame 20·log₁₀(1/√mse), 100 where the error is below 1e-10, and the
/// mean over frames. Others pool the squared error first, which gives less where frames differ in quality.
public struct PSNR: ClipPairMetric {
    public let name = "psnr"
    public let unit: String? = "dB"
    public let higherIsBetter = true
    public let preset = "common-metrics"
    public let weights: MetricWeights? = nil

    public init() {}

    public func value(_ clip: Tensor, reference: Tensor) throws -> Double {
        try MetricError.check(clip, reference: reference)
        let errors = (clip.to(.cpu).to(.float64) - reference.to(.cpu).to(.float64)).squared.mean([1, 2, 3]).values(Double.self)
        return Self.mean(ofErrors: errors)
    }

    /// Of the mean squared error of each frame.
    static func mean(ofErrors errors: [Double]) -> Double {
        errors.map { $0 < 1e-10 ? 100 : 20 * log10(1 / $0.squareRoot()) }.reduce(0, +) / Double(errors.count)
    }
}
