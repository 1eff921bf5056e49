import Diffusion
import Testing
import Torch

@Suite struct GuidanceTests {
    /// Answers with the mean of the text states, image by image.
    private static func network(_ calls: @escaping (Int) -> Void) -> (Tensor, Double, Conditioning) -> Tensor {
        { x, t, conditioning in
            let states = conditioning[Conditioning.text]
            calls(x.size(0))
            #expect(states.size(0) == x.size(0))
            return x * 0 + states.mean([1, 2]).reshaped([-1, 1, 1, 1]) + t
        }
    }

    private static let x = Tensor.zeros([2, 1, 2, 2])
    private static let conditional = Conditioning(
        text: Tensor([Float](repeating: 1, count: 6) + [Float](repeating: 3, count: 6), shape: [2, 2, 3]))
    private static let unconditional = Conditioning(text: Tensor.full([1, 2, 3], 0.5))

    private func answer(_ scale: Double) throws -> (values: [Float], batches: [Int]) {
        var batches: [Int] = []
        let denoiser = Guidance(scale: scale).guided(
            Self.conditional, unconditional: Self.unconditional, network: Self.network { batches.append($0) })
        let answer = try denoiser(Self.x, 10)
        #expect(answer.shape == Self.x.shape)
        return ([answer[0].mean().item, answer[1].mean().item].map { Float($0) }, batches)
    }

    @Test func theNetworkIsCalledOnceOnBothHalves() throws {
        let (values, batches) = try answer(4)
        #expect(values == [12.5, 20.5])
        #expect(batches == [4])
    }

    @Test(arguments: [1.0, 0.5, 0, -3]) func aScaleOfAtMostOneIsTheConditionalNetworkAlone(_ scale: Double) throws {
        let (values, batches) = try answer(scale)
        #expect(values == [11, 13])
        #expect(batches == [2])
    }

    @Test func exchangedHalvesWouldShow() throws {
        let exchanged = Guidance(scale: 4).guided(
            Self.unconditional.expanded(to: 2), unconditional: Self.conditional, network: Self.network { _ in })
        #expect(try Float(exchanged(Self.x, 10)[0].mean().item) != 12.5)
    }
}
