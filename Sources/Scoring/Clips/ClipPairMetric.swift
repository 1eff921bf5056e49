import Foundation
import Storage
import Torch

/// A distance or likeness of a clip and its reference. Clips are `[F, 3, H, W]` in [0, 1].
public protocol ClipPairMetric: Sendable {
    /// As `--metric` and records call it.
    var name: String { get }
    /// `dB`, or nil for a number without one.
    var unit: String? { get }
    var higherIsBetter: Bool { get }
    /// The variant of the definition.
    var preset: String { get }
    /// The file that it was read from, where there is one.
    var weights: MetricWeights? { get }
    /// - Throws: ``MetricError`` for clips that it cannot measure
    func value(_ clip: Tensor, reference: Tensor) throws -> Double
}

/// A weight file, by what identifies it.
public struct MetricWeights: Codable, Equatable, Sendable {
    /// Its name, without folders.
    public var file: String
    public var sha256: String

    public init(_ url: URL) throws {
        file = url.lastPathComponent
        sha256 = try fileDigest(url)
    }
}

extension MetricError {
    /// Refuses what is no clip `[F, 3, H, W]` of finite values in [0, 1].
    static func check(_ clip: Tensor) throws(MetricError) {
        guard clip.rank == 4, clip.size(1) == 3, clip.count > 0 else { throw .shape(clip.shape) }
        let values = clip.to(.float32)
        guard values.isFinite else { throw .values(low: .nan, high: .nan) }
        let (low, high) = (values.min().item, values.max().item)
        guard low >= 0, high <= 1 else { throw .values(low: low, high: high) }
    }

    static func check(_ clip: Tensor, reference: Tensor) throws(MetricError) {
        try check(clip)
        try check(reference)
        guard clip.shape == reference.shape else { throw .pair(clip.shape, reference: reference.shape) }
    }
}
