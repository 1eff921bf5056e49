import Diffusion
import Foundation
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Alignment

/// Half precision in the networks, float32 in everything that is kept.
@Suite struct PrecisionTests {
    let world: TinyWorld

    init() throws { world = try TinyWorld() }

    private func settings(_ precision: Precision, _ change: (inout AlignmentSettings) -> Void = { _ in }) -> AlignmentSettings {
        world.settings {
            ($0.computation.precision, $0.data.vaePosterior, $0.optimisation.learningRate) = (precision, .mode, 1e-3)
            change(&$0)
        }
    }

    /// Equal weights give equal errors in any precision: the flip depends on ties.
    @Test(arguments: [Precision.bf16, .f16], [false, true]) func aTieStaysATie(_ precision: Precision, checkpointing: Bool) throws {
        let half = try world.train(settings(precision) { $0.computation.gradientCheckpointing = checkpointing }, in: "half").timelessEntries()
        let single = try world.train(settings(.f32), in: "single").timelessEntries()
        #expect(half[0].flipZero == 1 && half[0].winnerError == half[0].referenceWinnerError && half[0].loss == single[0].loss)
        #expect(half[1].flipZero == 0, "the twin: after one update it is none")
        let (a, b) = (try #require(half[0].winnerError), try #require(single[0].winnerError))
        #expect(a != b && abs(a - b) < 0.02 * b, "\(a) and \(b): the networks did compute in \(precision)")
        #expect(abs(half[0].gradientNorm! - single[0].gradientNorm!) < 0.05 * single[0].gradientNorm!, "the loss scale is taken out again")
    }

    @Test(arguments: [Precision.bf16, .f16]) func whatIsKeptIsFloat32(_ precision: Precision) throws {
        let state = try #require(try RunState.load(world.train(settings(precision), in: "run")))
        #expect((Array(state.policy.values) + Array(state.optimiser.values)).allSatisfy { $0.dtype == .float32 })
        #expect((state.counters.lossScale != nil) == (precision == .f16))
    }

    @Test(arguments: [Precision.bf16, .f16]) func recomputedBlocksComputeInTheSamePrecision(_ precision: Precision) throws {
        func policy(_ checkpointing: Bool, _ name: String) throws -> [String: Tensor] {
            let settings = settings(precision) {
                ($0.computation.gradientCheckpointing, $0.optimisation.iterations, $0.optimisation.updates) = (checkpointing, 1, 1)
            }
            return try #require(try RunState.load(world.train(settings, in: name))).optimiser.filter { $0.key.hasPrefix("first_moment.") }
        }
        let plain = try policy(false, "plain")
        let difference = relativeDifference(try policy(true, "recomputed"), plain)
        print("gradients with recomputed blocks in \(precision) differ by \(difference)")
        // A gradient that comes from several blocks is summed in half precision, in another order.
        #expect(difference < (precision == .bf16 ? 1e-2 : 1e-3))
    }

    @Test func aRunInHalfPrecisionGoesOnExactly() throws {
        let settings = settings(.f16) { ($0.run.saveEvery, $0.optimisation.ema) = (1, 0.9) }
        let straight = try world.train(settings, in: "straight")
        for updates in [2, 4] { try world.train(settings, in: "resumed", killedAfter: updates) }
        let resumed = try world.train(settings, in: "resumed")
        let states = try [straight, resumed].map { try #require(try RunState.load($0)) }
        #expect(sameBits(states[0].policy, states[1].policy) && sameBits(states[0].average, states[1].average) && !states[0].average.isEmpty)
        #expect(states[0].counters == states[1].counters)
        #expect(try straight.timelessEntries() == resumed.timelessEntries())
    }

    @Test func theLossScaleFollowsTheGradients() {
        var scale = LossScale(factor: 8)
        scale.update(wasFinite: false)
        #expect(scale.factor == 4)
        for _ in 0..<199 { scale.update(wasFinite: true) }
        #expect(scale.factor == 4)
        scale.update(wasFinite: true)
        #expect(scale.factor == 8)
        for _ in 0..<10 { scale.update(wasFinite: false) }
        #expect(scale.factor == 1)
    }
}

/// The average of the weights that becomes the aligned model.
@Suite struct AveragedRunTests {
    @Test func theModelIsTheAverageOfTheCheckpoints() throws {
        let world = try TinyWorld()
        let directory = try world.train(world.settings { ($0.optimisation.ema, $0.optimisation.iterations, $0.optimisation.updates) = (0.5, 4, 1) }, in: "run")
        var average = world.pipeline.unetTensors
        for k in 1...4 {
            let decay = min(0.5, Double(1 + k) / Double(10 + k))
            average = try average.merging(directory.weights(k)) { $0 * decay + $1 * (1 - decay) }
        }
        let model = try Pipeline.load(directory.model).unetTensors
        #expect(relativeDifference(model, average) < 1e-6)
        #expect(relativeDifference(model, try directory.weights(4)) > 1e-5, "the twin: the last weights themselves")
    }
}
