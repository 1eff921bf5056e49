import Datasets
import Diffusion
import Foundation
import TestSupport
import Testing
import Torch

@testable import Alignment

@Suite struct TrainerTests {
    let world: TinyWorld

    init() throws { world = try TinyWorld() }

    /// What cli.md promises of every line.
    private static let keys = [
        "update", "k", "examples", "loss", "m_w", "gradient_norm", "learning_rate", "sample_s", "update_s", "examples_per_s", "peak_mb", "skipped",
    ]
    private static let pairKeys = [
        "reference", "m_r", "r_w", "r_r", "margin", "margin_quantiles", "flip_positive", "flip_zero", "flip_negative", "flip_by_age",
        "flip_by_timestep", "accuracy",
    ]

    @Test(arguments: Method.Name.allCases) func everyMethodRunsAndLogsTheKeys(_ method: Method.Name) throws {
        let settings = world.settings { ($0.method, $0.iterations, $0.updates) = (method, 1, 2) }
        let before = world.pipeline.unetTensors.mapValues { $0.clone() }
        let directory = try world.train(settings, in: "run")
        for line in try String(contentsOf: directory.log, encoding: .utf8).split(separator: "\n") {
            let fields = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            for key in Self.keys { #expect(fields[key] != nil, "\(key)") }
            for key in Self.pairKeys { #expect((fields[key] != nil) == method.method.comparesPairs, "\(key)") }
        }
        let entries = try directory.entries()
        #expect(entries.map(\.update) == [1, 2] && entries.map(\.examples) == [4, 8] && entries.allSatisfy { $0.skipped == 0 })
        #expect(sameBits(world.pipeline.unetTensors, before), "the base model, which is checkpoint 0, does not move")
        #expect(!sameBits(try directory.weights(1), before), "the policy does")
        #expect(sameBits(try Pipeline(directory.model).unetTensors, try directory.weights(1)))
        if method.method.comparesPairs {
            // At θ = ref everything ties.
            #expect(abs(entries[0].loss! - log(2)) < 1e-6 && entries[0].flipZero == 1 && entries[0].margin == 0)
            #expect(entries[0].winnerError == entries[0].referenceWinnerError && entries[0].sampleError == entries[0].referenceSampleError)
            #expect(entries[1].flipZero == 0)
        }
    }

    @Test func anyRowOfTheGridRuns() throws {
        for losers in [LosingSource.sampled, .dataset] {
            for reference in ReferenceRule.allCases {
                for flip in Flip.allCases {
                    let settings = world.settings {
                        ($0.losers, $0.reference, $0.flip, $0.updates) = (losers, reference, flip, 1)
                    }
                    let entries = try world.train(settings, in: "\(losers)-\(reference)-\(flip)").entries()
                    #expect(entries.count == 2 && entries[1].loss != nil)
                    if reference != .random { #expect(entries[1].reference == (reference == .latest ? 1 : 0)) }
                }
            }
        }
    }

    @Test func signMarginAndLossFollowFromALoggedUpdateOfOne() throws {
        for flip in Flip.allCases {
            let settings = world.settings {
                ($0.batch, $0.flip, $0.iterations, $0.updates, $0.beta, $0.unshareNoise) = (1, flip, 2, 4, 400, flip == .none)
            }
            for entry in try world.train(settings, in: "\(flip)").entries() {
                let (mw, mr, rw, rr) = (entry.winnerError!, entry.sampleError!, entry.referenceWinnerError!, entry.referenceSampleError!)
                let s: Double = flip == .none ? 1 : rw > mw ? 1 : flip == .sign && rw < mw ? -1 : 0
                let margin = -(400 / 2) * ((mw - rw) - s * (mr - rr))
                #expect(abs(entry.margin! - margin) < 2e-4 + 1e-5 * abs(margin))
                #expect(abs(entry.loss! - log(1 + exp(-entry.margin!))) < 1e-6)
                #expect(entry.flipPositive == (rw > mw ? 1 : 0) && entry.flipNegative == (rw < mw ? 1 : 0) && entry.flipZero == (rw == mw ? 1 : 0))
                if entry.update > 1, flip != .indicator || s != 0 {
                    #expect(abs(entry.margin! + (400 / 2) * ((mw - rw) + s * (mr - rr))) > 2e-4, "the twin with s negated")
                }
            }
        }
    }

    @Test func theSameSeedIsTheSameRunAndAnotherIsNot() throws {
        let settings = world.settings { ($0.captionDropout, $0.flipImages) = (0.3, true) }
        let first = try world.train(settings, in: "first")
        let second = try world.train(settings, in: "second")
        #expect(try first.timelessEntries() == second.timelessEntries())
        #expect(sameBits(try first.weights(2), try second.weights(2)))
        var other = settings
        other.seed += 1
        #expect(!sameBits(try world.train(other, in: "other").weights(2), try first.weights(2)))
    }

    @Test func everyOptionMatters() throws {
        let plain = world.settings { $0.batch = 8 }
        let weights = try world.train(plain, in: "plain").weights(2)
        let changes: [(String, (inout AlignmentSettings) -> Void)] = [
            ("anchors", { $0.anchorDraws = 3 }), ("dropout", { $0.captionDropout = 0.5 }), ("flips", { $0.flipImages = true }),
            ("mode", { $0.vaePosterior = .mode }), ("unshared", { $0.unshareNoise = true }), ("guidance", { $0.guidance = 1 }),
            ("steps", { $0.sampleSteps = 3 }), ("beta", { $0.beta = 51 }), ("decay", { $0.weightDecay = 0.1 }), ("clip", { $0.gradientClip = 0.01 }),
            ("eta", { $0.eta = 0.5 }), ("euler", { $0.sampler = .euler }), ("warmup", { $0.warmup = 2 }), ("limit", { $0.limit = 3 }),
            ("linear", { $0.schedule = .linear }), ("indicator", { $0.method = .sspo }), ("initial", { $0.reference = .initial }),
        ]
        for (name, change) in changes {
            var settings = plain
            change(&settings)
            #expect(!sameBits(try world.train(settings, in: name).weights(2), weights), "\(name)")
        }
    }

    @Test func winnersWithoutLosersAreRefusedByName() throws {
        let plain = try world.encoded(world.settings())
        #expect {
            try KeptTraining(world.settings { $0.method = .dpo }, world.pipeline.denoising, plain, world.directory("run"))
        } throws: {
            "\($0)".contains("losing images")
        }
    }
}
