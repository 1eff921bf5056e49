import Foundation
import Torch

/// Measures clips against their references, one pair after another: of a pair that was measured only numbers are kept.
public struct ClipEvaluation: Sendable {
    /// Distances between sets, both over the features of ``ClipFeatures``.
    public enum SetMetric: String, Sendable, CaseIterable {
        case fvd
        case kvd
    }

    public let pairMetrics: [any ClipPairMetric]
    public let setMetrics: [SetMetric]
    public let features: ClipFeatures?
    public var kernel = KernelDistance()
    /// Of each pair, by the names of the pair metrics: with another model's, what ``Comparison`` takes.
    public private(set) var records: [ImageScores] = []
    public private(set) var clips = FeatureSet()
    public private(set) var references = FeatureSet()
    private var pairFrames: [Int] = []
    private var featureFrames: [Int] = []

    /// - Precondition: distances between sets have `features`
    public init(pairs: [any ClipPairMetric], sets: [SetMetric] = [], features: ClipFeatures? = nil) {
        precondition(sets.isEmpty || features != nil, "distances between sets need features")
        (pairMetrics, setMetrics, self.features) = (pairs, sets, features)
    }

    /// Measures a clip and its reference, both `[F, 3, H, W]` in [0, 1].
    /// - Parameters:
    ///   - caption: clips of one caption are one group of the bootstrap
    ///   - seed: tells the clips of a caption from one another
    /// - Throws: ``MetricError``, before anything of the pair is kept
    public mutating func add(_ clip: Tensor, reference: Tensor, caption: String, seed: UInt64) throws {
        var scores: [String: Double] = [:]
        for metric in pairMetrics { scores[metric.name] = try metric.value(clip, reference: reference) }
        let found = try setMetrics.isEmpty ? nil : features.map { (try $0(clip), try $0(reference), [$0.frames(of: clip), $0.frames(of: reference)]) }
        if let (own, others, frames) = found {
            clips.append(own)
            references.append(others)
            featureFrames += frames
        }
        pairFrames.append(clip.size(0))
        records.append(ImageScores(caption: caption, seed: seed, guidance: 1, scores: scores))
    }

    /// One a metric, those of pairs first.
    /// - Throws: ``MetricError`` where there are too few clips
    public func results(bootstrap: Bootstrap = Bootstrap()) throws -> [MetricResult] {
        guard let frames = Self.range(pairFrames) else { throw MetricError.clips(0, fewest: 1, metric: "a comparison") }
        let captions = Dictionary(uniqueKeysWithValues: Set(records.map(\.caption)).sorted().enumerated().map { ($1, $0) })
        let groups = records.map { captions[$0.caption]! }
        let pairs = pairMetrics.map { metric in
            let interval = bootstrap.mean(records.map { $0.scores[metric.name]! }, groups: groups)
            var result = MetricResult(
                metric.name, interval.mean, unit: metric.unit, higherIsBetter: metric.higherIsBetter, n: records.count, references: records.count,
                frames: frames, preset: metric.preset, weights: metric.weights)
            (result.low, result.high) = (interval.low, interval.high)
            return result
        }
        return try pairs + setMetrics.map(result)
    }

    private func result(_ metric: SetMetric) throws -> MetricResult {
        guard let features, let frames = Self.range(featureFrames) else { throw MetricError.clips(0, fewest: 2, metric: metric.rawValue) }
        let preset = features.preset
        func result(_ value: Double) -> MetricResult {
            var result = MetricResult(
                metric.rawValue, value, higherIsBetter: false, n: clips.count, references: references.count, frames: frames, preset: preset.name,
                weights: features.weights)
            (result.resize, result.epsilon) = (preset.resize, preset.epsilon)
            return result
        }
        switch metric {
        case .fvd:
            var found = result(try FrechetDistance.between(clips, references, ddof: preset.ddof))
            found.ddof = preset.ddof
            return found
        case .kvd:
            let distance = try kernel.between(clips, references)
            var found = result(distance.mean)
            (found.deviation, found.subsetSize) = (distance.deviation, distance.subsetSize)
            return found
        }
    }

    private static func range(_ numbers: [Int]) -> ClosedRange<Int>? { numbers.min().flatMap { low in numbers.max().map { low...$0 } } }
}
