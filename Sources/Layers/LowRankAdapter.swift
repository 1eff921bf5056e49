import Torch

/// A change of low rank beside a linear layer: scale·B·A (LoRA, Hu et al., arXiv 2106.09685).
struct LowRankAdapter: Sendable {
    /// A, `[r, in]`
    let down: Tensor
    /// B, `[out, r]`
    let up: Tensor
    let scale: Double

    /// `[…, in]` → `[…, out]`
    func callAsFunction(_ x: Tensor) -> Tensor {
        let change = x.linear(down, nil).linear(up, nil)
        return scale == 1 ? change : change * scale
    }
}

/// The adapters of a network, by PEFT's names: the layer's path, then `lora_A.weight` `[r, in]` or `lora_B.weight` `[out, r]`.
public struct LowRankAdapters: Sendable {
    public let tensors: [String: Tensor]
    /// alpha / r.
    public let scale: Double

    public static let down = ".lora_A.weight"
    public static let up = ".lora_B.weight"

    public init(_ tensors: [String: Tensor], scale: Double) {
        self.tensors = tensors
        self.scale = scale
    }

    /// New adapters, which change nothing yet: A as libtorch starts a linear layer, B zero.
    /// - Parameter layers: paths of linear layers with the shape `[out, in]` of their weight
    public init(rank: Int, alpha: Double, layers: [String: [Int]], seed: UInt64) {
        var tensors: [String: Tensor] = [:]
        for (path, shape) in layers {
            let random = Generator(seed: SeededGenerator.seed(seed, path + Self.down, 0))
            tensors[path + Self.down] = (random.uniform([rank, shape[1]]) * 2 - 1) * (1 / Double(shape[1]).squareRoot())
            tensors[path + Self.up] = Tensor.zeros([shape[0], rank])
        }
        self.init(tensors, scale: alpha / Double(rank))
    }

    static func isOne(_ name: String) -> Bool { name.hasSuffix(down) || name.hasSuffix(up) }

    /// scale·B·A for the layer of that path, `[out, in]`; nil where it has no adapter.
    public func change(of path: String) -> Tensor? {
        guard let down = tensors[path + Self.down], let up = tensors[path + Self.up] else { return nil }
        return noGradients { up.matmul(down) * scale }
    }
}
