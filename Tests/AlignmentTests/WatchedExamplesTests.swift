import Foundation
import Layers
import Networks
import TestSupport
import Testing
import Torch

@testable import Alignment

/// What checkpoint 0 is measured on beside the training.
@Suite struct WatchedExamplesTests {
    let world: TinyWorld

    init() throws { world = try TinyWorld() }

    @Test func theyTakeAFiftiethOfTheForwardPasses() {
        for method in Method.Name.allCases {
            for steps in [1, 10, 50] {
                let settings = world.settings { ($0.objective.method, $0.sampling.steps, $0.sampling.guidance) = (method, steps, 3) }
                let watched = WatchedExamples(settings)
                let later = (10_000..<20_000).count(where: watched.contains)
                #expect(Double(later) <= 0.02 * 10_000 * settings.forwardPasses + 1)
                #expect((0..<128).count(where: watched.contains) >= 32)
            }
        }
    }

    @Test func theyChangeNoGradient() throws {
        for method in [Method.Name.sft, .seppo] {
            let settings = world.settings { ($0.objective.method, $0.optimisation.batch) = (method, 8) }
            let winners = try world.encoded(settings)
            let pipeline = world.pipeline.denoising
            let gradients = ExampleGradients(settings, winners, pipeline.schedule, try pipeline.latentSampler(settings.sampling))
            func gradient(base: UNet?) throws -> (bits: [String: Tensor], pairs: Int) {
                let store = ParameterStore(pipeline.unetTensors, isTrainable: true)
                let policy = try store.build { UNet($0, pipeline.unet.configuration) }
                let rows = (0..<8).map { $0 % winners.count }
                let outcome = try gradients.add(
                    rows: rows, numbers: 0..<8, policy: policy, .init(reference: method == .sft ? nil : pipeline.unet, base: base))
                let bits = store.trained.compactMap { entry in entry.value.gradient.map { (entry.name, $0) } }
                return (Dictionary(uniqueKeysWithValues: bits), outcome.diagnostics.pairsWithBase.count)
            }
            let (plain, watched) = (try gradient(base: nil), try gradient(base: pipeline.unet))
            #expect(plain.pairs == 0 && watched.pairs >= 2)
            #expect(!plain.bits.isEmpty && sameBits(plain.bits, watched.bits))
        }
    }

    /// The reference itself, where that is checkpoint 0, and the same pairs in any parts of a batch.
    @Test func pairsAreTheSameInParts() throws {
        func ratios(_ size: Int, _ method: Method.Name) throws -> [Double?] {
            let settings = world.settings {
                ($0.objective.method, $0.optimisation.batch, $0.computation.microBatch, $0.optimisation.iterations, $0.optimisation.updates) = (
                    method, 8, size, 2, 4
                )
            }
            return try world.train(settings, in: "\(method)-\(size)").entries().map(\.winnerErrorRatio)
        }
        for method in [Method.Name.sft, .spin] {
            let (whole, parts) = (try ratios(0, method), try ratios(3, method))
            #expect(whole.count == 8 && whole.allSatisfy { $0 != nil })
            for (a, b) in zip(whole, parts) { #expect(abs(a! - b!) < 1e-4) }
            #expect(abs(whole[0]! - 1) < 1e-5, "before the first step the policy is checkpoint 0")
            #expect(abs(whole[7]! - 1) > 1e-5)
        }
    }

    /// One that is a file of the run, beside adapters that were begun elsewhere.
    @Test func checkpoint0OfAdaptersFromAFileIsWhatTheyBeganWith() throws {
        let first = try world.train(world.settings { ($0.objective.method, $0.adapters.rank, $0.optimisation.learningRate) = (.sft, 2, 1e-2) }, in: "first")
        let settings = world.settings {
            ($0.objective.method, $0.adapters.from, $0.optimisation.batch, $0.optimisation.learningRate) = (.spin, first.adapters.path, 8, 1e-3)
        }
        let entries = try world.train(settings, in: "second").entries()
        #expect(abs(entries[0].winnerErrorRatio! - 1) < 1e-5)
    }

    @Test func countersOfFormerVersionsAreRead() throws {
        let json = #"{"updates":3,"skipsInARow":0,"firstWinnerErrors":[1,2],"recentWinnerErrors":[1,2,3],"position":12}"#
        let counters = try JSONDecoder().decode(RunState.Counters.self, from: Data(json.utf8))
        #expect(counters.updates == 3 && counters.winnerErrors == nil)
    }
}
