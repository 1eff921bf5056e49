extension Tensor {
    /// The same elements in another shape; one axis may be −1.
    public func reshaped(_ shape: [Int]) -> Tensor { Operators.reshape(.tensor(self), .ints(shape)) }
    public func permuted(_ axes: [Int]) -> Tensor { Operators.permute(.tensor(self), .ints(axes)) }
    public func transposed(_ a: Int, _ b: Int) -> Tensor { Operators.transpose(.tensor(self), .int(a), .int(b)) }
    public func flattened(from first: Int = 0, through last: Int = -1) -> Tensor { Operators.flatten(.tensor(self), .int(first), .int(last)) }
    public func unsqueezed(_ axis: Int) -> Tensor { Operators.unsqueeze(.tensor(self), .int(axis)) }
    public func squeezed(_ axis: Int) -> Tensor { Operators.squeeze(.tensor(self), .int(axis)) }
    /// A view in which axes of size 1 are repeated without a copy; −1 keeps an axis.
    public func expanded(_ shape: [Int]) -> Tensor { Operators.expand(.tensor(self), .ints(shape)) }
    public func flipped(_ axes: [Int]) -> Tensor { Operators.flip(.tensor(self), .ints(axes)) }
    /// Each element of `axis` `count` times in a row.
    public func repeated(_ count: Int, axis: Int) -> Tensor { Operators.repeatInterleave(.tensor(self), .int(count), .int(axis)) }

    /// Element `index` of the first axis, as a view.
    public subscript(_ index: Int) -> Tensor { Operators.select(.tensor(self), .int(0), .int(index)) }
    /// A range of the first axis, as a view.
    public subscript(_ range: Range<Int>) -> Tensor { slice(range, axis: 0) }
    public func slice(_ range: Range<Int>, axis: Int) -> Tensor {
        Operators.slice(.tensor(self), .int(axis), .int(range.lowerBound), .int(range.upperBound))
    }
    /// The rows at `index` (int64) along `axis`, copied.
    public func gathered(_ index: Tensor, axis: Int = 0) -> Tensor { Operators.indexSelect(.tensor(self), .int(axis), .tensor(index)) }
    public func gathered(_ index: [Int], axis: Int = 0) -> Tensor { gathered(Tensor(index).to(device), axis: axis) }

    public func chunks(_ count: Int, axis: Int = 0) -> [Tensor] { Operators.chunk.all(.tensor(self), .int(count), .int(axis)) }
    public static func concatenated(_ tensors: [Tensor], axis: Int = 0) -> Tensor { Operators.cat(.tensors(tensors), .int(axis)) }
    public static func stacked(_ tensors: [Tensor], axis: Int = 0) -> Tensor { Operators.stack(.tensors(tensors), .int(axis)) }

    /// Zeros around the last axes: `[left, right, top, bottom, …]`.
    public func padded(_ amounts: [Int]) -> Tensor { Operators.pad(.tensor(self), .ints(amounts)) }
}

private enum Operators {
    static let reshape = Operator("reshape")
    static let permute = Operator("permute")
    static let transpose = Operator("transpose", "int")
    static let flatten = Operator("flatten", "using_ints")
    static let unsqueeze = Operator("unsqueeze")
    static let squeeze = Operator("squeeze", "dim")
    static let expand = Operator("expand")
    static let flip = Operator("flip")
    static let repeatInterleave = Operator("repeat_interleave", "self_int")
    static let select = Operator("select", "int")
    static let slice = Operator("slice", "Tensor")
    static let indexSelect = Operator("index_select")
    static let chunk = Operator("chunk")
    static let cat = Operator("cat")
    static let stack = Operator("stack")
    static let pad = Operator("constant_pad_nd")
}
