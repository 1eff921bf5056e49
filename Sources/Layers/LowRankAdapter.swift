import Storage
import Torch

/// A change of low rank beside a linear layer or a convolution: scale·B·A (LoRA, Hu et al., arXiv 2106.09685).
public struct LowRankAdapter: Sendable {
    /// A, `[r, in]` or `[r, in, kh, kw]`
    let down: Tensor
    /// B, `[out, r]` or `[out, r, 1, 1]`
    let up: Tensor
    let scale: Double

    /// Of a linear layer: `[…, in]` → `[…, out]`.
    public func callAsFunction(_ x: Tensor) -> Tensor { scaled(x.linear(down.flattened(from: 1), nil).linear(up.flattened(from: 1), nil)) }

    /// Of a convolution: `[B, in, H, W]` → `[B, out, H', W']`.
    func callAsFunction(_ x: Tensor, stride: Int, padding: Int) -> Tensor {
        scaled(x.conv2d(down, nil, stride: stride, padding: padding).conv2d(up, nil))
    }

    private func scaled(_ change: Tensor) -> Tensor { scale == 1 ? change : change * scale }
}

/// The adapters of a network, by PEFT's names: the layer's path, then `lora_A.weight` `[r, in]` or `lora_B.weight` `[out, r]`; with a
/// convolution's kernel `[r, in, kh, kw]` and `[out, r, 1, 1]`.
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
    /// - Parameter layers: paths of layers with the shape of their weight, `[out, in]` or `[out, in, kh, kw]`
    public init(rank: Int, alpha: Double, layers: [String: [Int]], seed: UInt64) {
        var tensors: [String: Tensor] = [:]
        for (path, shape) in layers {
            let random = Generator(seed: SeededGenerator.seed(seed, path + Self.down, 0))
            let bound = 1 / Double(shape.dropFirst().reduce(1, *)).squareRoot()
            tensors[path + Self.down] = (random.uniform([rank] + shape.dropFirst()) * 2 - 1) * bound
            tensors[path + Self.up] = Tensor.zeros([shape[0], rank] + shape.dropFirst(2).map { _ in 1 })
        }
        self.init(tensors, scale: alpha / Double(rank))
    }

    static func isOne(_ name: String) -> Bool { name.hasSuffix(down) || name.hasSuffix(up) }

    /// scale·B·A for the layer of that path, `[out, in]`, with a kernel's places in the second axis; nil where it has no adapter.
    public func change(of path: String) -> Tensor? {
        guard let down = tensors[path + Self.down], let up = tensors[path + Self.up] else { return nil }
        return noGradients { up.flattened(from: 1).matmul(down.flattened(from: 1)) * scale }
    }
}
