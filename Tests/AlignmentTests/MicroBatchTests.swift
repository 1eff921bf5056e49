import Foundation
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Alignment

/// The numbers of an update do not depend on how many examples are computed at once.
@Suite struct MicroBatchTests {
    let world: TinyWorld

    init() throws { world = try TinyWorld() }

    /// One update from the same start; its gradients are read off the optimiser's first moments, (1 − β₁) times the gradient where none is clipped.
    private func update(_ method: Method.Name, microBatch: Int, name: String, unshared: Bool = false, checkpointing: Bool = false) throws -> (
        gradient: [String: Tensor], entry: LoggedUpdate
    ) {
        let settings = world.settings {
            ($0.objective.method, $0.computation.microBatch, $0.optimisation.batch, $0.optimisation.iterations, $0.optimisation.updates) = (
                method, microBatch, 16, 1, 1
            )
            ($0.optimisation.gradientClip, $0.data.captionDropout, $0.data.flipImages, $0.objective.anchorDraws, $0.objective.unshareNoise) = (
                1e9, 0.3, true, 2, unshared
            )
            ($0.objective.beta, $0.computation.gradientCheckpointing) = (20, checkpointing)
        }
        let directory = try world.train(settings, in: name)
        let state = try #require(try RunState.load(directory))
        let moments = state.optimiser.filter { $0.key.hasPrefix("first_moment.") }
        return (moments.mapValues { $0 * (1 / (1 - 0.9)) }, try directory.timelessEntries()[0])
    }

    @Test(arguments: [Method.Name.sspo, .spin, .dpo, .sft]) func gradientsAndLogsAgree(_ method: Method.Name) throws {
        let whole = try update(method, microBatch: 16, name: "whole")
        for size in [4, 5, 1] {
            let parts = try update(method, microBatch: size, name: "parts-\(size)")
            let difference = relativeDifference(parts.gradient, whole.gradient)
            print("micro-batch \(size), \(method): gradient differs by \(difference)")
            #expect(difference <= 1e-5)
            Self.expectEqual(parts.entry, whole.entry)
        }
        // At θ = ref the losing sample does not count where s is 0.
        guard method.method.comparesPairs, method.method.flip == .none else { return }
        let other = try update(method, microBatch: 16, name: "other", unshared: true)
        #expect(relativeDifference(other.gradient, whole.gradient) > 1e-3, "the twin with other noise")
    }

    /// Ten updates, each in parts of one and of two winners from where the run over whole batches stood; and the run in parts from its beginning.
    @Test(arguments: [Method.Name.seppo, .sft]) func tenUpdatesAgree(_ method: Method.Name) throws {
        func settings(_ microBatch: Int, iterations: Int = 2) -> AlignmentSettings {
            world.settings {
                ($0.objective.method, $0.computation.microBatch, $0.optimisation.batch, $0.optimisation.iterations, $0.optimisation.updates, $0.run.saveEvery) =
                    (method, microBatch, 4, iterations, 5, 1)
                ($0.optimisation.gradientClip, $0.data.captionDropout, $0.data.flipImages) = (1e9, 0.3, true)
            }
        }
        func moments(_ directory: RunDirectory) throws -> [String: Tensor] {
            guard let state = try RunState.load(directory) else { return world.pipeline.unetTensors.mapValues { $0.zerosLike() } }
            let moments = state.optimiser.filter { $0.key.hasPrefix("first_moment.") }
            return Dictionary(uniqueKeysWithValues: moments.map { (String($0.dropFirst("first_moment.".count)), $1) })
        }
        /// The gradient of the update after `update`, by the optimiser's moments before and after it.
        func gradient(after update: Int, _ microBatch: Int) throws -> [String: Tensor] {
            // A killed process's last update was not saved: the state is that of the update before.
            let directory = try world.train(settings(0, iterations: 3), in: "\(microBatch) after \(update)", killedAfter: update + 1)
            #expect(try RunState.load(directory)?.counters.updates ?? 0 == update)
            let before = try moments(directory)
            try world.train(settings(microBatch, iterations: 3), in: "\(microBatch) after \(update)", killedAfter: update + 2)
            let after = try moments(directory)
            return Dictionary(uniqueKeysWithValues: before.map { ($0, (after[$0]! - $1 * 0.9) / 0.1) })
        }
        for update in 0..<10 {
            let whole = try gradient(after: update, 0)
            for size in [1, 2] {
                let difference = relativeDifference(try gradient(after: update, size), whole)
                #expect(difference <= 1e-5, "update \(update + 1) in parts of \(size)")
            }
        }
        let start = world.pipeline.unetTensors
        func change(_ directory: RunDirectory) throws -> [String: Tensor] {
            try directory.weights(2).reduce(into: [:]) { $0[$1.key] = $1.value - start[$1.key]! }
        }
        let whole = try change(world.train(settings(0), in: "whole"))
        for size in [1, 2] {
            let difference = relativeDifference(try change(world.train(settings(size), in: "parts of \(size)")), whole)
            print("micro-batch \(size), \(method): ten updates' change of the weights differs by \(difference)")
            #expect(difference <= 1e-3)
        }
        var otherSeed = settings(0)
        otherSeed.run.seed += 1
        let other = try change(world.train(otherSeed, in: "another seed"))
        #expect(relativeDifference(other, whole) > 1e-2, "the twin with other noise")
    }

    @Test(arguments: [Method.Name.seppo, .spin, .sft]) func gradientCheckpointingLeavesTheNumbers(_ method: Method.Name) throws {
        let plain = try update(method, microBatch: 0, name: "plain")
        let recomputed = try update(method, microBatch: 0, name: "recomputed", checkpointing: true)
        #expect(relativeDifference(recomputed.gradient, plain.gradient) <= 1e-5)
        Self.expectEqual(recomputed.entry, plain.entry)
    }

    /// Threads take parts of a batch, with copies of the policy; their gradients are summed.
    @Test func gradientsAndLogsAgreeOnAnyNumberOfThreads() throws {
        let threads = Runtime.threads
        defer { Runtime.threads = threads }
        let updates = try [1, 2, 4, 3].map { count in
            Runtime.threads = count
            return try update(.seppo, microBatch: 0, name: "threads-\(count)")
        }
        for other in updates[1...] {
            #expect(relativeDifference(other.gradient, updates[0].gradient) <= 1e-5)
            Self.expectEqual(other.entry, updates[0].entry)
            #expect(other.entry.flipZero == 1, "every part meets policy and reference alike")
        }
    }

    static func expectEqual(_ a: LoggedUpdate, _ b: LoggedUpdate) {
        let fields: [KeyPath<LoggedUpdate, Double?>] = [
            \.loss, \.winnerError, \.sampleError, \.referenceWinnerError, \.referenceSampleError, \.margin, \.flipPositive, \.flipZero, \.flipNegative,
            \.accuracy, \.gradientNorm, \.learningRate,
        ]
        for field in fields {
            switch (a[keyPath: field], b[keyPath: field]) {
            case (nil, nil): break
            case (let x?, let y?): #expect(abs(x - y) <= 1e-5 * max(1, abs(y)), "\(field)")
            default: Issue.record("\(field) is logged by one alone")
            }
        }
        #expect(a.update == b.update && a.k == b.k && a.reference == b.reference && a.examples == b.examples && a.skipped == b.skipped)
        #expect(a.flipByAge == b.flipByAge && a.flipByTimestep == b.flipByTimestep)
    }
}
