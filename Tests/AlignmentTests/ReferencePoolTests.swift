import Diffusion
import Foundation
import Layers
import Networks
import TestSupport
import Testing
import Torch

@testable import Alignment

@Suite struct ReferencePoolTests {
    let world: TinyWorld
    let directory: RunDirectory
    let part: TrainedPart

    init() throws {
        world = try TinyWorld()
        directory = try world.directory("run")
        part = try TrainedPart.choose(world.settings(), of: world.pipeline.denoising)
    }

    private func pool(_ rule: ReferenceRule, draw: AlignmentSettings.ReferenceDraw = .update, seed: UInt64 = 0) -> ReferencePool {
        ReferencePool(part, in: directory, rule: rule, draw: draw, seed: seed)
    }

    @Test(arguments: 1...7) func rulesOfTheTable(_ k: Int) {
        for update in 0..<50 {
            #expect(pool(.initial).index(update: update, k: k) == 0)
            #expect(pool(.latest).index(update: update, k: k) == k - 1)
            #expect((0..<k).contains(pool(.random).index(update: update, k: k)))
        }
    }

    /// χ² of the counts against a uniform draw, and its 0.9999 quantile for k − 1 degrees of freedom.
    private static let limits = [2: 15.14, 3: 18.42, 5: 23.51, 7: 27.86]

    private func chiSquare(_ draws: [Int], _ k: Int) -> Double {
        let expected = Double(draws.count) / Double(k)
        return (0..<k).reduce(0) { sum, index in sum + pow(Double(draws.filter { $0 == index }.count) - expected, 2) / expected }
    }

    @Test(arguments: [2, 3, 5, 7]) func randomIsUniform(_ k: Int) {
        let limit = Self.limits[k]!
        #expect(chiSquare((0..<7000).map { pool(.random).index(update: $0, k: k) }, k) < limit, "over updates")
        #expect(chiSquare((0..<7000).map { pool(.random, seed: $0).index(update: 3, k: k) }, k) < limit, "over seeds")
        #expect(chiSquare((0..<7000).map { pool(.random, draw: .iteration, seed: $0).index(update: 3, k: k) }, k) < limit, "by iteration, over seeds")
        #expect(chiSquare((0..<7000).map { min($0 % (k + 1), k - 1) }, k) > limit, "the twin that draws the last one twice as often")
    }

    @Test func drawsByUpdateOrByIteration() {
        let byUpdate = (0..<30).map { pool(.random).index(update: $0, k: 5) }
        let byIteration = (0..<30).map { pool(.random, draw: .iteration).index(update: $0, k: 5) }
        #expect(Set(byUpdate).count == 5)
        #expect(Set(byIteration).count == 1)
        #expect(Set((2...40).map { pool(.random, draw: .iteration).index(update: 0, k: $0) }).count > 5, "another draw for another iteration")
    }

    @Test func keepsEveryCheckpoint() throws {
        let store = ParameterStore(world.pipeline.unetTensors, isTrainable: true)
        _ = try store.build { UNet($0, world.pipeline.unet.configuration) }
        let pool = pool(.random)
        func output(_ network: any Denoiser) -> Tensor {
            noGradients { network(Tensor.ones([1, 4, 4, 4]), at: Tensor([5]), world.pipeline.conditioning(["a red circle"])) }
        }
        let base = output(try pool.denoiser(0))
        #expect(sameBits(base, output(world.pipeline.unet)), "checkpoint 0 is the base model")
        var outputs = [base]
        for k in 1...3 {
            for (_, value) in store.parameters { value.multiply_(1.1) }
            try pool.append(k, store.parameters)
            outputs.append(output(try pool.denoiser(k)))
            #expect(!sameBits(outputs[k], outputs[k - 1]))
        }
        for k in [2, 0, 3, 1] { #expect(sameBits(output(try pool.denoiser(k)), outputs[k])) }
    }

    @Test func aRewrittenCheckpointIsReadAgain() throws {
        let pool = pool(.latest)
        let store = ParameterStore(world.pipeline.unetTensors, isTrainable: true)
        let policy = try store.build { UNet($0, world.pipeline.unet.configuration) }
        func output(_ network: any Denoiser) -> Tensor {
            noGradients { network(Tensor.ones([1, 4, 4, 4]), at: Tensor([5]), world.pipeline.conditioning(["a red circle"])) }
        }
        try pool.append(1, store.parameters)
        _ = try pool.denoiser(1)
        for (_, value) in store.parameters { value.multiply_(0.9) }
        try pool.append(1, store.parameters)
        #expect(sameBits(output(try pool.denoiser(1)), output(policy)))
    }

    @Test func aDamagedCheckpointIsNamed() throws {
        let url = directory.checkpoint(2)
        func expectRefusal(_ words: String...) {
            #expect { try pool(.latest).denoiser(2) } throws: { error in (words + [url.path]).allSatisfy { "\(error)".contains($0) } }
        }
        expectRefusal("No such file")
        let store = ParameterStore(world.pipeline.unetTensors)
        _ = try store.build { UNet($0, world.pipeline.unet.configuration) }
        try pool(.latest).append(2, store.parameters)
        let whole = try Data(contentsOf: url)
        try whole.prefix(whole.count / 2).write(to: url)
        expectRefusal()
        try SafeTensors.write(Array(store.parameters.dropFirst()), to: url)
        expectRefusal("missing", store.parameters[0].name)
    }
}
