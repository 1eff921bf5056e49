import Testing

@testable import Torch

@Suite struct DeviceTests {
    @Test func aDeviceOfUnknownKindIsNotTheProcessor() throws {
        // libtorch's device without memory, 14, which is none of ours.
        let meta = Device(.other(14))
        let empty = try Operator(named: "aten::empty", overload: "memory_format")
        let tensor = try #require(try empty.call([.ints([2, 3]), .dtype(.float32), .none, .device(meta), .none, .none])[0])
        #expect(tensor.device.kind == .other(14) && tensor.device.kind != .cpu)
        #expect("\(tensor.device)".contains("other(14)"))
    }

    @Test func kindsAreToldByTheirNumbers() {
        for kind in Device.Kind.allCases { #expect(Device.Kind(rawValue: kind.rawValue) == kind) }
        for number in Int32(0)...40 where ![0, 1, 13].contains(number) { #expect(Device.Kind(rawValue: number) == .other(number)) }
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
