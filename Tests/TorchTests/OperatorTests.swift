import Testing
import Torch

/// Operators found by name and called with tagged arguments.
@Suite struct OperatorTests {
    private let image = Tensor.range(9).reshaped([1, 1, 3, 3])
    private let corners = Tensor.ones([1, 1, 2, 2])

    private func call(_ name: String, _ overload: String = "", _ arguments: Argument...) throws -> [Tensor?] {
        try Operator(named: "aten::" + name, overload: overload).call(arguments)
    }

    @Test func leftOutArgumentsTakeTheSchemasDefaults() throws {
        let plain = try call("conv2d", "", .tensor(image), .tensor(corners))[0]
        #expect(plain?.shape == [1, 1, 2, 2] && plain?.values() == [8, 12, 20, 24])
        // A default in the middle, and a list after it: bias none, stride 1, padding 1.
        let padded = try call("conv2d", "", .tensor(image), .tensor(corners), .byDefault, .byDefault, .ints([1, 1]))[0]
        #expect(padded?.shape == [1, 1, 4, 4] && padded?.values().first == 0 && padded?.values().last == 8)
    }

    @Test func optionalArgumentsMayBeAbsent() throws {
        let x = Tensor([Float(-2), 0.5, 3])
        #expect(try call("clamp", "", .tensor(x), .none, .int(1))[0]?.values() == [-2, 0.5, 1])
        #expect(try call("clamp", "", .tensor(x), .double(0))[0]?.values() == [0, 0.5, 3])
        #expect(try call("conv2d", "", .tensor(image), .tensor(corners), .tensor(nil))[0]?.values() == [8, 12, 20, 24])
        #expect(try call("randn", "generator", .ints([3]), .generator(nil))[0]?.shape == [3])
    }

    @Test func listsGoInAndComeOut() throws {
        let parts = [Tensor([Float(1), 2]), Tensor([Float(3)])]
        #expect(try call("cat", "", .tensors(parts))[0]?.values() == [1, 2, 3])
        #expect(try call("_foreach_mul", "Scalar", .tensors(parts), .double(2)).map { $0?.values() } == [[2, 4], [6]])
        // A list of optional tensors: all rows, columns 2 and 0.
        let columns = try call("index", "Tensor", .tensor(Tensor.range(6).reshaped([2, 3])), .tensors([nil, Tensor([2, 0])]))
        #expect(columns[0]?.values() == [2, 0, 5, 3])
        let scaled = try call("upsample_nearest2d", "vec", .tensor(corners), .none, .doubles([2, 1.5]))
        #expect(scaled[0]?.shape == [1, 1, 4, 3])
        #expect(try call("split_with_sizes", "", .tensor(Tensor.range(3)), .ints([3, 0])).map { $0?.count } == [3, 0])
    }

    @Test func everyKindOfResultComesBack() throws {
        let x = Tensor([Float(3), 1, 2])
        let greatest = try call("max", "dim", .tensor(x), .int(0))
        #expect(greatest.map { $0?.values() } == [[3], [0]])
        #expect(try call("equal", "", .tensor(x), .tensor(x))[0]?.item == 1)
        #expect(try call("item", "", .tensor(x[2]))[0]?.item == 2)
        // An undefined tensor keeps its place: the gradient of the input was not asked for.
        let gradients = try call(
            "convolution_backward", "", .tensor(Tensor.ones([1, 1, 2, 2])), .tensor(image), .tensor(corners), .none, .ints([1, 1]), .ints([0, 0]),
            .ints([1, 1]), .bool(false), .ints([0, 0]), .int(1), .bools([false, true, false]))
        #expect(gradients.map { $0 == nil } == [true, false, true])
    }

    @Test func textsTypesAndOrdersAreCarried() throws {
        let x = Tensor([Float(1)])
        let (exact, approximate) = (try call("gelu", "", .tensor(x))[0]!.item, try call("gelu", "", .tensor(x), .string("tanh"))[0]!.item)
        #expect(abs(exact - 0.8413447) < 1e-6 && abs(approximate - 0.8411920) < 1e-6)
        let zeros = try call("zeros", "", .ints([2, 3, 4, 5]), .dtype(.bfloat16), .none, .device(.cpu))[0]
        #expect(zeros?.dtype == .bfloat16 && zeros?.device.kind == .cpu)
        let turned = try call("contiguous", "", .tensor(zeros), .memoryFormat(.channelsLast))[0]
        #expect(turned?.strides == [60, 1, 15, 3])
    }

    @Test func anErrorNamesOperatorShapesAndReason() throws {
        let (a, b) = (Tensor.zeros([2, 3]), Tensor.zeros([2, 3]))
        let error = #expect(throws: TorchError.self) { try call("matmul", "", .tensor(a), .tensor(b)) }
        #expect(error?.operation == "aten::matmul(float32[2, 3], float32[2, 3])")
        #expect(error?.message == "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)")
        #expect(error.map { "\($0)" } == "\(error!.operation): \(error!.message)")
        // And the door works on.
        #expect(try call("matmul", "", .tensor(a), .tensor(b.transposed(0, 1)))[0]?.shape == [2, 2])
    }

    @Test func unknownOperatorsAndOverloadsAreRefused() {
        let unknown = #expect(throws: TorchError.self) { try Operator(named: "aten::no_such_thing") }
        #expect(unknown?.message.hasPrefix("libtorch \(Runtime.version) has no operator aten::no_such_thing") == true)
        let overload = #expect(throws: TorchError.self) { try Operator(named: "aten::add", overload: "Nothing") }
        #expect(overload?.message.contains("aten::add.Nothing") == true)
    }

    @Test func wrongArgumentsAreRefused() {
        let x = Tensor.zeros([2])
        let missing = #expect(throws: TorchError.self) { try call("matmul", "", .tensor(x)) }
        #expect(missing?.message.contains("'other' has no default") == true)
        let many = #expect(throws: TorchError.self) { try call("relu", "", .tensor(x), .int(1)) }
        #expect(many?.message.contains("takes 1 arguments, 2 were given") == true)

        for wrong: [Argument] in [
            [.int(1), .int(0)], [.none, .int(0)], [.tensors([x]), .int(0)], [.tensor(x), .tensor(x)], [.tensor(x), .string("0")], [.tensor(x), .double(0)],
            [.tensor(x), .ints([0])], [.tensor(x), .none], [.ints([1]), .int(0)], [.device(.cpu), .int(0)], [.tensor(x), .doubles([0])],
            [.tensor(x), .int(7)],
        ] {
            #expect(throws: TorchError.self, "\(wrong.map { "\($0)" })") { try Operator(named: "aten::unsqueeze").call(wrong) }
        }
        for wrong: [Argument] in [[.tensor(x)], [.tensors([]), .int(0)], [.ints([1]), .int(0)], [.doubles([1]), .int(0)]] {
            #expect(throws: TorchError.self, "\(wrong.map { "\($0)" })") { try Operator(named: "aten::cat").call(wrong) }
        }
    }

    #if compiler(>=6.2)
        @Test func aTrapSaysTheSame() async throws {
            let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = Tensor.zeros([2, 3]).matmul(Tensor.zeros([2, 3]))
            }
            let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
            #expect(text.contains("aten::matmul(float32[2, 3], float32[2, 3]): mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"))
        }
    #endif
}
