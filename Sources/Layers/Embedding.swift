import Torch

/// A table of vectors `[count, channels]`, looked up by int64 ids.
public struct Embedding: Sendable {
    let weight: Tensor

    public init(_ p: Parameters, _ count: Int, _ channels: Int) {
        weight = p("weight", [count, channels], .normal(deviation: 0.02))
    }

    public func callAsFunction(_ ids: Tensor) -> Tensor { weight.embedding(ids) }
}
