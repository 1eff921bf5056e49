import Layers
import Torch

/// A transformer over the frames of a clip, each place of the picture by itself (diffusers' `AnimateDiffTransformer3D`, Guo et al., arXiv 2307.04725).
///
/// As in diffusers, and not in the original code, the normalisation before it takes its statistics over all frames together, and the positions are
/// added before each of the two attentions.
struct MotionModule {
    let norm: GroupNorm
    let projectIn: Linear
    let blocks: [Block]
    let projectOut: Linear

    struct Options {
        var groups: Int
        var depth: Int
        var heads: Int
        var maximumFrames: Int
    }

    /// A new module changes nothing: its output starts as zero.
    init(_ p: Parameters, _ channels: Int, _ options: Options) {
        norm = GroupNorm(p["norm"], groups: options.groups, channels: channels, epsilon: 1e-6)
        projectIn = Linear(p["proj_in"], channels, channels)
        blocks = (0..<options.depth).map { Block(p["transformer_blocks"][$0], channels, options) }
        projectOut = Linear(p["proj_out"], channels, channels, startsAt: .zeros)
    }

    /// `x` `[B·F, C, H, W]`, the frames of a clip one after another.
    func callAsFunction(_ x: Tensor, frames: Int) -> Tensor {
        let (channels, height, width) = (x.size(1), x.size(2), x.size(3))
        let clips = x.size(0) / frames
        // The frames of a clip stacked into one high picture: over channels-last images a view, of which the normalisation's groups span all frames.
        let stacked = x.permuted([0, 2, 3, 1]).reshaped([clips, frames * height, width, channels]).permuted([0, 3, 1, 2])
        let rows = norm(stacked).permuted([0, 2, 3, 1]).reshaped([clips, frames, height * width, channels])
        var h = projectIn(rows.transposed(1, 2).reshaped([clips * height * width, frames, channels]))
        for block in blocks { h = block(h) }
        let change = projectOut(h).reshaped([clips, height * width, frames, channels]).transposed(1, 2)
        return change.reshaped([clips * frames, height, width, channels]).permuted([0, 3, 1, 2]) + x
    }

    /// Two self-attentions over frames and a gated feed-forward, each on a normalised residual stream.
    struct Block {
        let positions: Tensor
        let norm1: LayerNorm
        let attention1: Attention
        let norm2: LayerNorm
        let attention2: Attention
        let norm3: LayerNorm
        let feedForward: GatedFeedForward

        init(_ p: Parameters, _ channels: Int, _ options: Options) {
            let count = options.maximumFrames
            positions = p["pos_embed"]("pe", [1, count, channels], .constant { MotionConfiguration.positions(count, channels) })
            norm1 = LayerNorm(p["norm1"], channels)
            attention1 = Attention(p["attn1"], channels: channels, contextChannels: channels, heads: options.heads)
            norm2 = LayerNorm(p["norm2"], channels)
            attention2 = Attention(p["attn2"], channels: channels, contextChannels: channels, heads: options.heads)
            norm3 = LayerNorm(p["norm3"], channels)
            feedForward = GatedFeedForward(p["ff"]["net"], channels, hidden: 4 * channels)
        }

        /// `[N, F, C]`.
        func callAsFunction(_ x: Tensor) -> Tensor {
            let places = positions.slice(0..<x.size(1), axis: 1)
            var h = x + attention1(norm1(x) + places)
            h = h + attention2(norm2(h) + places)
            return h + feedForward(norm3(h))
        }
    }
}
