/// The operators that networks are made of.
extension Tensor {
    /// `[M, K] · [K, N]`, batched over leading axes.
    public func matmul(_ other: Tensor) -> Tensor { Operators.matmul(.tensor(self), .tensor(other)) }
    /// x·Wᵀ + b; `weight` is `[out, in]`.
    public func linear(_ weight: Tensor, _ bias: Tensor?) -> Tensor { Operators.linear(.tensor(self), .tensor(weight), .tensor(bias)) }
    /// `self` `[B, in, H, W]`, `weight` `[out, in, kh, kw]`.
    public func conv2d(_ weight: Tensor, _ bias: Tensor?, stride: Int = 1, padding: Int = 0) -> Tensor {
        Operators.conv2d(.tensor(self), .tensor(weight), .tensor(bias), .int(stride), .int(padding))
    }
    /// - Parameter activated: whether SiLU follows
    public func groupNorm(groups: Int, _ weight: Tensor, _ bias: Tensor, epsilon: Double, activated: Bool = false) -> Tensor {
        Operators.groupNorm(.tensor(self), .int(groups), .tensor(weight), .tensor(bias), .double(epsilon), .bool(activated))
    }
    /// Over the last axis.
    public func layerNorm(_ weight: Tensor?, _ bias: Tensor?, epsilon: Double) -> Tensor {
        Operators.layerNorm(.tensor(self), .ints([size(-1)]), .tensor(weight), .tensor(bias), .double(epsilon))
    }
    /// Rows of this table `[V, C]` at `ids` (int64).
    public func embedding(_ ids: Tensor) -> Tensor { Operators.embedding(.tensor(self), .tensor(ids)) }

    /// softmax(q·kᵀ/√d)·v for q, k, v `[B, heads, length, d]`; `isCausal` hides later positions.
    public static func attention(_ q: Tensor, _ k: Tensor, _ v: Tensor, isCausal: Bool = false) -> Tensor {
        guard isCausal else { return Operators.attention(.tensor(q), .tensor(k), .tensor(v)) }
        return Operators.maskedAttention(.tensor(q), .tensor(k), .tensor(v), .none, .double(0), .bool(true))
    }

    /// (value ⊙ gelu(gate))·W₂ᵀ + b₂ with (value, gate) = x·Wᵀ + b, for x `[…, C]`, W `[2·N, C]` and W₂ `[M, N]`.
    public func gatedFeedForward(_ weight: Tensor, _ bias: Tensor, output outputWeight: Tensor, _ outputBias: Tensor) -> Tensor {
        Operators.gatedFeedForward(.tensor(self), .tensor(weight), .tensor(bias), .tensor(outputWeight), .tensor(outputBias))
    }

    public var silu: Tensor { Operators.silu(.tensor(self)) }
    public var sigmoid: Tensor { Operators.sigmoid(.tensor(self)) }
    public var logSigmoid: Tensor { Operators.logSigmoid(.tensor(self)) }
    public var tanh: Tensor { Operators.tanh(.tensor(self)) }
    public var relu: Tensor { Operators.relu(.tensor(self)) }
    public var mish: Tensor { Operators.mish(.tensor(self)) }
    /// The exact GELU, x·Φ(x).
    public var gelu: Tensor { Operators.gelu(.tensor(self)) }
    /// The GELU's tanh approximation.
    public var geluTanh: Tensor { Operators.gelu(.tensor(self), .string("tanh")) }

    /// Repeats pixels of `[B, C, H, W]` to the given size.
    public func upsampledNearest(height: Int, width: Int) -> Tensor { Operators.upsampleNearest(.tensor(self), .ints([height, width])) }
    /// Antialiased resize of `[B, C, H, W]`, as torchvision's `resize(antialias=True)`.
    public func resizedBilinear(height: Int, width: Int) -> Tensor { Operators.bilinear(.tensor(self), .ints([height, width]), .bool(false)) }
}

private enum Operators {
    static let matmul = Operator("matmul")
    static let linear = Operator("linear", from: "seppo")
    static let conv2d = Operator("conv2d", from: "seppo")
    static let groupNorm = Operator("group_norm", from: "seppo")
    static let layerNorm = Operator("layer_norm")
    static let embedding = Operator("embedding")
    static let attention = Operator("attention", from: "seppo")
    static let maskedAttention = Operator("scaled_dot_product_attention")
    static let gatedFeedForward = Operator("gated_feed_forward", from: "seppo")
    static let silu = Operator("silu")
    static let sigmoid = Operator("sigmoid")
    static let logSigmoid = Operator("log_sigmoid")
    static let tanh = Operator("tanh")
    static let relu = Operator("relu")
    static let mish = Operator("mish")
    static let gelu = Operator("gelu")
    static let upsampleNearest = Operator("upsample_nearest2d")
    static let bilinear = Operator("_upsample_bilinear2d_aa")
}
