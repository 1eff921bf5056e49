import TestFiles
import TestSupport
import Testing
import Torch

@testable import Scoring

@Suite struct PixelMetricTests {
    private struct Case: Decodable {
        let psnr: Double
        let psnr_of_pooled_error: Double
        let ssim: Double
    }

    private let expected: Case
    private let pixels: [String: Tensor]

    init() throws {
        expected = try Fixture.json("metrics/case.json")
        pixels = try Fixture.tensors("metrics/pixels.safetensors")
    }

    private func value(_ metric: any ClipPairMetric, _ clip: Tensor, _ reference: Tensor) throws -> Double { try metric.value(clip, reference: reference) }

    @Test func valuesAreThoseOfNumpy() throws {
        let (clip, reference) = (pixels["clip"]!, pixels["reference"]!)
        let psnr = try value(PSNR(), clip, reference)
        #expect(abs(psnr - expected.psnr) < 1e-6)
        #expect(abs(psnr - expected.psnr_of_pooled_error) > 1, "of the pooled error")
        #expect(try abs(value(SSIM(), clip, reference) - expected.ssim) < 1e-9)
        // The twins: one colour, or the other way up, is another picture.
        #expect(try abs(value(SSIM(), clip.flipped([2]), reference) - expected.ssim) > 1e-3)
        #expect(try abs(value(SSIM(), clip * 0.99, reference) - expected.ssim) > 1e-4)
    }

    @Test func closedForms() throws {
        let dark = Tensor.full([4, 3, 32, 24], 0.25)
        #expect(try abs(value(PSNR(), dark + 0.1, dark) - 20) < 1e-4)
        #expect(try abs(value(PSNR(), dark + 0.11, dark) - 20) > 0.5)
        #expect(try value(PSNR(), dark, dark) == 100)
        let (zeros, ones) = (Tensor.zeros([2, 3, 16, 16]), Tensor.ones([2, 3, 16, 16]))
        #expect(try abs(value(SSIM(), zeros, ones) - 9.999e-5) < 1e-10)
        #expect(try abs(value(SSIM(), dark, dark) - 1) < 1e-12)
    }

    /// One frame that is equal counts 100 beside the others, and does not make the mean infinite.
    @Test func anEqualFrameCountsAHundred() throws {
        let clip = Tensor.full([2, 3, 16, 16], 0.5)
        let other = Tensor.concatenated([clip[0..<1], clip[1..<2] + 0.1])
        #expect(try abs(value(PSNR(), clip, other) - 60) < 1e-4)
    }

    @Test func strongerFlawsScoreWorse() throws {
        let clip = pixels["clip"]!
        let noise = Generator(seed: 3).normal(clip.shape)
        for metric in [PSNR(), SSIM()] as [any ClipPairMetric] {
            let ladder = try [0.02, 0.05, 0.1, 0.2].map { try value(metric, (clip + noise * $0).clamped(0, 1), clip) }
            #expect(ladder == ladder.sorted(by: >) && Set(ladder).count == 4, "\(metric.name)")
        }
    }

    @Test func whatIsNoPairIsRefused() {
        let clip = Tensor.zeros([2, 3, 16, 16])
        #expect(throws: MetricError.shape([3, 16, 16])) { try value(PSNR(), clip[0], clip[0]) }
        #expect(throws: MetricError.shape([2, 1, 16, 16])) { try value(PSNR(), clip.slice(0..<1, axis: 1), clip) }
        #expect(throws: MetricError.values(low: -1, high: -1)) { try value(SSIM(), clip, clip - 1) }
        #expect(throws: MetricError.pair([2, 3, 16, 16], reference: [1, 3, 16, 16])) { try value(SSIM(), clip, clip[0..<1]) }
        #expect(throws: MetricError.side(10, smallest: 11, metric: "ssim")) { try value(SSIM(), Tensor.zeros([1, 3, 10, 16]), Tensor.zeros([1, 3, 10, 16])) }
        #expect(throws: MetricError.self) { try value(PSNR(), clip * .nan, clip) }
        #expect(MetricError.values(low: .nan, high: .nan).description.contains("no finite numbers"))
    }

    @Test(arguments: ClipResize.allCases) func framesAreResizedAsPublished(_ resize: ClipResize) {
        let resized = resize(pixels["clip"]!, side: 24)
        let difference = largestDifference(resized, pixels[resize.rawValue]!)
        print("resize \(resize): \(difference)")
        #expect(difference <= 1e-5)
        for other in ClipResize.allCases where other != resize { #expect(largestDifference(resized, pixels[other.rawValue]!) > 1e-2) }
    }

    @Test func aWideFrameIsCroppedAtItsSides() {
        let wide = pixels["clip"]!.transposed(2, 3).contiguous()
        let cropped = ClipResize.cropped(wide, side: 24)
        #expect(largestDifference(cropped, pixels["cropped"]!.transposed(2, 3)) <= 1e-5)
    }

    @Test func variantsDoWhatTheyAreCalled() throws {
        let clip = pixels["clip"]!
        let frozen = ClipVariant.frozen(clip)
        #expect(frozen.shape == clip.shape && largestDifference(frozen[2], clip[0]) == 0)
        let shuffled = ClipVariant.shuffled(clip, index: 1)
        #expect(largestDifference(shuffled, clip) > 0.1)
        #expect(Set((0..<3).map { frame in (0..<3).first { largestDifference(shuffled[$0], clip[frame]) == 0 } }) == [0, 1, 2])
        let reencoded = ClipVariant.reencoded(clip)
        #expect(reencoded.shape == clip.shape && reencoded.min().item >= 0 && reencoded.max().item <= 1)
        // Grey survives but for its rounding to 220 steps; noise of colours does not.
        let grey = Tensor.full([1, 3, 5, 7], 0.4)
        #expect(largestDifference(ClipVariant.reencoded(grey), grey) < 1.0 / 219)
        let likeness = try value(SSIM(), reencoded, clip)
        let floor = try value(SSIM(), shuffled, clip)
        #expect(likeness < 0.999 && likeness > floor)
    }
}
