extension Tensor {
    public static func zeros(_ shape: [Int], on placement: Placement = Placement()) -> Tensor { Operators.zeros(.ints(shape), placement: placement) }
    public static func ones(_ shape: [Int], on placement: Placement = Placement()) -> Tensor { Operators.ones(.ints(shape), placement: placement) }
    public static func full(_ shape: [Int], _ value: Double, on placement: Placement = Placement()) -> Tensor {
        Operators.full(.ints(shape), .double(value), placement: placement)
    }
    /// Not initialised.
    public static func empty(_ shape: [Int], on placement: Placement = Placement()) -> Tensor { Operators.empty(.ints(shape), placement: placement) }
    /// `0 ..< count`.
    public static func range(_ count: Int, on placement: Placement = Placement()) -> Tensor { Operators.arange(.int(count), placement: placement) }
    /// `count` numbers from `first` to `last`, both included.
    public static func linspace(_ first: Double, _ last: Double, _ count: Int, on placement: Placement = Placement()) -> Tensor {
        Operators.linspace(.double(first), .double(last), .int(count), placement: placement)
    }

    public func zerosLike() -> Tensor { Operators.zerosLike(.tensor(self)) }
    public func clone() -> Tensor { Operators.clone(.tensor(self)) }
    /// The same elements outside the graph of differentiation.
    public var detached: Tensor { Operators.detach(.tensor(self)) }

    public func to(_ dtype: DType) -> Tensor { dtype == self.dtype ? self : Operators.toDType(.tensor(self), .dtype(dtype)) }
    public func to(_ device: Device) -> Tensor {
        device.kind == self.device.kind && (device.index < 0 || device == self.device)
            ? self : Operators.toDevice(.tensor(self), .device(device), .dtype(dtype))
    }
    /// The same elements in another place or type, itself where they are so already. They are moved in their own type, and converted there.
    public func to(_ placement: Placement) -> Tensor { to(placement.device).to(placement.dtype) }
    public var placement: Placement { Placement(device, dtype) }
    /// The same elements in the given order in memory; itself where they already lie so.
    public func contiguous(_ format: MemoryFormat = .contiguous) -> Tensor { Operators.contiguous(.tensor(self), .memoryFormat(format)) }
}

extension Operator {
    /// Of a factory, whose arguments go on with type, layout and device.
    fileprivate func callAsFunction(_ arguments: Argument..., placement: Placement) -> Tensor {
        first(arguments + [.dtype(placement.dtype), .byDefault, .device(placement.device)])
    }
}

private enum Operators {
    static let zeros = Operator("zeros")
    static let ones = Operator("ones")
    static let full = Operator("full")
    static let empty = Operator("empty", "memory_format")
    static let arange = Operator("arange")
    static let linspace = Operator("linspace")
    static let zerosLike = Operator("zeros_like")
    static let clone = Operator("clone")
    static let detach = Operator("detach")
    static let toDType = Operator("to", "dtype")
    static let toDevice = Operator("to", "device")
    static let contiguous = Operator("contiguous")
}
