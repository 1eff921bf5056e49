import Torch

/// Two linear layers with a gate between (GEGLU, Shazeer, arXiv 2002.05202), in diffusers' naming: `0.proj` holds the rows of value and gate,
/// `2` is the output.
public struct GatedFeedForward: Sendable {
    let hidden: Linear
    let output: Linear

    public init(_ p: Parameters, _ channels: Int, hidden: Int) {
        self.hidden = Linear(p[0]["proj"], channels, 2 * hidden)
        output = Linear(p[2], hidden, channels)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        // The operator that keeps little for the gradient knows no adapters.
        if hidden.adapter == nil, output.adapter == nil, let bias = hidden.bias, let outputBias = output.bias {
            return x.gatedFeedForward(hidden.weight, bias, output: output.weight, outputBias)
        }
        let halves = hidden(x).chunks(2, axis: -1)
        return output(halves[1].gelu * halves[0])
    }
}
