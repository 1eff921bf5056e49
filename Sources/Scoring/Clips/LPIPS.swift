import Foundation
import Layers
import Networks
import Torch

/// LPIPS of a clip and its reference (``LPIPSNetwork``): the mean over frames, which are given to the network one after another at the size they have.
public struct LPIPS: ClipPairMetric {
    public let name = "lpips"
    public let unit: String? = nil
    public let higherIsBetter = false
    public let preset: String
    public let weights: MetricWeights?
    private let network: LPIPSNetwork

    /// Reads `lpips-alex.safetensors` or `lpips-vgg.safetensors`, as `Scripts/metric-weights` writes them; the tensors tell which.
    /// - Throws: `SafeTensorsError` for a damaged file, ``MetricError`` or `ParameterError` for one of another network
    public static func load(_ url: URL, on device: Device = .cpu) throws -> LPIPS {
        let file = try SafeTensorsFile(url)
        guard file.contains("lin0.model.1.weight") else { throw MetricError.weights(file: url.path, network: "LPIPS") }
        let configuration = LPIPSConfiguration(file.contains("features.28.weight") ? .vgg : .alex)
        let store = ParameterStore(try file.all(), from: url.path, on: Placement(device))
        return LPIPS(try store.build { LPIPSNetwork($0, configuration) }, weights: try MetricWeights(url))
    }

    init(_ network: LPIPSNetwork, weights: MetricWeights?) {
        (self.network, self.weights) = (network, weights)
        preset = network.configuration.trunk.rawValue
    }

    public func value(_ clip: Tensor, reference: Tensor) throws -> Double {
        try MetricError.check(clip, reference: reference)
        let (side, smallest) = (min(clip.size(2), clip.size(3)), network.configuration.smallestSide)
        guard side >= smallest else { throw MetricError.side(side, smallest: smallest, metric: name) }
        let sum = (0..<clip.size(0)).reduce(0.0) { sum, frame in
            sum + noGradients { network(signed(clip[frame]), signed(reference[frame])).item }
        }
        return sum / Double(clip.size(0))
    }

    /// From [0, 1] to [−1, 1], as a batch of one.
    private func signed(_ frame: Tensor) -> Tensor { (frame.to(Placement(network.device)) * 2 - 1).unsqueezed(0) }
}
