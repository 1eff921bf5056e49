import Diffusion
import Encoding
import Foundation
import Layers
import Networks
import TestSupport
import Testing
import Torch
import Winners

@testable import Alignment

/// Training on clips: of a moving model its motion modules, over a network that stays as it is.
@Suite struct MovingTrainingTests {
    let world: TinyWorld

    init() throws { world = try TinyWorld(moves: true) }

    private static func place(_ tensor: Tensor) -> UnsafeRawPointer? { tensor.withUnsafeBytes { $0.baseAddress } }

    private func motion(_ tensors: [String: Tensor]) -> [String: Tensor] { tensors.filter { MotionConfiguration.owns($0.key) } }

    @Test(arguments: [Method.Name.seppo, .spin, .sft], [TrainedPart.Kind.motion, .whole])
    func killedAndResumedIsUninterrupted(_ method: Method.Name, _ kind: TrainedPart.Kind) throws {
        let settings = world.settings {
            ($0.objective.method, $0.adapters.train, $0.run.saveEvery, $0.data.captionDropout, $0.data.flipImages) = (method, kind, 1, 0.3, true)
        }
        let straight = try world.train(settings, in: "straight")
        for killed in 1...5 { try world.train(settings, in: "resumed", killedAfter: killed) }
        let resumed = try world.train(settings, in: "resumed")
        let (first, second) = (try #require(try RunState.load(straight)), try #require(try RunState.load(resumed)))
        #expect(sameBits(first.policy, second.policy) && sameBits(first.optimiser, second.optimiser))
        #expect(try straight.timelessEntries() == resumed.timelessEntries())
        for k in 1...2 {
            let (one, other) = (straight.checkpoint(k, of: kind), resumed.checkpoint(k, of: kind))
            #expect(try Data(contentsOf: one) == Data(contentsOf: other))
        }
        var changed = settings
        changed.run.seed += 1
        let twin = try world.train(changed, in: "another seed")
        #expect(try !sameBits(#require(try RunState.load(twin)).policy, first.policy), "the twin")
    }

    @Test func theMotionModulesAloneAreTrainedAndKept() throws {
        let directory = try world.train(world.settings(), in: "run")
        let start = world.pipeline.unetTensors
        let result = try Pipeline.load(directory.model).unetTensors
        #expect(sameBits(result.filter { !MotionConfiguration.owns($0.key) }, start.filter { !MotionConfiguration.owns($0.key) }))
        let changed = motion(result).filter { !sameBits($0.value, start[$0.key]!) }.keys
        #expect(Set(changed) == Set(motion(start).keys.filter { !MotionConfiguration.isConstant($0) }), "all but the positions")
        let checkpoint = try SafeTensorsFile(directory.checkpoint(2, of: .motion)).all()
        #expect(Set(checkpoint.keys) == Set(motion(start).keys))
        #expect(sameBits(checkpoint, motion(result)))
    }

    @Test func policyAndReferencesShareWhatIsNotTrained() throws {
        let part = try TrainedPart.choose(world.settings(), of: world.pipeline.denoising)
        let policy = try part.makePolicy(world.settings())
        let merged = Dictionary(uniqueKeysWithValues: policy.merged.map { ($0.name, $0.value) })
        let start = world.pipeline.unetTensors
        // Convolutions lie in another order, of which no bytes are had without a copy.
        for (name, tensor) in start where !MotionConfiguration.owns(name) && tensor.rank < 4 {
            #expect(Self.place(merged[name]!) == Self.place(tensor), "\(name)")
        }
        #expect(policy.trained.allSatisfy { MotionConfiguration.owns($0.name) && Self.place($0.value) != Self.place(start[$0.name]!) })
        var lacking = Dictionary(uniqueKeysWithValues: policy.trained.map { ($0.name, $0.value.detached) })
        let name = lacking.keys.min()!
        lacking[name] = nil
        #expect(throws: ParameterError.self) { _ = try part.denoiser(with: lacking) }
    }

    /// One update's gradient, read off the optimiser's first moments, and what it logged.
    private func update(
        _ method: Method.Name, microBatch: Int, name: String, checkpointing: Bool = false
    ) throws -> (gradient: [String: Tensor], entry: LoggedUpdate) {
        let settings = world.settings {
            ($0.objective.method, $0.computation.microBatch, $0.optimisation.iterations, $0.optimisation.updates) = (method, microBatch, 1, 1)
            ($0.optimisation.gradientClip, $0.computation.gradientCheckpointing) = (1e9, checkpointing)
        }
        let directory = try world.train(settings, in: name)
        let state = try #require(try RunState.load(directory))
        return (state.optimiser.filter { $0.key.hasPrefix("first_moment.") }, try directory.timelessEntries()[0])
    }

    @Test(arguments: [Method.Name.sspo, .spin, .sft]) func numbersDoNotDependOnTheMicroBatchOrOnWhatIsKept(_ method: Method.Name) throws {
        let whole = try update(method, microBatch: 0, name: "whole")
        #expect(!whole.gradient.isEmpty && whole.gradient.values.contains { $0.squared.sum().item > 0 })
        for other in [try update(method, microBatch: 1, name: "parts"), try update(method, microBatch: 0, name: "recomputed", checkpointing: true)] {
            #expect(relativeDifference(other.gradient, whole.gradient) <= 1e-5)
            MicroBatchTests.expectEqual(other.entry, whole.entry)
        }
    }

    @Test func latentsAreThoseOfTheFramesOneByOne() throws {
        let settings = world.settings { $0.data.vaePosterior = .mode }
        let winners = try world.encoded(settings)
        #expect(try winners.prepare([0, 1, 2, 3, 4]) == [true, true, true, true, true])
        let latents = try winners.latents([3]).mean
        #expect(latents.shape == [1] + winners.latentShape && winners.latentShape == [4, 3, 4, 4])
        for frame in 0..<3 {
            let image = TinyWorld.image(30 + frame).tensor.unsqueezed(0)
            let alone = noGradients { world.pipeline.autoencoder.scaled(world.pipeline.autoencoder.posterior(image).mode) }
            #expect(largestDifference(latents.slice(frame..<frame + 1, axis: 2)[0].transposed(0, 1), alone) <= 1e-6)
        }
        // The cache has them by clip and rule.
        let cache = EncodingCache(world.folder.appendingPathComponent("cache"))
        let cached = try world.encoded(settings, store: cache)
        _ = try cached.prepare([3])
        #expect(sameBits(try cached.latents([3]).mean, latents))
        var other = settings
        other.clips.rule = .uniform
        #expect(try !sameBits(world.encoded(other, store: cache).latents([3]).mean, latents), "the twin")
    }

    @Test func picturesAreLeftOutAndTooManyFramesRefused() throws {
        #expect(throws: RunError.self) {
            var settings = world.settings()
            settings.clips.frames = 5
            _ = try settings.encoding(WinnerEncoder.load(world.pipeline), world.pipeline.denoising)
        }
        let still = try TinyWorld()
        let clips = EncodingSettings(resolution: 8, frames: .init(frames: 3))
        #expect(throws: WinnerSetError.self) { _ = try EncodedWinners.open(.list(still.winners), WinnerEncoder.load(world.pipeline), clips) }
        #expect(throws: RunError.self) {
            var settings = still.settings()
            settings.adapters.train = .motion
            _ = try TrainedPart.choose(settings, of: still.pipeline.denoising)
        }
    }
}
