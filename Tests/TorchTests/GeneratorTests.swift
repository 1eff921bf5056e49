import Testing
import Torch

/// Against `torch.Generator().manual_seed(seed)` of PyTorch 2.13:
/// `g = torch.Generator().manual_seed(42); torch.randn(shape, generator=g)`, and then `torch.randn(2, generator=g)`.
@Suite struct GeneratorTests {
    /// The first six numbers, the last three, and the two drawn next. Below 16 elements libtorch draws one number after the
    /// other, from 16 on in blocks with a tail of its own.
    struct Draw: Sendable {
        let shape: [Int]
        let first: [Float]
        let last: [Float]
        let next: [Float]
    }

    static let draws = [
        Draw(
            shape: [3], first: [0.33669036626815796, 0.12880940735340118, 0.23446236550807953],
            last: [0.33669036626815796, 0.12880940735340118, 0.23446236550807953], next: [0.23033303022384644, -1.1228563785552979]),
        Draw(
            shape: [2, 7],
            first: [0.33669036626815796, 0.12880940735340118, 0.23446236550807953, 0.23033303022384644, -1.1228563785552979, -0.18632829189300537],
            last: [0.809357225894928, 1.110290288925171, -1.6897989511489868], next: [-0.9889599084854126, 0.9579718112945557]),
        Draw(
            shape: [15],
            first: [0.33669036626815796, 0.12880940735340118, 0.23446236550807953, 0.23033303022384644, -1.1228563785552979, -0.18632829189300537],
            last: [1.110290288925171, -1.6897989511489868, -0.9889599084854126], next: [0.9579718112945557, 1.322135090827942]),
        Draw(
            shape: [16],
            first: [1.9269152879714966, 1.4872840642929077, 0.9007171988487244, -2.1055209636688232, 0.6784184575080872, -1.2345448732376099],
            last: [-0.5594301819801331, -0.7688388824462891, 0.7624453902244568], next: [0.46165722608566284, 0.2673508822917938]),
        Draw(
            shape: [17],
            first: [1.9269152879714966, -0.1595974713563919, -0.4973975419998169, 0.439589262008667, -0.7581311464309692, 1.078317642211914],
            last: [-0.2515752911567688, 0.859858512878418, -0.3097267746925354], next: [-0.5709993839263916, -0.9749463796615601]),
        Draw(
            shape: [2, 3, 4, 4],
            first: [1.9269152879714966, 1.4872840642929077, 0.9007171988487244, -2.1055209636688232, 0.6784184575080872, -1.2345448732376099],
            last: [-0.827768862247467, 1.334702968597412, 0.48353928327560425], next: [-0.6890136003494263, -1.1267184019088745]),
    ]

    @Test(arguments: draws)
    func normalNumbersArePythons(_ draw: Draw) {
        let random = Generator(seed: 42)
        let x = random.normal(draw.shape)
        let values = x.values()
        #expect(x.shape == draw.shape && x.dtype == .float32)
        #expect(isClose(Array(values.prefix(6)), draw.first))
        #expect(isClose(Array(values.suffix(3)), draw.last))
        #expect(isClose(random.normal([2]).values(), draw.next))
        // Twin: another seed, and 16 numbers instead of 15.
        #expect(!isClose(Array(Generator(seed: 43).normal(draw.shape).values().prefix(6)), draw.first))
    }

    @Test func uniformsAndIntegersArePythons() {
        let random = Generator(seed: 7)
        #expect(random.uniform([5]).values() == [0.5349225401878357, 0.19880318641662598, 0.6592116951942444, 0.6568902730941772, 0.23276156187057495])
        #expect(random.integers(below: 1000, [6]).values(Int.self) == [347, 287, 279, 988, 761, 158])
        #expect(isClose(random.normal([4]).values(), [-1.2119221687316895, 0.7962812781333923, 0.9328507781028748, -0.9412379264831543]))
        #expect(isClose(Generator(seed: .max).normal([4]).values(), [1.2197630405426025, -0.3929794728755951, 1.0230751037597656, -0.3734211325645447]))
    }

    @Test func oneSeedGivesOneSequence() {
        #expect(Generator(seed: 3).normal([100]).values() == Generator(seed: 3).normal([100]).values())
        let (a, b) = (Generator(seed: 3), Generator(seed: 3))
        _ = Generator(seed: 4).normal([10])
        #expect(a.normal([5]).values() + a.normal([40]).values() == b.normal([5]).values() + b.normal([40]).values())
    }

    /// Vectorised cosines differ in the last bit from processor to processor.
    private func isClose(_ a: [Float], _ b: [Float]) -> Bool { a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 1e-6 } }
}
