import Foundation

/// A metric's value over a set of clips, with everything that it depends on.
public struct MetricResult: Codable, Equatable, Sendable {
    public var metric: String
    public var value: Double
    /// Of the mean over clips, by bootstrap over captions; nil for a distance between sets.
    public var low: Double?
    public var high: Double?
    /// Over subsets, of KVD.
    public var deviation: Double?
    public var unit: String?
    public var higherIsBetter: Bool
    /// Clips.
    public var n: Int
    /// Clips they were compared with.
    public var references: Int
    /// Frames of the shortest clip that were looked at.
    public var frames: Int
    /// Frames of the longest, where that has more.
    public var mostFrames: Int?
    public var preset: String
    /// How frames came to the size of the network, of FVD and KVD.
    public var resize: ClipResize?
    public var ddof: Int?
    /// Of the network's normalisations, of FVD and KVD.
    public var epsilon: Double?
    /// Clips of a subset, of KVD.
    public var subsetSize: Int?
    public var file: String?
    public var fileSHA256: String?

    private enum CodingKeys: String, CodingKey {
        case metric, value, low, high, deviation, unit, n, references, frames, preset, resize, ddof, epsilon, file
        case higherIsBetter = "higher_is_better"
        case mostFrames = "most_frames"
        case subsetSize = "subset_size"
        case fileSHA256 = "file_sha256"
    }

    init(
        _ metric: String, _ value: Double, unit: String? = nil, higherIsBetter: Bool, n: Int, references: Int, frames: ClosedRange<Int>, preset: String,
        weights: MetricWeights?
    ) {
        (self.metric, self.value, self.unit, self.higherIsBetter) = (metric, value, unit, higherIsBetter)
        (self.n, self.references, self.preset) = (n, references, preset)
        (self.frames, mostFrames) = (frames.lowerBound, frames.count > 1 ? frames.upperBound : nil)
        (file, fileSHA256) = (weights?.file, weights?.sha256)
    }

    /// What a reader of this number should know; nil where that is nothing.
    public var note: String? {
        guard metric == ClipEvaluation.SetMetric.fvd.rawValue, n <= ClipFeatures.count else { return nil }
        return "fvd of \(n) clips, fewer than the \(ClipFeatures.count) features: it comes out too large, and only sets of the same size can be compared"
    }

    /// One line for people.
    public var text: String {
        var parts = [String(format: "%.6g", value) + (unit.map { " " + $0 } ?? "")]
        if let low, let high { parts.append(String(format: "[%.6g, %.6g]", low, high)) }
        if let deviation { parts.append(String(format: "± %.3g", deviation)) }
        parts.append("(\(higherIsBetter ? "higher" : "lower") is better)")
        parts.append("n \(n)" + (references == n ? "" : " against \(references)"))
        parts.append("frames \(frames)" + (mostFrames.map { "–\($0)" } ?? ""))
        parts.append("preset \(preset)")
        if let resize { parts.append("resize \(resize.rawValue)") }
        if let ddof { parts.append("ddof \(ddof)") }
        if let epsilon { parts.append("epsilon \(epsilon)") }
        if let subsetSize { parts.append("subsets of \(subsetSize)") }
        if let file, let fileSHA256 { parts.append("\(file) sha256 \(fileSHA256)") }
        return metric.padding(toLength: 6, withPad: " ", startingAt: 0) + parts.joined(separator: "  ")
    }
}
