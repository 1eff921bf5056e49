import Testing

@testable import Torch

/// Calls whose tensors lie on more than one device.
@Suite struct DeviceCheckTests {
    /// A call of an operator with every tensor on `meta`, or all but one.
    struct Call: Sendable, CustomTestStringConvertible {
        let name: String
        let overload: String
        /// Tensors are shapes, made where they should lie; indices are of whole numbers.
        let arguments: [Part]
        /// Which argument is left on the processor, counted from 0.
        let strays: [Int]
        /// Whether libtorch itself lets it pass.
        let passesInSilence: Bool
        var testDescription: String { name }

        enum Part: Sendable {
            case tensor([Int])
            case index([Int])
            case condition([Int])
            case indices([Int])
            case list([[Int]])
            case plain(Argument)
        }

        /// - Parameter stray: the argument left on the processor; of a list its last tensor
        func arguments(stray: Int?) -> [Argument] {
            arguments.enumerated().map { place, part in
                let device: Device = place == stray ? .cpu : .meta
                return switch part {
                case .tensor(let shape): .tensor(Tensor.zeros(shape, on: Placement(device)))
                case .index(let shape): .tensor(Tensor.zeros(shape, on: Placement(device, .int64)))
                case .condition(let shape): .tensor(Tensor.zeros(shape, on: Placement(device, .bool)))
                case .indices(let shape): .tensors([Tensor.zeros(shape, on: Placement(device, .int64))])
                case .list(let shapes):
                    .tensors(shapes.dropLast().map { Tensor.zeros($0, on: Placement(.meta)) } + [Tensor.zeros(shapes.last!, on: Placement(device))])
                case .plain(let argument): argument
                }
            }
        }

        func callAsFunction(stray: Int?) throws -> Tensor? { try Operator(named: name, overload: overload).call(arguments(stray: stray))[0] }
    }

    private static func call(_ name: String, _ overload: String = "", strays: [Int], silent: Bool = false, _ parts: Call.Part...) -> Call {
        Call(name: name, overload: overload, arguments: parts, strays: strays, passesInSilence: silent)
    }

    static let calls: [Call] = [
        call("seppo::linear", strays: [0, 1, 2], .tensor([2, 3]), .tensor([4, 3]), .tensor([4])),
        call("aten::linear", strays: [0, 1], silent: true, .tensor([2, 3]), .tensor([4, 3])),
        call("seppo::conv2d", strays: [0, 1, 2], .tensor([1, 3, 8, 8]), .tensor([4, 3, 3, 3]), .tensor([4]), .plain(.int(1)), .plain(.int(1))),
        call("aten::conv2d", strays: [1], silent: true, .tensor([1, 3, 8, 8]), .tensor([4, 3, 3, 3])),
        call("aten::bmm", strays: [0, 1], silent: true, .tensor([2, 3, 4]), .tensor([2, 4, 5])),
        call("aten::matmul", strays: [0, 1], silent: true, .tensor([3, 4]), .tensor([4, 5])),
        call("aten::index_select", strays: [2], silent: true, .tensor([5, 4]), .plain(.int(0)), .index([3])),
        call("aten::index", "Tensor", strays: [1], silent: true, .tensor([5, 4]), .indices([3])),
        call("aten::gather", strays: [2], silent: true, .tensor([5, 4]), .plain(.int(0)), .index([3, 4])),
        call("aten::embedding", strays: [0, 1], silent: true, .tensor([5, 4]), .index([2, 3])),
        call("aten::add", "Tensor", strays: [0, 1], .tensor([2, 3]), .tensor([2, 3])),
        call("aten::where", "self", strays: [0, 1, 2], .condition([2, 3]), .tensor([2, 3]), .tensor([2, 3])),
        call("aten::layer_norm", strays: [0, 2, 3], .tensor([2, 8]), .plain(.ints([8])), .tensor([8]), .tensor([8])),
        call(
            "seppo::group_norm", strays: [0, 2, 3], .tensor([1, 8, 4, 4]), .plain(.int(2)), .tensor([8]), .tensor([8]), .plain(.double(1e-5)),
            .plain(.bool(true))),
        call("aten::cat", strays: [0], .list([[2, 3], [2, 3]])),
        call("seppo::attention", strays: [0, 1, 2], .tensor([1, 2, 4, 8]), .tensor([1, 2, 4, 8]), .tensor([1, 2, 4, 8])),
        call(
            "seppo::gated_feed_forward", strays: [0, 1, 2, 3, 4], .tensor([2, 8]), .tensor([32, 8]), .tensor([32]), .tensor([8, 16]), .tensor([8])),
    ]

    @Test(arguments: calls) func oneTensorLeftOnTheProcessorIsRefused(_ call: Call) throws {
        try checkingDevices {
            let answer = try call(stray: nil)
            #expect(answer?.device == .meta)
            for stray in call.strays {
                let error = #expect(throws: TorchError.self, "argument \(stray + 1)") { try call(stray: stray) }
                #expect(error?.operation.hasPrefix(call.name) == true)
                #expect(error?.message.hasPrefix("tensors on more than one device: argument ") == true, "\(error?.message ?? "")")
                #expect(error?.message.contains("argument \(stray + 1) (") == true && error?.message.contains("is on cpu") == true)
                #expect(error?.message.contains("is on meta") == true, "\(error?.message ?? "")")
            }
        }
    }

    @Test func theErrorNamesOperatorArgumentsShapesAndDevices() throws {
        let (x, weight) = (Tensor.zeros([2, 3], on: Placement(.meta)), Tensor.zeros([4, 3]))
        let error = checkingDevices {
            #expect(throws: TorchError.self) { try Operator(named: "aten::linear").call([.tensor(x), .tensor(weight)]) }
        }
        #expect(error?.operation == "aten::linear(float32[2, 3] on meta, float32[4, 3])")
        #expect(
            error?.message == "tensors on more than one device: argument 1 (input) [2, 3] is on meta, argument 2 (weight) [4, 3] is on cpu")
    }

    @Test func tensorsWithoutAxesAndMovesAreExempt() throws {
        try checkingDevices {
            let x = Tensor.zeros([2], on: Placement(.meta))
            let product = try Operator(named: "aten::mul", overload: "Tensor").call([.tensor(x), .tensor(Tensor.full([], 2))])[0]
            #expect(product?.device == .meta)
            x.copy_(Tensor.zeros([2]))
            #expect(Tensor.zeros([2]).to(.meta).device == .meta)
        }
    }

    #if compiler(>=6.2)
        /// In a process of its own, since other tests may be checking at this moment.
        @Test func withoutTheCheckLibtorchLetsMostPass() async {
            await #expect(processExitsWith: .success) {
                for call in DeviceCheckTests.calls where call.passesInSilence {
                    for stray in call.strays { #expect(throws: Never.self, "\(call.name), argument \(stray + 1)") { try call(stray: stray) } }
                }
                checkingDevices {}
                #expect(throws: Never.self, "the scope has ended") { try DeviceCheckTests.calls[1](stray: 1) }
            }
        }
    #endif

    @Test func theCheckReachesWorkersAndWhatIsRunAgainForTheGradient() throws {
        let call = Self.calls[1]
        try checkingDevices {
            let refusals = try Workers.map(8) { _, _ in (try? call(stray: 1)) == nil }
            #expect(refusals.allSatisfy { $0 })
            // Once for the answer and once for the gradient.
            let counter = Counter()
            let x = Tensor.ones([2])
            x.requiresGradient = true
            let y = Tensor.recomputed(x, x) { x, _ in
                if (try? call(stray: 1)) == nil { counter.count += 1 }
                return x * 2
            }
            y.sum().backward()
            #expect(counter.count == 2)
        }
    }

    private final class Counter { var count = 0 }
}
