import Diffusion
import Foundation
import TestFiles
import Testing
import Torch

@testable import Alignment

/// The difference of two errors in float32, compared with float64 over the same numbers.
@Suite struct PairedReductionTests {
    /// Latents of 512 pixels, and of a clip.
    static let shapes = [[8, 4, 64, 64], [2, 4, 16, 32, 32]]

    /// Predictions that differ from one another by about `distance`, and their target.
    private func example(_ shape: [Int], distance: Double) -> (p: Tensor, r: Tensor, y: Tensor) {
        let random = Generator(seed: 7)
        let y = random.normal(shape)
        let r = y + 0.3 * random.normal(shape)
        // As training moves a policy: a little of the way to the target, and noise.
        return (r + distance * (random.normal(shape) + 0.5 * (y - r)), r, y)
    }

    private func inDouble(_ p: Tensor, _ r: Tensor, _ y: Tensor) -> [Double] {
        func error(_ x: Tensor) -> Tensor { (x.to(.float64) - y.to(.float64)).squared.mean(Array(1..<y.rank)) }
        return (error(p) - error(r)).values(Double.self)
    }

    private func inSingle(_ p: Tensor, _ r: Tensor, _ y: Tensor) -> [Double] {
        func error(_ x: Tensor) -> Tensor { (x - y).squared.mean(Array(1..<y.rank)) }
        return (error(p) - error(r)).values(Double.self)
    }

    private func greatestRelativeError(_ found: [Double], _ expected: [Double]) -> Double {
        zip(found, expected).map { abs($0 - $1) / abs($1) }.max()!
    }

    @Test(arguments: shapes, [1e-1, 1e-3, 1e-5]) func itIsThatOfFloat64(_ shape: [Int], _ distance: Double) {
        let (p, r, y) = example(shape, distance: distance)
        let found = PairedReduction.difference(p, r, target: y)
        #expect(found.shape == [shape[0]] && found.dtype == .float32)
        let error = greatestRelativeError(found.values(Double.self), inDouble(p, r, y))
        let ofTwoSums = greatestRelativeError(inSingle(p, r, y), inDouble(p, r, y))
        print("paired reduction, \(shape), distance \(distance): relative error \(error), of two sums in float32 \(ofTwoSums)")
        #expect(error <= 1e-6)
    }

    /// The twin: two sums of their own, whose difference is lost.
    @Test(arguments: shapes) func twoSumsInFloat32LoseIt(_ shape: [Int]) {
        let (p, r, y) = example(shape, distance: 1e-5)
        #expect(greatestRelativeError(inSingle(p, r, y), inDouble(p, r, y)) > 1e-3)
    }

    @Test(arguments: shapes) func equalPredictionsGiveExactlyZero(_ shape: [Int]) {
        let (_, r, y) = example(shape, distance: 0)
        #expect(PairedReduction.difference(r.clone(), r, target: y).values().allSatisfy { $0 == 0 })
        // One bit of one number shows.
        let p = r.clone()
        p[0].flattened()[0].copy_(Tensor([r[0].flattened()[0].values()[0].nextUp], shape: []))
        let differences = PairedReduction.difference(p, r, target: y).values()
        #expect(differences[0] != 0 && differences.dropFirst().allSatisfy { $0 == 0 })
    }

    @Test func itsGradientIsThatOfTheError() {
        let (p, r, y) = example([2, 4, 8, 8], distance: 1e-2)
        p.requiresGradient = true
        PairedReduction.difference(p, r, target: y).sum().backward()
        let expected = (p.detached.to(.float64) - y.to(.float64)) * (2.0 / 256)
        let difference = (p.gradient!.to(.float64) - expected).magnitude.max().item
        #expect(difference <= 1e-6 * expected.magnitude.max().item)
    }

    /// What the loss is made of where there is no float64.
    @Test func theLossTakesItsDifference() {
        let (p, r, y) = example([8, 4, 64, 64], distance: 1e-5)
        let both = NoisedLatents(latents: y, times: Tensor.zeros([8]), target: y)
        let expected = inDouble(p, r, y)
        func errors(hasDouble: Bool) -> DenoisingErrors { .of(policyAnswer: p, referenceAnswer: r, to: both, hasDouble: hasDouble) }
        func difference(_ e: DenoisingErrors) -> [Double] { e.winnerDifference.values(Double.self) + e.loserDifference.values(Double.self) }
        #expect(greatestRelativeError(difference(errors(hasDouble: false)), expected) <= 1e-6)
        // The twin: the difference of errors that were rounded before.
        #expect(greatestRelativeError(difference(errors(hasDouble: true)), expected) > 1e-3)
        let margin = PreferenceObjective(beta: 2, flip: .none)(errors(hasDouble: false)).margin.values(Double.self)
        #expect(greatestRelativeError(margin, (0..<4).map { expected[4 + $0] - expected[$0] }) <= 1e-5)
    }
}
