import Foundation
import Testing
import Torch

@testable import Scoring

@Suite struct ClipProtocolTests {
    /// The same for every process and machine: the numbers of a few lines of Python that compute SplitMix64 over FNV-1a.
    @Test func seedsArePromptsOwn() {
        let chosen = ClipProtocol.chronoMagic150
        #expect([("a", 0), ("a", 1), ("b", 0)].map { chosen.seed(of: $0.0, $0.1) } == [413_441_867, 882_117_510, 4_180_515_414])
    }

    @Test func motionIsTheMeanDifferenceOfConsecutiveFrames() {
        func clip(_ levels: [Double]) -> Tensor {
            Tensor(levels.flatMap { [Float](repeating: Float($0 / 255), count: 3 * 4) }, shape: [levels.count, 3, 2, 2])
        }
        // 51 of 255 levels, and then nothing; the direction is no matter.
        #expect(abs(ClipMotion.value(clip([0, 51, 51])) - 0.1) < 1e-12)
        #expect(abs(ClipMotion.value(clip([51, 0, 51])) - 0.2) < 1e-12)
        #expect(ClipMotion.value(clip([9, 9, 9])) == 0 && ClipMotion.value(clip([9])) == 0)
        // The floor of a model without motion, and frames in another order.
        let moving = clip((0..<8).map { 10 * Double($0) })
        #expect(ClipMotion.value(ClipVariant.frozen(moving)) == 0)
        #expect(ClipMotion.value(ClipVariant.shuffled(moving)) > ClipMotion.value(moving))
    }
}
