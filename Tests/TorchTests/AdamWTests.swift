import Foundation
import TestFiles
import Testing
import Torch

/// Against three updates by `torch.optim.AdamW(fused=True)` from the same weights and gradients.
@Suite struct AdamWTests {
    struct Run: Sendable {
        let name: String
        let learningRate: Double
        let settings: AdamW.Settings
    }

    static let names = ["bias", "kernel", "matrix"]
    static let runs = [
        Run(name: "defaults", learningRate: 1e-4, settings: AdamW.Settings()),
        Run(name: "other", learningRate: 3e-3, settings: AdamW.Settings(beta1: 0.8, beta2: 0.95, epsilon: 1e-4, weightDecay: 0.1)),
    ]

    @Test(arguments: runs)
    func updatesArePyTorchs(_ run: Run) throws {
        #expect(try difference(run) < 1e-7)
        #expect(try difference(run, channelsLast: true) < 1e-7)
        #expect(try difference(run, afterFirstStep: .restored) < 1e-7)
    }

    /// Twin: moments lost after the first update, as in a bad resume, or one setting wrong, and the check fails.
    @Test(arguments: runs)
    func aWrongUpdateShows(_ run: Run) throws {
        #expect(try difference(run, afterFirstStep: .lost) > 1e-6)
        var settings = run.settings
        settings.beta1 += 0.05
        #expect(try difference(Run(name: run.name, learningRate: run.learningRate, settings: settings)) > 1e-6)
    }

    private enum State { case kept, restored, lost }

    /// The greatest difference of weights and moments over all steps.
    private func difference(_ run: Run, channelsLast: Bool = false, afterFirstStep state: State = .kept) throws -> Double {
        let expected = try SafeTensorsFile(Fixture.url("optimizer/adamw_\(run.name).safetensors"))
        let weights = try Self.names.map { name in
            let weight = try expected.tensor("weights.0.\(name)").clone()
            return (name: name, value: channelsLast && weight.rank == 4 ? weight.contiguous(.channelsLast) : weight)
        }
        for (_, weight) in weights { weight.requiresGradient = true }
        var optimizer = AdamW(weights, settings: run.settings)
        var worst = 0.0
        for step in 1...3 {
            for (name, weight) in weights { (weight * (try expected.tensor("gradient.\(step).\(name)"))).sum().backward() }
            optimizer.step(learningRate: run.learningRate)
            let moments = Dictionary(uniqueKeysWithValues: optimizer.state.map { ($0.name, $0.value) })
            for (name, weight) in weights {
                #expect(weight.gradient == nil)
                for (ours, theirs) in [(weight, "weights"), (moments["first_moment.\(name)"]!, "exp_avg"), (moments["second_moment.\(name)"]!, "exp_avg_sq")] {
                    worst = max(worst, (ours.detached - (try expected.tensor("\(theirs).\(step).\(name)"))).magnitude.max().item)
                }
            }
            if step == 1, state != .kept {
                let saved = Dictionary(uniqueKeysWithValues: optimizer.state.map { ($0.name, $0.value.clone()) })
                optimizer = AdamW(weights, settings: run.settings)
                if state == .restored { try optimizer.restore(saved) }
            }
        }
        return worst
    }

    @Test(arguments: [("above", 23.79096221923828), ("below", 0.11895480006933212)])
    func clippingIsPyTorchs(_ label: String, _ norm: Double) throws {
        let expected = try SafeTensorsFile(Fixture.url("optimizer/clipping.safetensors"))
        let weights = try Self.names.map { (name: $0, value: Tensor.zeros(try #require(expected.shape(of: "\(label).gradient.\($0)")))) }
        for (name, weight) in weights {
            weight.requiresGradient = true
            (weight * (try expected.tensor("\(label).gradient.\(name)"))).sum().backward()
        }
        let optimizer = AdamW(weights)
        #expect(abs(optimizer.gradientNorm() - norm) < 1e-5 * norm)
        optimizer.clipGradients(norm: optimizer.gradientNorm(), to: 1)
        for (name, weight) in weights {
            let gradient = try #require(weight.gradient)
            #expect((gradient - (try expected.tensor("\(label).clipped.\(name)"))).magnitude.max().item < 1e-6)
            // Twin: above the limit the unclipped differs, below it nothing was changed.
            let unclipped = (gradient - (try expected.tensor("\(label).gradient.\(name)"))).magnitude.max().item
            #expect(label == "above" ? unclipped > 0.1 : unclipped == 0)
        }
    }

    @Test func aStateThatDoesNotFitIsRefused() throws {
        let weight = Tensor.ones([2])
        let optimizer = AdamW([("weight", weight)])
        let missing = #expect(throws: TorchError.self) { try optimizer.restore([:]) }
        #expect(missing?.message == "first_moment.weight is missing")
        let misshaped = #expect(throws: TorchError.self) { try optimizer.restore(["first_moment.weight": .ones([3])]) }
        #expect(misshaped?.message == "first_moment.weight has shape [3], not [2]")
    }

    @Test func aParameterWithoutAGradientOnlyDecays() {
        let weight = Tensor.ones([2])
        weight.requiresGradient = true
        AdamW([("weight", weight)], settings: AdamW.Settings(weightDecay: 0.5)).step(learningRate: 0.1)
        #expect(weight.values() == [0.95, 0.95])
    }

    /// Gradients, clipping and update where tensors have no elements, all on one device.
    @Test func anUpdateRunsOnMeta() {
        let weight = Tensor.ones([3, 2], on: Placement(.meta))
        weight.requiresGradient = true
        let optimizer = AdamW([("weight", weight)])
        checkingDevices {
            for _ in 0..<2 {
                Tensor.ones([4, 2], on: Placement(.meta)).linear(weight, nil).squared.mean().backward()
                #expect(weight.gradient?.device == .meta)
                optimizer.clipGradients(norm: 2, to: 1)
                optimizer.step(learningRate: 1e-3)
                #expect(weight.gradient == nil)
            }
        }
        #expect(optimizer.state.count == 3 && optimizer.state.allSatisfy { $0.value.device == .meta }, "its step count, too")
    }
}
