import Foundation
import Testing
import Torch

/// Handles, views, strides and element types.
@Suite struct TensorTests {
    @Test func viewsShareMemoryAndCopiesDoNot() {
        let x = Tensor.range(6).reshaped([2, 3])
        let (row, copy) = (x[1], x[1].clone())
        row.add_(Tensor([Float(10)]))
        #expect(x.values() == [0, 1, 2, 13, 14, 15] && row.values() == [13, 14, 15] && copy.values() == [3, 4, 5])
        x.transposed(0, 1)[0].multiply_(2)
        #expect(x.values() == [0, 1, 2, 26, 14, 15])
    }

    @Test func stridesAreThoseOfTheView() {
        let x = Tensor.range(24).reshaped([2, 3, 4])
        #expect(x.strides == [12, 4, 1] && x.rank == 3 && x.count == 24)
        let turned = x.permuted([2, 0, 1])
        #expect(turned.shape == [4, 2, 3] && turned.strides == [1, 12, 4])
        #expect(turned.values().prefix(6) == [0, 4, 8, 12, 16, 20])
        #expect(turned.contiguous().strides == [6, 3, 1] && turned.contiguous().values() == turned.values())
        #expect(x.slice(1..<3, axis: 2).strides == [12, 4, 1] && x.slice(1..<3, axis: 2)[1].values() == [13, 14, 17, 18, 21, 22])
        let spread = Tensor([Float(1), 2]).unsqueezed(1).expanded([2, 3])
        #expect(spread.strides == [1, 0] && spread.values() == [1, 1, 1, 2, 2, 2])
        #expect(x.size(-1) == 4 && x.size(0) == 2)
    }

    @Test func channelsLastKeepsTheElements() {
        let x = Tensor.range(48).reshaped([2, 3, 2, 4])
        let y = x.contiguous(.channelsLast)
        #expect(y.shape == x.shape && y.strides == [24, 1, 12, 3] && y.values() == x.values())
        #expect(y.silu.strides == y.strides && y.zerosLike().strides == y.strides)
        #expect(y.withUnsafeBytes { Array($0) } == x.withUnsafeBytes { Array($0) })
    }

    @Test func emptyTensorsAreTensors() {
        let none = Tensor.zeros([0, 3])
        #expect(none.values() == [] && none.count == 0 && none.shape == [0, 3] && none.sum().item == 0)
        #expect(none.withUnsafeBytes { $0.count } == 0)
        #expect(Tensor([Float]()).shape == [0] && Tensor([Float](), shape: [2, 0]).transposed(0, 1).shape == [0, 2])
        #expect(Tensor.concatenated([none, Tensor.ones([1, 3])]).shape == [1, 3])
        #expect(Tensor([Float(5)], shape: []).item == 5 && Tensor([Float(5)], shape: []).shape == [])
    }

    @Test func elementsAreConverted() {
        let x = Tensor([Float(0), 1.5, -2, 300])
        #expect(x.values(Double.self) == [0, 1.5, -2, 300] && x.values(Int.self) == [0, 1, -2, 300] && x.values(Int32.self) == [0, 1, -2, 300])
        #expect(x.values(Bool.self) == [false, true, true, true])
        #expect(Tensor([UInt8(0), 255]).values() == [0, 255] && Tensor([Int.max]).values(Int.self) == [Int.max])
        for dtype in DType.allCases where dtype != .bool { #expect(Tensor([0, 1, 2]).to(dtype).values() == [0, 1, 2], "\(dtype)") }
        #expect(Tensor([Float(1e-8)]).to(.float16).item == 0 && Tensor([Float(1.0009765625)]).to(.float16).item == 1.0009765625)
    }

    @Test func booleansSelectAndCount() {
        let x = Tensor([Float(-1), 2, 3])
        let isPositive = x .> 0
        #expect(isPositive.dtype == .bool && isPositive.values(Bool.self) == [false, true, true] && isPositive.sum().item == 2)
        #expect(x.selected(where: isPositive, else: -x).values() == [1, 2, 3])
        #expect(Tensor([true, false]).values(Bool.self) == [true, false] && Tensor([true, false]).dtype.size == 1)
        #expect(x.isFinite && !(x / 0).isFinite && !Tensor([Float.nan]).isFinite)
    }

    @Test func memoryIsReleasedOnceWithItsLastView() throws {
        let released = Counter()
        let memory = UnsafeMutablePointer<Float>.allocate(capacity: 4)
        memory.update(repeating: 2, count: 4)
        var x: Tensor? = try Tensor(memory: memory, shape: [2, 2], dtype: .float32) {
            released.count += 1
            memory.deallocate()
        }
        var view = x?[1]
        #expect(x?.values() == [2, 2, 2, 2])
        memory[3] = 7
        x = nil
        #expect(released.count == 0 && view?.values() == [2, 7])
        view = nil
        #expect(released.count == 1)
    }

    /// libtorch refuses the first before and the second after it has taken the memory over.
    @Test(arguments: [[-1], [1 << 40, 1 << 40]])
    func memoryOfARefusedTensorIsReleasedOnce(_ shape: [Int]) {
        let released = Counter()
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8)
        #expect(throws: TorchError.self) { try Tensor(memory: memory, shape: shape, dtype: .float32) { released.count += 1 } }
        #expect(released.count == 1)
        memory.deallocate()
    }

    #if compiler(>=6.2)
        @Test func wrongUseTrapsWithAReason() async {
            await #expect(processExitsWith: .failure) { _ = Tensor.zeros([2, 3]).size(2) }
            let row = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { _ = Tensor.zeros([2, 3])[5] }
            let text = String(decoding: row?.standardErrorContent ?? [], as: UTF8.self)
            #expect(text.contains("aten::select.int(float32[2, 3], 0, 5)"))
        }
    #endif
}

private final class Counter {
    var count = 0
}
