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
        let settings = world.settings { ($0.objective.method, $0.optimisation.iterations, $0.optimisation.updates) = (method, 1, 2) }
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
        #expect(sameBits(try Pipeline.load(directory.model).unetTensors, try directory.weights(1)))
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
                        ($0.objective.losers, $0.objective.reference, $0.objective.flip, $0.optimisation.updates) = (losers, reference, flip, 1)
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
                ($0.optimisation.batch, $0.objective.flip, $0.optimisation.iterations, $0.optimisation.updates, $0.objective.beta, $0.objective.unshareNoise) =
                    (1, flip, 2, 4, 400, flip == .none)
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
        let settings = world.settings { ($0.data.captionDropout, $0.data.flipImages) = (0.3, true) }
        let first = try world.train(settings, in: "first")
        let second = try world.train(settings, in: "second")
        #expect(try first.timelessEntries() == second.timelessEntries())
        #expect(sameBits(try first.weights(2), try second.weights(2)))
        var other = settings
        other.run.seed += 1
        #expect(!sameBits(try world.train(other, in: "other").weights(2), try first.weights(2)))
    }

    @Test func everyOptionMatters() throws {
        let plain = world.settings { $0.optimisation.batch = 8 }
        let weights = try world.train(plain, in: "plain").weights(2)
        let changes: [(String, (inout AlignmentSettings) -> Void)] = [
            ("anchors", { $0.objective.anchorDraws = 3 }), ("dropout", { $0.data.captionDropout = 0.5 }), ("flips", { $0.data.flipImages = true }),
            ("mode", { $0.data.vaePosterior = .mode }), ("unshared", { $0.objective.unshareNoise = true }), ("guidance", { $0.sampling.guidance = 1 }),
            ("steps", { $0.sampling.steps = 3 }), ("beta", { $0.objective.beta = 51 }), ("decay", { $0.optimisation.weightDecay = 0.1 }),
            ("clip", { $0.optimisation.gradientClip = 0.01 }),
            ("eta", { $0.sampling.eta = 0.5 }), ("euler", { $0.sampling.sampler = .euler }), ("warmup", { $0.optimisation.warmup = 2 }),
            ("limit", { $0.data.limit = 3 }),
            ("linear", { $0.optimisation.schedule = .linear }), ("indicator", { $0.objective.method = .sspo }),
            ("initial", { $0.objective.reference = .initial }),
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
            try KeptTraining(world.settings { $0.objective.method = .dpo }, world.pipeline.denoising, plain, world.directory("run"))
        } throws: {
            "\($0)".contains("losing images")
        }
    }
}
