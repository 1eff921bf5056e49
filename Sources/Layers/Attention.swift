import Torch

/// Multi-head attention of `x` `[B, N, C]` over `context` `[B, M, D]`, or `[B / n, M, D]` of which each serves n rows of `x` in turn, in diffusers' naming (`to_q`, `to_k`, `to_v`, `to_out.0`).
public struct Attention: Sendable {
    let query: Linear
    let key: Linear
    let value: Linear
    let output: Linear
    let heads: Int

    /// - Parameter bias: whether query, key and value have a bias; the output always has.
    public init(_ p: Parameters, channels: Int, contextChannels: Int, heads: Int, bias: Bool = false) {
        query = Linear(p["to_q"], channels, channels, bias: bias)
        key = Linear(p["to_k"], contextChannels, channels, bias: bias)
        value = Linear(p["to_v"], contextChannels, channels, bias: bias)
        output = Linear(p["to_out"][0], channels, channels)
        self.heads = heads
    }

    public func callAsFunction(_ x: Tensor, context: Tensor? = nil) -> Tensor {
        let context = context ?? x
        guard context.size(0) != x.size(0) else { return attended(x, context) }
        // Queries do not meet each other: those of n rows are those of one longer row, whose keys and values are computed once.
        let joined = x.reshaped([context.size(0), x.size(0) / context.size(0) * x.size(1), x.size(2)])
        return attended(joined, context).reshaped(x.shape)
    }

    private func attended(_ x: Tensor, _ context: Tensor) -> Tensor {
        output(Self.joined(Tensor.attention(split(query(x)), split(key(context)), split(value(context)))))
    }

    private func split(_ x: Tensor) -> Tensor { Self.split(x, heads: heads) }

    /// `[B, N, C]` → `[B, heads, N, C / heads]`.
    public static func split(_ x: Tensor, heads: Int) -> Tensor {
        x.reshaped([x.size(0), x.size(1), heads, x.size(2) / heads]).transposed(1, 2)
    }

    /// `[B, heads, N, d]` → `[B, N, heads · d]`.
    public static func joined(_ x: Tensor) -> Tensor { x.transposed(1, 2).flattened(from: 2) }
}
