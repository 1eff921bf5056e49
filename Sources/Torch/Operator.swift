import CTorch

/// One operator of libtorch, found in its dispatcher by name.
public struct Operator: @unchecked Sendable {
    // The pointer leads to an immutable entry that lives as long as the process.
    private let pointer: OpaquePointer
    public let name: String

    /// Throws when this libtorch has no operator of that name and overload.
    public init(named name: String, overload: String = "") throws(TorchError) {
        var result: OpaquePointer?
        if let message = ct_operator_find(name, overload, &result) {
            throw TorchError(operation: name, message: String(cString: message))
        }
        pointer = result!
        self.name = overload.isEmpty ? name : "\(name).\(overload)"
    }

    /// For the operators that this module itself relies on, libtorch's (`aten`) or CTorch's own (`seppo`).
    init(_ name: String, _ overload: String = "", from library: String = "aten") {
        do {
            try self.init(named: library + "::" + name, overload: overload)
        } catch {
            fatalError("\(error)")
        }
    }

    /// Calls with positional arguments; what is left out takes the default of the operator's own schema.
    /// - Returns: the tensors it returns, lists flattened; nil stands for an undefined one.
    public func call(_ arguments: [Argument]) throws(TorchError) -> [Tensor?] {
        var pools = ArgumentPools(capacity: arguments.count)
        for argument in arguments { pools.append(argument) }
        var results: UnsafePointer<OpaquePointer?>?
        var count: Int32 = 0
        let message = withExtendedLifetime(arguments) {
            pools.withArguments { arguments in
                withUnsafePointer(to: arguments) { ct_operator_call(pointer, $0, &results, &count) }
            }
        }
        if let message {
            let given = arguments.map(\.summary).joined(separator: ", ")
            throw TorchError(operation: "\(name)(\(given))", message: String(cString: message))
        }
        return (0..<Int(count)).map { results![$0].map(Tensor.init(owning:)) }
    }

    func callAsFunction(_ arguments: Argument...) -> Tensor { first(arguments) }

    /// The first result; traps with the operator's name, the shapes and libtorch's message.
    func first(_ arguments: [Argument]) -> Tensor {
        guard let first = trapping(arguments).first ?? nil else { fatalError("\(name) returned no tensor") }
        return first
    }

    /// All results; traps like `callAsFunction`.
    func all(_ arguments: Argument...) -> [Tensor] { trapping(arguments).compactMap { $0 } }

    private func trapping(_ arguments: [Argument]) -> [Tensor?] {
        do {
            return try call(arguments)
        } catch {
            error.end()
        }
    }
}

/// An argument of an operator.
public enum Argument: Sendable {
    /// The default of the operator's schema.
    case byDefault
    case none
    case tensor(Tensor?)
    case int(Int)
    case double(Double)
    case bool(Bool)
    /// A constant text, such as the kind of a GELU.
    case string(StaticString)
    case dtype(DType)
    case device(Device)
    case memoryFormat(MemoryFormat)
    case generator(Generator?)
    case ints([Int])
    case doubles([Double])
    case bools([Bool])
    case tensors([Tensor?])

    /// What an error message shows.
    var summary: String {
        switch self {
        case .byDefault: "default"
        case .none: "none"
        case .tensor(let tensor): tensor?.description ?? "none"
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        case .dtype(let value): "\(value)"
        case .device(let value): "\(value)"
        case .memoryFormat(let value): "\(value)"
        case .generator: "generator"
        case .ints(let values): "\(values)"
        case .doubles(let values): "\(values)"
        case .bools(let values): "\(values)"
        case .tensors(let tensors): "[\(tensors.map { $0?.description ?? "none" }.joined(separator: ", "))]"
        }
    }
}

/// The tagged array of a call and the pools its lists live in.
private struct ArgumentPools {
    private var values: [CTValue] = []
    private var ints: [Int64] = []
    private var doubles: [Double] = []
    private var tensors: [OpaquePointer?] = []

    init(capacity: Int) { values.reserveCapacity(capacity) }

    mutating func append(_ argument: Argument) {
        var value = CTValue()
        switch argument {
        case .byDefault:
            value.tag = CTTagDefault
        case .none:
            value.tag = CTTagNone
        case .tensor(let tensor):
            value.tag = CTTagTensor
            value.handle = tensor.map { UnsafeRawPointer($0.handle) }
        case .int(let number):
            value.tag = CTTagInt
            value.integer = Int64(number)
        case .double(let number):
            value.tag = CTTagDouble
            value.number = number
        case .bool(let flag):
            value.tag = CTTagBool
            value.integer = flag ? 1 : 0
        case .string(let text):
            value.tag = CTTagString
            value.text = UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
        case .dtype(let dtype):
            value.tag = CTTagInt
            value.integer = Int64(dtype.rawValue)
        case .memoryFormat(let format):
            value.tag = CTTagInt
            value.integer = Int64(format.rawValue)
        case .device(let device):
            value.tag = CTTagDevice
            value.integer = Int64(device.kind.rawValue)
            value.count = device.index
        case .generator(let generator):
            value.tag = generator == nil ? CTTagNone : CTTagGenerator
            if let generator { value.handle = UnsafeRawPointer(generator.handle) }
        case .ints(let list):
            value = Self.list(CTTagInts, offset: ints.count, count: list.count)
            ints += list.map(Int64.init)
        case .doubles(let list):
            value = Self.list(CTTagDoubles, offset: doubles.count, count: list.count)
            doubles += list
        case .bools(let list):
            value = Self.list(CTTagBools, offset: ints.count, count: list.count)
            ints += list.map { $0 ? 1 : 0 }
        case .tensors(let list):
            value = Self.list(CTTagTensors, offset: tensors.count, count: list.count)
            tensors += list.map { $0?.handle }
        }
        values.append(value)
    }

    private static func list(_ tag: CTTag, offset: Int, count: Int) -> CTValue {
        var value = CTValue()
        value.tag = tag
        value.integer = Int64(offset)
        value.count = Int32(count)
        return value
    }

    func withArguments<Result>(_ body: (CTArguments) -> Result) -> Result {
        values.withUnsafeBufferPointer { values in
            ints.withUnsafeBufferPointer { ints in
                doubles.withUnsafeBufferPointer { doubles in
                    tensors.withUnsafeBufferPointer { tensors in
                        body(
                            CTArguments(
                                values: values.baseAddress, count: Int32(values.count), ints: ints.baseAddress,
                                doubles: doubles.baseAddress, tensors: tensors.baseAddress))
                    }
                }
            }
        }
    }
}
