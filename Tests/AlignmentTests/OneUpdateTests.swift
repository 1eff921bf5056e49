import Diffusion
import Foundation
import Layers
import Networks
import TestFiles
import TestSupport
import Testing
import Torch

@testable import Alignment

/// One update of every method against PyTorch's, from the same inputs: of a whole network on pictures (Tests/Fixtures/one_update), and of motion modules
/// over one that stays as it is on clips (one_update_clips).
@Suite struct OneUpdateTests {
    struct Cases: Decodable {
        struct Optimizer: Decodable {
            let lr: Double
            let betas: [Double]
            let eps: Double
            let weightDecay: Double
            let maxGradientNorm: Double
        }
        let optimizer: Optimizer
        let cases: [Case]
    }

    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        /// How far PyTorch's float32 numbers are from its float64 ones.
        struct Rounding: Decodable {
            let marginDifference: Double?
            let gradientRelativeDifference: Double
            let changeRelativeDifference: Double
        }
        let name: String
        let file: String
        let beta: Double?
        let losing: String?
        let reference: Int?
        let flip: Flip?
        let policy: String
        let predictionType: PredictionType
        let unsharedNoise: Bool
        let loss: Double
        let gradientNorm: Double
        let float64: Rounding

        var testDescription: String { file }
        var folder: String { String(file.prefix { $0 != "/" }) }
        /// Of motion modules alone.
        var isOfClips: Bool { folder == "one_update_clips" }
    }

    static let cases = ["one_update", "one_update_clips"].flatMap {
        (try? Fixture.json("\($0)/cases.json", as: Cases.self, keys: .convertFromSnakeCase).cases) ?? []
    }

    enum Wrong: CaseIterable { case negatedSign, otherNoise, missingHalf, stepCount }

    struct Outcome {
        var values: [String: Tensor] = [:]
        var loss = 0.0
        var norm = 0.0
        var gradient: [String: Tensor] = [:]
        var change: [String: Tensor] = [:]
    }

    private func update(_ example: Case, wrong: Wrong? = nil) throws -> Outcome {
        let folder = example.folder
        let inputs = try Fixture.tensors("\(folder)/inputs.safetensors")
        let options = try Fixture.json("\(folder)/cases.json", as: Cases.self, keys: .convertFromSnakeCase).optimizer
        let configuration = try UNetConfiguration(Fixture.folder.appendingPathComponent("\(folder)/config.json"))
        let scheduler = SchedulerConfiguration(
            trainTimesteps: 1000, betaStart: 0.00085, betaEnd: 0.012, betaSchedule: .scaledLinear,
            predictionType: example.predictionType)
        let schedule = try scheduler.noiseSchedule()
        let frozen = example.isOfClips ? try Fixture.tensors("\(folder)/checkpoint_0.safetensors") : [:]
        func weights(_ name: String) throws -> [String: Tensor] { frozen.merging(try Fixture.tensors("\(folder)/\(name).safetensors")) { $1 } }
        let store = ParameterStore(try weights(example.policy), isTrainable: true, training: { !example.isOfClips || MotionConfiguration.owns($0) })
        let policy = try store.build { UNet($0, configuration) }
        let conditioning = Conditioning(text: inputs["text_states"]!)
        let winner = schedule.noise(inputs["winner_latents"]!, with: inputs["noise"]!, at: inputs["timesteps"]!)

        var outcome = Outcome()
        let losses: Tensor
        if let beta = example.beta {
            let unshared = example.unsharedNoise != (wrong == .otherNoise)
            let loser = schedule.noise(
                inputs[example.losing!]!, with: inputs[unshared ? "reference_noise" : "noise"]!,
                at: inputs[unshared ? "reference_timesteps" : "timesteps"]!)
            let reference = try ParameterStore(weights("checkpoint_\(example.reference!)")).build { UNet($0, configuration) }
            let e = DenoisingErrors.measure(policy: policy, reference: reference, winner: winner, loser: loser, conditioning)
            let objective = PreferenceObjective(beta: wrong == .missingHalf ? beta * 2 : beta, flip: example.flip!)
            // With Δ_r negated, s is as good as negated.
            let compared =
                wrong != .negatedSign
                ? e
                : DenoisingErrors(
                    policyWinner: e.policyWinner, policyLoser: e.referenceLoser, referenceWinner: e.referenceWinner, referenceLoser: e.policyLoser)
            let value = objective(compared)
            outcome.values = [
                "m_w": e.policyWinner, "m_r": e.policyLoser, "r_w": e.referenceWinner, "r_r": e.referenceLoser, "s": value.sign,
                "margin": value.margin,
            ]
            losses = value.losses
        } else {
            losses = winner.errors(of: policy, conditioning)
            outcome.values = ["m_w": losses]
        }
        let loss = losses.mean()
        outcome.loss = loss.item
        loss.backward()

        let settings = AdamW.Settings(beta1: options.betas[0], beta2: options.betas[1], epsilon: options.eps, weightDecay: options.weightDecay)
        let optimiser = AdamW(store.trained, settings: settings)
        outcome.norm = optimiser.gradientNorm()
        outcome.gradient = Dictionary(uniqueKeysWithValues: store.trained.map { ($0.name, $0.value.gradient!.clone()) })
        let before = store.tensors.mapValues { $0.clone() }
        if wrong == .stepCount { for (name, value) in optimiser.state where name.hasPrefix("step.") { value.copy_(Tensor.ones([])) } }
        optimiser.clipGradients(norm: outcome.norm, to: options.maxGradientNorm)
        optimiser.step(learningRate: options.lr)
        outcome.change = Dictionary(uniqueKeysWithValues: store.tensors.map { ($0, $1 - before[$0]!) })
        if example.isOfClips { #expect(outcome.change.filter { !MotionConfiguration.owns($0.key) }.values.allSatisfy { $0.squared.sum().item == 0 }) }
        return outcome
    }

    /// The numbers of `prefix` in the case's file.
    private func expected(_ example: Case, _ prefix: String) throws -> [String: Tensor] {
        let tensors = try Fixture.tensors(example.file)
        return Dictionary(uniqueKeysWithValues: tensors.filter { $0.key.hasPrefix(prefix) }.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
    }

    /// Tolerances: 1e-5 for gradients and 1e-3 for weight changes in relative norm, and where PyTorch's own rounding comes near them, twice that
    /// rounding: float32 cannot be held to more.
    private static func gradientTolerance(_ example: Case) -> Double { max(1e-5, 2 * example.float64.gradientRelativeDifference) }
    private static func changeTolerance(_ example: Case) -> Double { max(1e-3, 2 * example.float64.changeRelativeDifference) }

    @Test func everyMethodIsThere() {
        #expect(Set(Self.cases.filter(\.isOfClips).map(\.name)).isSuperset(of: ["sft", "seppo_beta2000", "spin_beta2000"]))
        let names = Set(Self.cases.map { $0.name.components(separatedBy: "_beta")[0] })
        #expect(names.isSuperset(of: ["seppo", "sspo", "no_aaf", "spin", "ditto", "dpo", "sft", "seppo_initial", "seppo_tie", "seppo_unshared_noise"]))
    }

    @Test(arguments: cases) func equalsPyTorch(_ example: Case) throws {
        let outcome = try update(example)
        let tensors = try Fixture.tensors(example.file)
        let marginTolerance = max(1e-6, 4 * (example.float64.marginDifference ?? 0))
        var errors = 0.0
        for (name, value) in outcome.values {
            let difference = largestDifference(value.detached, tensors[name]!)
            switch name {
            case "s": #expect(difference == 0, "s")
            case "margin": #expect(difference <= marginTolerance, "margin")
            default:
                errors = max(errors, difference)
                #expect(difference <= 1e-5, "\(name)")
            }
        }
        #expect(abs(outcome.loss - example.loss) <= max(1e-6, marginTolerance))
        let gradients = try expected(example, "gradient.")
        let gradient = relativeDifference(outcome.gradient.filter { gradients[$0.key] != nil }, gradients)
        let change = relativeDifference(outcome.change, try expected(example, "change."))
        print("\(example.name): errors \(errors), gradient \(gradient), change \(change)")
        #expect(gradient <= Self.gradientTolerance(example))
        #expect(change <= Self.changeTolerance(example))
        #expect(abs(outcome.norm - example.gradientNorm) <= 2e-5 * example.gradientNorm)
        // An optimiser that has lost its moments, but not its count of steps, corrects their bias wrongly.
        #expect(relativeDifference(try update(example, wrong: .stepCount).change, try expected(example, "change.")) > 0.1, "the twin")
    }

    @Test(arguments: cases.filter { $0.beta != nil && !$0.name.contains("tie") }) func wrongDetailsShow(_ example: Case) throws {
        let gradients = try expected(example, "gradient.")
        let tensors = try Fixture.tensors(example.file)
        let otherNoise = try update(example, wrong: .otherNoise)
        #expect(largestDifference(otherNoise.values["m_r"]!.detached, tensors["m_r"]!) > 1e-4)
        #expect(relativeDifference(try update(example, wrong: .negatedSign).gradient, gradients) > 1e-2)
        #expect(relativeDifference(try update(example, wrong: .missingHalf).gradient, gradients) > 0.1)
    }
}
