import Testing

@testable import Torch

@Suite struct DeviceTests {
    @Test func aDeviceOfUnknownKindIsNotTheProcessor() {
        let unknown = Device(Device.Kind(rawValue: 20))
        #expect(unknown.kind == .other(20) && unknown != .cpu && "\(unknown)" == "other(20)")
    }

    @Test func aTensorTellsItsDevice() {
        let tensor = Tensor.zeros([2, 3], on: Placement(.meta, .int64))
        #expect(tensor.placement == Placement(.meta, .int64) && "\(tensor)" == "int64[2, 3] on meta")
        #expect(Tensor.zeros([2, 3]).placement == Placement(.cpu, .float32) && "\(Tensor.zeros([2, 3]))" == "float32[2, 3]")
    }

    @Test func kindsAreToldByTheirNumbers() {
        for kind in Device.Kind.allCases { #expect(Device.Kind(rawValue: kind.rawValue) == kind) }
        for number in Int32(0)...40 where ![0, 1, 13, 14].contains(number) { #expect(Device.Kind(rawValue: number) == .other(number)) }
    }

    @Test func everyFactoryTakesAPlacement() {
        for placement in [Placement(.cpu, .float64), Placement(.meta), Placement(.meta, .bfloat16)] {
            let made = [
                Tensor.zeros([3], on: placement), .ones([3], on: placement), .full([3], 2, on: placement), .empty([3], on: placement),
                .range(3, on: placement), .linspace(0, 1, 3, on: placement), Tensor([Float(1), 2, 3], shape: [3], on: placement),
            ]
            for tensor in made { #expect(tensor.placement == placement && tensor.shape == [3]) }
        }
        #expect(Tensor([Float(1), 2.5], shape: [2], on: Placement(.cpu, .float64)).values(Double.self) == [1, 2.5])
        #expect(Tensor.linspace(0, 1, 3, on: Placement(.cpu, .float64)).values(Double.self) == [0, 0.5, 1])
    }

    @Test func anElementTypeOfUnknownKindIsToldByItsNumber() throws {
        let complex = try #require(try Operator(named: "aten::complex").call([.tensor(Tensor([1] as [Float])), .tensor(Tensor([2] as [Float]))])[0])
        #expect("\(complex)" == "element type 9[1]")
    }

    @Test func refusedMemoryIsToldFromOtherFailures() {
        let refused = [
            "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4398046511104 bytes.",
            "std::bad_alloc", "CUDA out of memory. Tried to allocate 2.00 GiB",
        ]
        for message in refused { #expect(TorchError(operation: "empty", message: message).isOutOfMemory) }
        #expect(!TorchError(operation: "add", message: "The size of tensor a (2) must match the size of tensor b (3)").isOutOfMemory)
    }
}
