import Foundation
import Layers
import Networks
import Torch

/// I3D's logits for clips: what FVD and KVD are computed from.
public struct ClipFeatures: Sendable {
    public let preset: FVDPreset
    public let weights: MetricWeights?
    private let network: I3D

    /// Reads `i3d-kinetics-400.safetensors`, as `Scripts/metric-weights` writes it, or the same network in the names of its PyTorch port.
    /// - Throws: `SafeTensorsError` for a damaged file, ``MetricError`` or `ParameterError` for one of another network
    public static func load(_ url: URL, preset: FVDPreset = .commonMetrics, on device: Device = .cpu) throws -> ClipFeatures {
        let file = try SafeTensorsFile(url)
        guard file.contains("Mixed_3b.b0.conv3d.weight") else { throw MetricError.weights(file: url.path, network: "I3D") }
        var configuration = I3DConfiguration()
        (configuration.epsilon, configuration.pooledFrames) = (preset.epsilon, preset.pooledFrames)
        configuration.hasScale = file.contains("Conv3d_1a_7x7.bn.weight")
        // PyTorch counts the batches of the training in the weights.
        let tensors = try file.all().filter { !$0.key.hasSuffix(".num_batches_tracked") }
        let store = ParameterStore(tensors, from: url.path, on: Placement(device))
        return ClipFeatures(try noGradients { try store.build { I3D($0, configuration) } }, preset: preset, weights: try MetricWeights(url))
    }

    init(_ network: I3D, preset: FVDPreset, weights: MetricWeights?) { (self.network, self.preset, self.weights) = (network, preset, weights) }

    /// The clip's frames that the preset looks at.
    public func frames(of clip: Tensor) -> Int { min(preset.frames ?? clip.size(0), clip.size(0)) }

    /// Logits of a clip `[F, 3, H, W]` in [0, 1].
    /// - Throws: ``MetricError`` for what is no such clip, or one with too few frames
    public func callAsFunction(_ clip: Tensor) throws -> [Double] {
        try MetricError.check(clip)
        let fewest = preset.frames ?? Self.fewestFrames
        guard clip.size(0) >= fewest else { throw MetricError.frames(clip.size(0), fewest: fewest, metric: "fvd (\(preset.name))") }
        return noGradients {
            let resized = preset.resize(clip[0..<frames(of: clip)].to(.float32), side: I3D.side)
            let volume = (resized * 2 - 1).permuted([1, 0, 2, 3]).contiguous().unsqueezed(0)
            return network(volume.to(Placement(network.device))).values(Double.self)
        }
    }

    /// Logits of the published network.
    static let count = 400
    /// What the published implementations ask for; the network itself would do with one less.
    static let fewestFrames = 10
}

/// Features of clips, a row each. A clip's frames are not kept.
public struct FeatureSet: Sendable {
    public private(set) var rows: [[Double]] = []

    public init(_ rows: [[Double]] = []) { self.rows = rows }

    public var count: Int { rows.count }
    public mutating func append(_ features: [Double]) { rows.append(features) }

    /// `[n, d]`, float64.
    var matrix: Tensor { Tensor(rows.flatMap { $0 }, shape: [rows.count, rows.first?.count ?? 0]) }

    /// Mean `[d]` and covariance `[d, d]`, which is divided by n − ddof.
    func moments(ddof: Int) -> (mean: Tensor, covariance: Tensor) {
        precondition(rows.count > ddof, "a covariance of \(rows.count) rows")
        let matrix = matrix
        let mean = matrix.mean([0])
        let centred = matrix - mean
        return (mean, centred.transposed(0, 1).matmul(centred) / Double(rows.count - ddof))
    }

    /// Refuses sets that are too small or have nothing in common.
    static func check(_ a: FeatureSet, _ b: FeatureSet, fewest: Int, metric: String) throws(MetricError) {
        let count = min(a.count, b.count)
        guard count >= fewest else { throw .clips(count, fewest: fewest, metric: metric) }
        let length = a.rows[0].count
        for row in a.rows + b.rows where row.count != length { throw .features(row.count, reference: length) }
        guard (a.rows + b.rows).allSatisfy({ $0.allSatisfy(\.isFinite) }) else { throw .values(low: .nan, high: .nan) }
    }
}
