import Layers
import Torch

/// The transformer over pixels of a cross-attention block (diffusers' `Transformer2DModel`).
struct SpatialTransformer {
    let norm: GroupNorm
    let projectIn: Projection
    let blocks: [Block]
    let projectOut: Projection

    struct Options {
        var groups: Int
        var depth: Int
        var heads: Int
        var contextChannels: Int
        var usesLinearProjection: Bool
        var onlyCrossAttention: Bool
    }

    init(_ p: Parameters, _ channels: Int, _ options: Options) {
        norm = GroupNorm(p["norm"], groups: options.groups, channels: channels, epsilon: 1e-6)
        projectIn = Projection(p["proj_in"], channels, linear: options.usesLinearProjection)
        blocks = (0..<options.depth).map { Block(p["transformer_blocks"][$0], channels, options) }
        projectOut = Projection(p["proj_out"], channels, linear: options.usesLinearProjection)
    }

    /// `x` `[B, C, H, W]`, `context` `[B, M, D]`.
    func callAsFunction(_ x: Tensor, context: Tensor) -> Tensor {
        let (batch, channels, height, width) = (x.size(0), x.size(1), x.size(2), x.size(3))
        // Channels-last images are rows of pixels already: both changes of shape are views.
        var h = projectIn(norm(x).permuted([0, 2, 3, 1]).reshaped([batch, height * width, channels]))
        for block in blocks { h = block(h, context: context) }
        return projectOut(h).reshaped([batch, height, width, channels]).permuted([0, 3, 1, 2]) + x
    }

    /// A 1×1 convolution or a linear layer: the same numbers over rows of pixels, stored in two shapes.
    struct Projection {
        let weight: Tensor
        let bias: Tensor
        let adapter: LowRankAdapter?

        init(_ p: Parameters, _ channels: Int, linear: Bool) {
            let shape = linear ? [channels, channels] : [channels, channels, 1, 1]
            weight = p("weight", shape, .fanIn(channels))
            bias = p("bias", [channels], .fanIn(channels))
            adapter = p.adapter(channels, Array(shape.dropFirst()))
        }

        func callAsFunction(_ x: Tensor) -> Tensor {
            let y = x.linear(weight.flattened(from: 1), bias)
            return adapter.map { y + $0(x) } ?? y
        }
    }

    /// Self-attention, cross-attention and a gated feed-forward, each on a normalised residual stream.
    struct Block {
        let norm1: LayerNorm
        let attention1: Attention
        let norm2: LayerNorm
        let attention2: Attention
        let norm3: LayerNorm
        let feedForward: GatedFeedForward
        let onlyCrossAttention: Bool

        init(_ p: Parameters, _ channels: Int, _ options: Options) {
            let context = options.contextChannels
            norm1 = LayerNorm(p["norm1"], channels)
            attention1 = Attention(
                p["attn1"], channels: channels, contextChannels: options.onlyCrossAttention ? context : channels, heads: options.heads)
            norm2 = LayerNorm(p["norm2"], channels)
            attention2 = Attention(p["attn2"], channels: channels, contextChannels: context, heads: options.heads)
            norm3 = LayerNorm(p["norm3"], channels)
            feedForward = GatedFeedForward(p["ff"]["net"], channels, hidden: 4 * channels)
            onlyCrossAttention = options.onlyCrossAttention
        }

        func callAsFunction(_ x: Tensor, context: Tensor) -> Tensor {
            var h = x + attention1(norm1(x), context: onlyCrossAttention ? context : nil)
            h = h + attention2(norm2(h), context: context)
            return h + feedForward(norm3(h))
        }
    }
}
