/// Element by element, with broadcasting.
extension Tensor {
    public static func + (a: Tensor, b: Tensor) -> Tensor { Operators.add(.tensor(a), .tensor(b)) }
    public static func + (a: Tensor, b: Double) -> Tensor { Operators.addScalar(.tensor(a), .double(b)) }
    public static func - (a: Tensor, b: Tensor) -> Tensor { Operators.sub(.tensor(a), .tensor(b)) }
    public static func - (a: Tensor, b: Double) -> Tensor { Operators.addScalar(.tensor(a), .double(-b)) }
    public static func * (a: Tensor, b: Tensor) -> Tensor { Operators.mul(.tensor(a), .tensor(b)) }
    public static func * (a: Tensor, b: Double) -> Tensor { Operators.mulScalar(.tensor(a), .double(b)) }
    public static func * (a: Double, b: Tensor) -> Tensor { b * a }
    public static func / (a: Tensor, b: Tensor) -> Tensor { Operators.div(.tensor(a), .tensor(b)) }
    public static func / (a: Tensor, b: Double) -> Tensor { Operators.divScalar(.tensor(a), .double(b)) }
    public static prefix func - (a: Tensor) -> Tensor { Operators.neg(.tensor(a)) }

    public var squared: Tensor { Operators.square(.tensor(self)) }
    public var squareRoot: Tensor { Operators.sqrt(.tensor(self)) }
    public var exponential: Tensor { Operators.exp(.tensor(self)) }
    public var logarithm: Tensor { Operators.log(.tensor(self)) }
    public var sine: Tensor { Operators.sin(.tensor(self)) }
    public var cosine: Tensor { Operators.cos(.tensor(self)) }
    /// −1, 0 or 1.
    public var sign: Tensor { Operators.sign(.tensor(self)) }
    public var magnitude: Tensor { Operators.abs(.tensor(self)) }
    public var rounded: Tensor { Operators.round(.tensor(self)) }

    public func clamped(_ low: Double, _ high: Double) -> Tensor { Operators.clamp(.tensor(self), .double(low), .double(high)) }

    public static func .> (a: Tensor, b: Double) -> Tensor { Operators.gt(.tensor(a), .double(b)) }
    public static func .< (a: Tensor, b: Double) -> Tensor { Operators.lt(.tensor(a), .double(b)) }
    public static func .== (a: Tensor, b: Double) -> Tensor { Operators.eq(.tensor(a), .double(b)) }

    /// `self` where `condition` holds, `other` elsewhere.
    public func selected(where condition: Tensor, else other: Tensor) -> Tensor {
        Operators.choose(.tensor(condition), .tensor(self), .tensor(other))
    }

    /// In place, without a gradient.
    public func add_(_ other: Tensor, scale: Double = 1) { _ = noGradients { Operators.addInPlace(.tensor(self), .tensor(other), .double(scale)) } }
    public func multiply_(_ factor: Double) { _ = noGradients { Operators.mulInPlace(.tensor(self), .double(factor)) } }
    /// Overwrites the elements, converting type and place.
    public func copy_(_ other: Tensor) { _ = noGradients { Operators.copyInPlace(.tensor(self), .tensor(other)) } }
    /// self ← self + weight · (other − self).
    public func lerp_(_ other: Tensor, _ weight: Double) { _ = noGradients { Operators.lerpInPlace(.tensor(self), .tensor(other), .double(weight)) } }
}

infix operator .> : ComparisonPrecedence
infix operator .< : ComparisonPrecedence
infix operator .== : ComparisonPrecedence

private enum Operators {
    static let add = Operator("add", "Tensor")
    static let addScalar = Operator("add", "Scalar")
    static let sub = Operator("sub", "Tensor")
    static let mul = Operator("mul", "Tensor")
    static let mulScalar = Operator("mul", "Scalar")
    static let div = Operator("div", "Tensor")
    static let divScalar = Operator("div", "Scalar")
    static let neg = Operator("neg")
    static let square = Operator("square")
    static let sqrt = Operator("sqrt")
    static let exp = Operator("exp")
    static let log = Operator("log")
    static let sin = Operator("sin")
    static let cos = Operator("cos")
    static let sign = Operator("sign")
    static let abs = Operator("abs")
    static let round = Operator("round")
    static let clamp = Operator("clamp")
    static let gt = Operator("gt", "Scalar")
    static let lt = Operator("lt", "Scalar")
    static let eq = Operator("eq", "Scalar")
    static let choose = Operator("where", "self")
    static let addInPlace = Operator("add_", "Tensor")
    static let mulInPlace = Operator("mul_", "Scalar")
    static let copyInPlace = Operator("copy_")
    static let lerpInPlace = Operator("lerp_", "Scalar")
}
