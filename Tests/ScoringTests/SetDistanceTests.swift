import Foundation
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Scoring

@Suite struct SetDistanceTests {
    private struct Case: Decodable {
        struct Distance: Decodable {
            let pair: [String]
            let ddof: Int?
            let value: Double
        }
        let frechet: [Distance]
        let kernel: [Distance]
    }

    private let expected: Case
    private let sets: [String: FeatureSet]

    init() throws {
        expected = try Fixture.json("metrics/case.json")
        sets = try Fixture.tensors("metrics/features.safetensors").mapValues(Self.set)
    }

    private static func set(_ tensor: Tensor) -> FeatureSet { FeatureSet((0..<tensor.size(0)).map { tensor[$0].values(Double.self) }) }

    private func isClose(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-4 * abs(b) }

    @Test func frechetIsThatOfNumpy() throws {
        #expect(expected.frechet.count == 4)
        for distance in expected.frechet {
            let (a, b, ddof) = (sets[distance.pair[0]]!, sets[distance.pair[1]]!, distance.ddof!)
            let value = try FrechetDistance.between(a, b, ddof: ddof)
            #expect(isClose(value, distance.value), "\(distance.pair) ddof \(ddof): \(value), numpy \(distance.value)")
            #expect(try !isClose(FrechetDistance.between(a, b, ddof: 1 - ddof), distance.value), "the other ddof")
        }
    }

    /// ‖μ₁ − μ₂‖² + Σ(√λ₁ − √λ₂)² where both covariances are diagonal.
    @Test func frechetOfNormalDistributions() {
        func diagonal(_ values: [Double]) -> Tensor {
            let count = values.count
            return Tensor((0..<count * count).map { $0 % (count + 1) == 0 ? values[$0 / count] : 0 }, shape: [count, count])
        }
        func distance(_ roots: [Double]) -> Double {
            FrechetDistance.between(
                mean: Tensor([1.0, 0, 0]), covariance: diagonal([1, 4, 9]), mean: Tensor([0.0, 2, 0]), covariance: diagonal(roots.map { $0 * $0 }))
        }
        #expect(abs(distance([2, 2, 5]) - (5 + 1 + 0 + 4)) < 1e-10)
        #expect(abs(distance([0, 0, 0]) - (5 + 1 + 4 + 9)) < 1e-10)
        #expect(abs(distance([2, 2, 4]) - 10) > 1)
    }

    @Test func equalSetsHaveNoDistanceInWhateverOrder() throws {
        let a = sets["a"]!
        let shuffled = FeatureSet(a.rows.reversed())
        #expect(try FrechetDistance.between(a, a, ddof: 1) < 1e-6)
        #expect(try FrechetDistance.between(a, shuffled, ddof: 0) < 1e-6)
        #expect(try isClose(FrechetDistance.between(shuffled, sets["b"]!, ddof: 1), FrechetDistance.between(a, sets["b"]!, ddof: 1)))
        #expect(try isClose(FrechetDistance.between(sets["b"]!, a, ddof: 1), FrechetDistance.between(a, sets["b"]!, ddof: 1)))
        #expect(try FrechetDistance.between(a, sets["few"]!, ddof: 1) > 1)
    }

    /// Five clips leave most of 400 features without a variance.
    @Test func fewClipsOfManyFeaturesStayFinite() throws {
        func random(_ seed: UInt64) -> FeatureSet { Self.set(Generator(seed: seed).normal([5, 400])) }
        let value = try FrechetDistance.between(random(1), random(2), ddof: 1)
        #expect(value.isFinite && value > 0)
        #expect(try FrechetDistance.between(random(1), random(1), ddof: 1) < 1e-3)
    }

    @Test func kernelDistanceIsThatOfNumpy() throws {
        func first(_ name: String, _ count: Int) -> FeatureSet { FeatureSet(Array(sets[name]!.rows.prefix(count))) }
        for distance in expected.kernel {
            let other = sets[distance.pair[1]]!
            let result = try KernelDistance().between(first("a", other.count), other)
            #expect(isClose(result.mean, distance.value) && result.deviation == 0 && result.subsetSize == other.count)
            let own = try KernelDistance().between(first("a", other.count - 1), other)
            #expect(!isClose(own.mean, distance.value))
        }
    }

    /// Over subsets the mean comes near that of all clips; a seed gives the same ones again.
    @Test func subsetsOfAKernelDistance() throws {
        let (a, b) = (sets["a"]!, sets["b"]!)
        var kernel = KernelDistance()
        (kernel.size, kernel.subsets) = (20, 300)
        let result = try kernel.between(a, b)
        #expect(result.subsetSize == 20 && result.deviation > 0)
        #expect(try kernel.between(a, b) == result)
        kernel.seed = 1
        #expect(try kernel.between(a, b) != result)
        let whole = try KernelDistance().between(FeatureSet(Array(a.rows.prefix(30))), b)
        #expect(abs(result.mean - whole.mean) < 3 * result.deviation)
    }

    @Test func setsThatAreNoneAreRefused() {
        let a = sets["a"]!
        let one = FeatureSet([a.rows[0]])
        #expect(throws: MetricError.clips(1, fewest: 2, metric: "fvd")) { try FrechetDistance.between(a, one, ddof: 1) }
        #expect(throws: MetricError.clips(0, fewest: 2, metric: "kvd")) { try KernelDistance().between(FeatureSet(), a) }
        #expect(throws: MetricError.features(2, reference: 12)) { try FrechetDistance.between(a, FeatureSet([[1, 2], [3, 4]]), ddof: 1) }
        let broken = FeatureSet([a.rows[0], a.rows[1].map { _ in .nan }])
        #expect(throws: MetricError.self) { try FrechetDistance.between(a, broken, ddof: 1) }
    }

    @Test func presetsAreFoundByName() throws {
        #expect(FVDPreset.all.map(\.name) == ["common-metrics", "stylegan-v", "videogpt", "cd-fvd", "tf-original", "disco"])
        #expect(try FVDPreset.named("stylegan-v").ddof == 0)
        #expect(throws: MetricError.self) { try FVDPreset.named("fvd") }
    }
}
