import Foundation
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Alignment

@Suite struct OptimiserTests {
    struct Run: Decodable {
        let lr: Double
        let betas: [Double]
        let eps: Double
        let weightDecay: Double
        let steps: Int
    }
    struct Cases: Decodable {
        struct Clipping: Decodable {
            let maxNorm: Double
            let norms: [String: Double]
        }
        let runs: [String: Run]
        let clipping: Clipping
    }

    private static let names = ["bias", "kernel", "matrix"]

    /// Leaves whose gradients can be given.
    private static func leaves(_ tensors: [String: Tensor], _ prefix: String) -> [(name: String, value: Tensor)] {
        names.map { name in
            let leaf = tensors[prefix + name]!.clone()
            leaf.requiresGradient = true
            return (name, leaf)
        }
    }

    private static func give(_ gradients: [String: Tensor], _ prefix: String, to leaves: [(name: String, value: Tensor)]) {
        for (name, leaf) in leaves { (leaf * gradients[prefix + name]!).sum().backward() }
    }

    /// The largest difference of weights and moments over all steps.
    private func difference(_ name: String, changing change: (inout AdamW.Settings) -> Void = { _ in }, losingMomentAfter lost: Int? = nil) throws -> Double {
        let run = try #require(try Fixture.json("optimizer/adamw.json", as: Cases.self, keys: .convertFromSnakeCase).runs[name])
        let expected = try Fixture.tensors("optimizer/adamw_\(name).safetensors")
        let leaves = Self.leaves(expected, "weights.0.")
        var settings = AdamW.Settings(beta1: run.betas[0], beta2: run.betas[1], epsilon: run.eps, weightDecay: run.weightDecay)
        change(&settings)
        let optimiser = AdamW(leaves, settings: settings)
        var largest = 0.0
        for step in 1...run.steps {
            Self.give(expected, "gradient.\(step).", to: leaves)
            optimiser.step(learningRate: run.lr)
            let state = Dictionary(uniqueKeysWithValues: optimiser.state.map { ($0.name, $0.value) })
            for (leafName, leaf) in leaves {
                #expect(leaf.gradient == nil, "a step clears the gradients")
                largest = max(largest, largestDifference(leaf.detached, expected["weights.\(step).\(leafName)"]!))
                largest = max(largest, largestDifference(state["first_moment.\(leafName)"]!, expected["exp_avg.\(step).\(leafName)"]!))
                largest = max(largest, largestDifference(state["second_moment.\(leafName)"]!, expected["exp_avg_sq.\(step).\(leafName)"]!))
                #expect(state["step.\(leafName)"]!.item == Double(step))
            }
            if step == lost { state["first_moment.matrix"]!.multiply_(0) }
        }
        return largest
    }

    @Test(arguments: ["defaults", "other"]) func equalsPyTorch(_ name: String) throws {
        let largest = try difference(name)
        print("AdamW \(name): largest difference \(largest)")
        #expect(largest <= 1e-7)
    }

    @Test(arguments: ["defaults", "other"]) func wrongDetailsShow(_ name: String) throws {
        #expect(try difference(name, losingMomentAfter: 1) > 1e-6)
        #expect(try difference(name, changing: { $0.weightDecay = 0 }) > 1e-7)
        #expect(try difference(name, changing: { $0.beta2 -= 0.01 }) > 1e-6)
    }

    @Test func countsItsStepsAcrossSavedStates() throws {
        let leaves = Self.leaves(try Fixture.tensors("optimizer/adamw_defaults.safetensors"), "weights.0.")
        let optimiser = AdamW(leaves)
        for _ in 0..<3 { optimiser.step(learningRate: 1e-3) }
        let other = AdamW(leaves)
        #expect(optimiser.stepCount == 3 && other.stepCount == 0)
        try other.restore(Dictionary(uniqueKeysWithValues: optimiser.state.map { ($0.name, $0.value) }))
        #expect(other.stepCount == 3)
    }

    @Test func clipsAsPyTorch() throws {
        let clipping = try Fixture.json("optimizer/adamw.json", as: Cases.self, keys: .convertFromSnakeCase).clipping
        let tensors = try Fixture.tensors("optimizer/clipping.safetensors")
        for kind in ["above", "below"] {
            let leaves = Self.leaves(tensors, "\(kind).gradient.")
            Self.give(tensors, "\(kind).gradient.", to: leaves)
            let optimiser = AdamW(leaves)
            let norm = optimiser.gradientNorm()
            let expected = try #require(clipping.norms[kind])
            #expect(abs(norm - expected) <= 1e-6 * expected)
            optimiser.clipGradients(norm: norm, to: clipping.maxNorm)
            for (name, leaf) in leaves {
                let gradient = try #require(leaf.gradient)
                #expect(largestDifference(gradient, tensors["\(kind).clipped.\(name)"]!) <= 1e-7)
                if kind == "below" { #expect(sameBits(gradient, tensors["below.gradient.\(name)"]!)) }
            }
        }
    }

    @Test func refusesAStateThatDoesNotFit() throws {
        let leaves = Self.leaves(try Fixture.tensors("optimizer/adamw_defaults.safetensors"), "weights.0.")
        var saved = Dictionary(uniqueKeysWithValues: AdamW(leaves).state.map { ($0.name, $0.value) })
        saved["step.bias"] = nil
        #expect { try AdamW(leaves).restore(saved) } throws: { "\($0)".contains("step.bias is missing") }
        saved["step.bias"] = Tensor.zeros([3])
        #expect { try AdamW(leaves).restore(saved) } throws: { "\($0)".contains("step.bias has shape [3]") }
    }
}

@Suite struct MovingAverageTests {
    @Test func followsTheClosedForm() {
        let parameter = Tensor([Float(1), -2])
        let average = ExponentialMovingAverage([("p", parameter)], decay: 0.5)
        var expected = 1.0
        for step in 1...20 {
            parameter.copy_(Tensor([Float(step), -2]))
            average.update()
            let decay = min(0.5, Double(1 + step) / Double(10 + step))
            expected = decay * expected + (1 - decay) * Double(step)
        }
        average.apply()
        let values = parameter.values(Double.self)
        #expect(abs(values[0] - expected) < 1e-5)
        #expect(values[1] == -2)
    }

    @Test func doesNotShareMemoryWithTheParameters() {
        let parameter = Tensor([Float(1)])
        let average = ExponentialMovingAverage([("p", parameter)], decay: 0.9)
        parameter.copy_(Tensor([Float(5)]))
        average.apply()
        #expect(parameter.item == 1)
    }
}
