import Testing

@testable import Torch

@Suite struct PrecisionTests {
    @Test(arguments: Precision.allCases) func theProcessorComputesInEach(_ precision: Precision) {
        #expect(precision.isAvailable(on: .cpu))
        let x = Tensor.ones([4, 4])
        let types = [Precision.f32: DType.float32, .bf16: .bfloat16, .f16: .float16]
        precision.run(on: .cpu) {
            #expect(x.matmul(x).dtype == types[precision])
            #expect(Tensor.ones([1, 2, 4, 4]).conv2d(Tensor.ones([2, 2, 3, 3]), nil).dtype == types[precision])
        }
        #expect(x.matmul(x).dtype == .float32, "the scope has ended")
    }

    @Test func otherDevicesSayWhatTheyHave() {
        for device in [Device(.cuda), Device(.mps)] { for precision in Precision.allCases { #expect(precision.isAvailable(on: device)) } }
        #expect(Precision.f32.isAvailable(on: .meta) && !Precision.bf16.isAvailable(on: .meta) && !Precision.f16.isAvailable(on: .meta))
        let x = Tensor.ones([2, 2], on: Placement(.meta))
        #expect(Precision.f32.run(on: .meta) { x.linear(x, nil) }.device == .meta)
    }
}
