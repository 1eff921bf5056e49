import Torch

/// Two linear layers with a gate between (GEGLU, Shazeer, arXiv 2002.05202), in diffusers' naming: `0.proj` holds the rows of value and gate,
/// `2` is the output.
public struct GatedFeedForward: Sendable {
    let weight: Tensor
    let bias: Tensor
    let outputWeight: Tensor
    let outputBias: Tensor

    public init(_ p: Parameters, _ channels: Int, hidden: Int) {
        weight = p[0]["proj"]("weight", [2 * hidden, channels], .fanIn(channels))
        bias = p[0]["proj"]("bias", [2 * hidden], .fanIn(channels))
        outputWeight = p[2]("weight", [channels, hidden], .fanIn(hidden))
        outputBias = p[2]("bias", [channels], .fanIn(hidden))
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { x.gatedFeedForward(weight, bias, output: outputWeight, outputBias) }
}
