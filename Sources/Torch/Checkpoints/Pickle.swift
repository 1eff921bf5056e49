/// What a pickle of tensors holds, as data: nothing that it names is imported or called.
///
/// Read is the part of Python's pickle (protocol 2) that `torch.save` writes for tensors in dictionaries and lists; anything else is refused with its
/// opcode or name and where it stands. Containers refer to one another by number, so that they may form circles, and freeing one frees no other.
struct Pickle {
    enum Value {
        case none
        case bool(Bool)
        case integer(Int)
        /// Little-endian bytes of a number beyond `Int`.
        case longInteger([UInt8])
        case number(Double)
        case text(String)
        case global(Global)
        /// Each an index of the array of that name.
        case storage(Int)
        case tensor(Int)
        case tuple(Int)
        case list(Int)
        case dictionary(Int)
    }

    /// What may be named. A function stands for what it would make.
    enum Global: Equatable {
        case dictionary
        case storage(DType)
        case tensor(argumentCounts: ClosedRange<Int>)
        case parameter
        /// A class that training programs use as a key, and that nothing is made of.
        case label

        init?(_ module: String, _ name: String) {
            switch (module, name) {
            case ("collections", "OrderedDict"): self = .dictionary
            case ("torch._utils", "_rebuild_tensor_v2"): self = .tensor(argumentCounts: 6...7)
            case ("torch._utils", "_rebuild_tensor"): self = .tensor(argumentCounts: 4...4)
            case ("torch._utils", "_rebuild_parameter"), ("torch.nn.parameter", "Parameter"): self = .parameter
            case ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"): self = .label
            case ("torch", let name):
                guard let type = Self.storages[name] else { return nil }
                self = .storage(type)
            default: return nil
            }
        }

        private static let storages: [String: DType] = [
            "FloatStorage": .float32, "HalfStorage": .float16, "BFloat16Storage": .bfloat16, "DoubleStorage": .float64, "LongStorage": .int64,
            "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8, "BoolStorage": .bool,
        ]
    }

    /// Elements in a row, all of them or a part, that tensors are views of.
    struct Storage: Equatable {
        let key: String
        let dtype: DType
        /// Of all of them.
        let count: Int
        let part: Range<Int>
    }

    /// A view of a storage; in elements.
    struct Tensor: Equatable {
        let storage: Storage
        let offset: Int
        let shape: [Int]
        let strides: [Int]
    }

    private(set) var root = Value.none
    private(set) var storages: [Storage] = []
    private(set) var tensors: [Tensor] = []
    private(set) var tuples: [[Value]] = []
    private(set) var lists: [[Value]] = []
    private(set) var dictionaries: [[(key: Value, value: Value)]] = []
    /// Where it ends in the bytes.
    private(set) var end: Int

    static let longestPickle = 1 << 26
    private static let deepestStack = 1_000_000
    private static let mostElements = 10_000_000
    private static let longestText = 1 << 16
    private static let longestName = 256

    private let bytes: UnsafeRawBufferPointer
    private var place: Int
    private var opcodePlace = 0
    private var stack: [Value] = []
    private var marks: [Int] = []
    private var memo: [Int: Value] = [:]
    private var elements = 0

    /// - Parameters:
    ///   - bytes: hold it, and may go on after it
    ///   - start: where it begins
    init(_ bytes: UnsafeRawBufferPointer, from start: Int = 0) throws(TorchCheckpointError.Problem) {
        self.bytes = bytes
        (place, end) = (start, start)
        while try step() {}
        end = place
        // What is left of the work is not kept with what was found.
        (stack, marks, memo) = ([], [], [:])
    }

    // MARK: Opcodes

    /// Carries out one opcode; false where it was the last.
    private mutating func step() throws(TorchCheckpointError.Problem) -> Bool {
        opcodePlace = place
        guard place - end <= Self.longestPickle else { throw .limit("a pickle of more than \(Self.longestPickle >> 20) MiB", byte: place) }
        let opcode = try byte()
        switch opcode {
        case 0x80:
            let version = try byte()
            guard version == 2 else { throw .opcode("protocol \(version)", byte: opcodePlace) }
        case UInt8(ascii: "."):
            root = try pop()
            guard stack.isEmpty, marks.isEmpty else { throw .malformed("something is left on the stack", byte: opcodePlace) }
            return false
        case UInt8(ascii: "("):
            guard marks.count < Self.deepestStack else { throw .limit("too many marks", byte: opcodePlace) }
            marks.append(stack.count)
        case UInt8(ascii: "N"): try push(.none)
        case 0x88: try push(.bool(true))
        case 0x89: try push(.bool(false))
        case UInt8(ascii: "K"): try push(.integer(Int(byte())))
        case UInt8(ascii: "M"): try push(.integer(Int(UInt16(truncatingIfNeeded: word(2)))))
        case UInt8(ascii: "J"): try push(.integer(Int(Int32(truncatingIfNeeded: word(4)))))
        case 0x8A: try push(longInteger())
        case UInt8(ascii: "G"): try push(.number(Double(bitPattern: UInt64(truncatingIfNeeded: word(8)).byteSwapped)))
        case UInt8(ascii: "X"): try push(.text(text(word(4))))
        case UInt8(ascii: "U"): try push(.text(text(Int(byte()))))
        case UInt8(ascii: ")"): try pushTuple([])
        case 0x85...0x87: try pushTuple(pop(Int(opcode - 0x84)))
        case UInt8(ascii: "t"): try pushTuple(popToMark())
        case UInt8(ascii: "]"):
            lists.append([])
            try push(.list(lists.count - 1))
        case UInt8(ascii: "}"): try pushDictionary([])
        case UInt8(ascii: "a"): try append(pop(1))
        case UInt8(ascii: "e"): try append(popToMark())
        case UInt8(ascii: "s"): try set(pop(2))
        case UInt8(ascii: "u"): try set(popToMark())
        case UInt8(ascii: "q"): try remember(Int(byte()))
        case UInt8(ascii: "r"): try remember(word(4))
        case UInt8(ascii: "h"): try recall(Int(byte()))
        case UInt8(ascii: "j"): try recall(word(4))
        case UInt8(ascii: "c"): try push(.global(global()))
        case UInt8(ascii: "Q"): try pushStorage(pop())
        case UInt8(ascii: "R"), 0x81:
            let arguments = try tuple(pop())
            try call(pop(), arguments)
        case UInt8(ascii: "b"):
            // What is set on a dictionary or a tensor beside its contents, such as the versions of modules.
            _ = try pop()
            switch stack.last {
            case .dictionary?, .tensor?: break
            default: throw .malformed("a state for something that has none", byte: opcodePlace)
            }
        default: throw .opcode("opcode 0x" + String(opcode, radix: 16), byte: opcodePlace)
        }
        return true
    }

    private mutating func call(_ callee: Value, _ arguments: [Value]) throws(TorchCheckpointError.Problem) {
        guard case .global(let global) = callee else { throw .malformed("a call of something that is no function", byte: opcodePlace) }
        switch global {
        case .dictionary:
            guard let pairs = arguments.first else { return try pushDictionary([]) }
            guard arguments.count == 1, case .list(let index) = pairs else { throw .malformed("a dictionary of no list", byte: opcodePlace) }
            try count(2 * lists[index].count)
            var contents: [(key: Value, value: Value)] = []
            for pair in lists[index] {
                let parts: [Value]
                switch pair {
                case .list(let index): parts = lists[index]
                case .tuple(let index): parts = tuples[index]
                default: parts = []
                }
                guard parts.count == 2 else { throw .malformed("a dictionary of something else than pairs", byte: opcodePlace) }
                contents.append((parts[0], parts[1]))
            }
            try pushDictionary(contents)
        case .parameter:
            guard (1...3).contains(arguments.count), case .tensor = arguments[0] else { throw .malformed("a parameter of no tensor", byte: opcodePlace) }
            try push(arguments[0])
        case .tensor(let counts):
            guard counts.contains(arguments.count), case .storage(let index) = arguments[0], case .integer(let offset) = arguments[1] else {
                throw .malformed("a tensor of other arguments", byte: opcodePlace)
            }
            let view = Tensor(storage: storages[index], offset: offset, shape: try integers(arguments[2]), strides: try integers(arguments[3]))
            guard view.isWithinStorage else { throw .beyondStorage(key: view.storage.key, byte: opcodePlace) }
            try count(2 * view.shape.count)
            tensors.append(view)
            try push(.tensor(tensors.count - 1))
        case .storage, .label: throw .malformed("a class that is called", byte: opcodePlace)
        }
    }

    /// `('storage', class, key, location, count[, view])` of a persistent id; where it lay does not matter.
    private mutating func pushStorage(_ identity: Value) throws(TorchCheckpointError.Problem) {
        let parts = try tuple(identity)
        guard (5...6).contains(parts.count), case .text("storage") = parts[0], case .global(.storage(let dtype)) = parts[1],
            case .text(let key) = parts[2], case .integer(let count) = parts[4], count >= 0
        else { throw .malformed("a reference to something else than a storage", byte: opcodePlace) }
        var part = 0..<count
        if parts.count == 6, case .tuple(let index) = parts[5] {
            let view = tuples[index]
            guard view.count == 3, case .integer(let offset) = view[1], case .integer(let length) = view[2], offset >= 0, length >= 0,
                offset <= count, length <= count - offset
            else { throw .beyondStorage(key: key, byte: opcodePlace) }
            part = offset..<offset + length
        }
        try self.count(1)
        storages.append(Storage(key: key, dtype: dtype, count: count, part: part))
        try push(.storage(storages.count - 1))
    }

    // MARK: The stack

    private mutating func push(_ value: Value) throws(TorchCheckpointError.Problem) {
        guard stack.count < Self.deepestStack else { throw .limit("a stack of more than \(Self.deepestStack) values", byte: opcodePlace) }
        stack.append(value)
    }

    private mutating func pop() throws(TorchCheckpointError.Problem) -> Value {
        guard stack.count > marks.last ?? 0 else { throw .malformed("nothing is left on the stack", byte: opcodePlace) }
        return stack.removeLast()
    }

    private mutating func pop(_ number: Int) throws(TorchCheckpointError.Problem) -> [Value] {
        guard stack.count - (marks.last ?? 0) >= number else { throw .malformed("too little is left on the stack", byte: opcodePlace) }
        defer { stack.removeLast(number) }
        return Array(stack.suffix(number))
    }

    private mutating func popToMark() throws(TorchCheckpointError.Problem) -> [Value] {
        guard let height = marks.popLast() else { throw .malformed("no mark", byte: opcodePlace) }
        defer { stack.removeLast(stack.count - height) }
        return Array(stack[height...])
    }

    /// Containers may be named many times: what they hold together is bounded.
    private mutating func count(_ number: Int) throws(TorchCheckpointError.Problem) {
        elements += number
        guard elements <= Self.mostElements else { throw .limit("more than \(Self.mostElements) elements", byte: opcodePlace) }
    }

    private mutating func pushTuple(_ values: [Value]) throws(TorchCheckpointError.Problem) {
        try count(values.count)
        tuples.append(values)
        try push(.tuple(tuples.count - 1))
    }

    private mutating func pushDictionary(_ contents: [(key: Value, value: Value)]) throws(TorchCheckpointError.Problem) {
        dictionaries.append(contents)
        try push(.dictionary(dictionaries.count - 1))
    }

    private mutating func append(_ values: [Value]) throws(TorchCheckpointError.Problem) {
        guard stack.count > marks.last ?? 0, case .list(let index)? = stack.last else { throw .malformed("elements of no list", byte: opcodePlace) }
        try count(values.count)
        lists[index] += values
    }

    private mutating func set(_ values: [Value]) throws(TorchCheckpointError.Problem) {
        guard values.count % 2 == 0, stack.count > marks.last ?? 0, case .dictionary(let index)? = stack.last else {
            throw .malformed("entries of no dictionary", byte: opcodePlace)
        }
        try count(values.count)
        for position in stride(from: 0, to: values.count, by: 2) { dictionaries[index].append((values[position], values[position + 1])) }
    }

    private mutating func remember(_ index: Int) throws(TorchCheckpointError.Problem) {
        guard let value = stack.last else { throw .malformed("nothing to remember", byte: opcodePlace) }
        memo[index] = value
    }

    private mutating func recall(_ index: Int) throws(TorchCheckpointError.Problem) {
        guard let value = memo[index] else { throw .malformed("memo \(index), which is empty", byte: opcodePlace) }
        try push(value)
    }

    private func tuple(_ value: Value) throws(TorchCheckpointError.Problem) -> [Value] {
        guard case .tuple(let index) = value else { throw .malformed("no tuple", byte: opcodePlace) }
        return tuples[index]
    }

    private func integers(_ value: Value) throws(TorchCheckpointError.Problem) -> [Int] {
        var found: [Int] = []
        for value in try tuple(value) {
            guard case .integer(let number) = value else { throw .malformed("a shape of no numbers", byte: opcodePlace) }
            found.append(number)
        }
        return found
    }

    // MARK: Bytes

    private mutating func byte() throws(TorchCheckpointError.Problem) -> UInt8 {
        guard place < bytes.count else { throw .truncated(byte: place) }
        defer { place += 1 }
        return bytes[place]
    }

    private mutating func take(_ number: Int) throws(TorchCheckpointError.Problem) -> UnsafeRawBufferPointer {
        guard number >= 0, number <= bytes.count - place else { throw .truncated(byte: bytes.count) }
        defer { place += number }
        return UnsafeRawBufferPointer(rebasing: bytes[place..<place + number])
    }

    /// Little-endian; of eight bytes the pattern.
    private mutating func word(_ size: Int) throws(TorchCheckpointError.Problem) -> Int {
        Int(truncatingIfNeeded: try take(size).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    private mutating func longInteger() throws(TorchCheckpointError.Problem) -> Value {
        let digits = Array(try take(Int(byte())))
        guard digits.count <= 8 else { return .longInteger(digits) }
        guard let last = digits.last else { return .integer(0) }
        // Two's complement, of as many bytes as there are.
        let start = Int64(last & 0x80 != 0 ? -1 : 0)
        return .integer(Int(digits.reversed().reduce(start) { $0 << 8 | Int64($1) }))
    }

    private mutating func text(_ length: Int) throws(TorchCheckpointError.Problem) -> String {
        guard length <= Self.longestText else { throw .limit("a text of \(length) bytes", byte: opcodePlace) }
        guard let text = String(validating: try take(length), as: UTF8.self) else { throw .malformed("a text that is not UTF-8", byte: opcodePlace) }
        return text
    }

    private mutating func line() throws(TorchCheckpointError.Problem) -> String {
        let rest = bytes[place...].prefix(Self.longestName + 1)
        guard let end = rest.firstIndex(of: 10) else {
            throw rest.count > Self.longestName ? .limit("a name of more than \(Self.longestName) bytes", byte: place) : .truncated(byte: bytes.count)
        }
        let name = String(decoding: try take(end - place), as: UTF8.self)
        place += 1
        return name
    }

    private mutating func global() throws(TorchCheckpointError.Problem) -> Global {
        let (module, name) = (try line(), try line())
        guard let global = Global(module, name) else { throw .global("\(module).\(name)", byte: opcodePlace) }
        return global
    }
}

extension Pickle.Tensor {
    /// Whether it has a shape that can be, and no element of it lies beyond its storage.
    var isWithinStorage: Bool {
        guard shape.count == strides.count, shape.count <= SafeTensors.mostAxes, (0...storage.part.count).contains(offset) else { return false }
        guard zip(shape, strides).allSatisfy({ $0 >= 0 && $1 >= 0 }) else { return false }
        var count = 1
        for size in shape {
            let (product, overflows) = count.multipliedReportingOverflow(by: max(size, 1))
            if overflows { return false }
            count = product
        }
        if shape.contains(0) { return true }
        // One that repeats elements, of which a few bytes could claim any number, is none that is saved.
        guard count <= storage.part.count else { return false }
        var last = offset
        for (size, stride) in zip(shape, strides) {
            let (way, overflows) = (size - 1).multipliedReportingOverflow(by: stride)
            let (sum, overflowsToo) = last.addingReportingOverflow(way)
            if overflows || overflowsToo { return false }
            last = sum
        }
        return last < storage.part.count
    }

    var count: Int { shape.reduce(1, *) }

    /// Whether its elements lie one behind another.
    var isContiguous: Bool {
        var expected = 1
        for (size, stride) in zip(shape, strides).reversed() where size != 1 {
            if stride != expected { return false }
            expected *= size
        }
        return true
    }
}
