import Diffusion
import Foundation
import TestFiles
import TestSupport
import Testing
import Torch

/// β, ᾱ, noising and visited timesteps beside diffusers' (Tests/Fixtures/generators/schedules.py).
@Suite struct NoiseScheduleTests {
    static let tensors = try! Fixture.tensors("schedules/schedules.safetensors")

    static func schedule(_ kind: BetaSchedule = .scaledLinear, _ prediction: PredictionType = .epsilon) throws -> NoiseSchedule {
        try SchedulerConfiguration(betaStart: 0.00085, betaEnd: 0.012, betaSchedule: kind, predictionType: prediction).noiseSchedule()
    }

    @Test(arguments: BetaSchedule.allCases) func everyScheduleIsThatOfDiffusers(_ kind: BetaSchedule) throws {
        let schedule = try Self.schedule(kind)
        #expect(schedule.count == 1000)
        #expect(largestDifference(schedule.betas, try #require(Self.tensors["\(kind.rawValue).betas"])) <= 1e-7)
        #expect(largestDifference(schedule.alphasCumulative, try #require(Self.tensors["\(kind.rawValue).alphas_cumprod"])) <= 1e-7)
        // The twin: an end of β that is off by a thousandth.
        let wrong = try SchedulerConfiguration(betaStart: 0.00085, betaEnd: 0.012012, betaSchedule: kind).noiseSchedule()
        let differs = largestDifference(wrong.betas, Self.tensors["\(kind.rawValue).betas"]!) > 1e-7
        #expect(differs == (kind != .squaredCosine))
    }

    @Test func noisingIsThatOfDiffusers() throws {
        func tensor(_ name: String) throws -> Tensor { try #require(Self.tensors["noising.\(name)"]) }
        let (x, noise, t) = try (tensor("latents"), tensor("noise"), tensor("timesteps"))
        let noisy = try Self.schedule().noised(x, noise, at: t)
        #expect(largestDifference(noisy, try tensor("noisy")) <= 1e-6)
        #expect(largestDifference(try Self.schedule().target(x, noise, at: t), noise) == 0)
        #expect(largestDifference(try Self.schedule(.scaledLinear, .velocity).target(x, noise, at: t), try tensor("velocity")) <= 1e-6)
        // The twin: a timestep off by one.
        let late = Tensor(t.values(Int.self).map { min($0 + 1, 999) })
        #expect(largestDifference(try Self.schedule().noised(x, noise, at: late), try tensor("noisy")) > 1e-4)
    }

    /// The target, taken for the network's answer, leads back to the noise and the image.
    @Test(arguments: PredictionType.allCases) func predictionsInvertTheNoising(_ prediction: PredictionType) throws {
        let schedule = try Self.schedule(.scaledLinear, prediction)
        let generator = Generator(seed: 3)
        let (x, noise, t) = (generator.normal([3, 4, 2, 2]), generator.normal([3, 4, 2, 2]), Tensor([0, 400, 800]))
        let noisy = schedule.noised(x, noise, at: t)
        let answer = schedule.target(x, noise, at: t)
        #expect(largestDifference(schedule.predictedNoise(answer, noisy, at: t), noise) <= 1e-5)
        #expect(largestDifference(schedule.predictedOriginal(answer, noisy, at: t), x) <= 1e-5)
    }

    @Test func zeroSignalIsReachedExactly() throws {
        let configuration = SchedulerConfiguration(betaSchedule: .scaledLinear, rescaleToZeroSignal: true)
        #expect(try configuration.noiseSchedule().alphasCumulative[999].item == 0)
        #expect(try configuration.sampler(.euler).schedule.alphasCumulative[999].item == 0x1p-24)
        let plain = try SchedulerConfiguration(betaSchedule: .scaledLinear).noiseSchedule()
        #expect(abs(try configuration.noiseSchedule().alphasCumulative[0].item - plain.alphasCumulative[0].item) < 1e-6)
        #expect(plain.alphasCumulative[999].item > 0)
    }

    struct Visited: Decodable {
        struct Case: Decodable {
            let sampler: SamplerName
            let timestep_spacing: TimestepSpacing
            let steps_offset: Int
            let steps: Int
            let timesteps: [Double]
        }
        let cases: [Case]
    }

    @Test func theTimestepsVisitedAreThoseOfDiffusers() throws {
        let cases = try Fixture.json("schedules/timesteps.json", as: Visited.self).cases
        #expect(cases.count >= 100)
        for sample in cases {
            let configuration = SchedulerConfiguration(
                betaSchedule: .scaledLinear, timestepSpacing: sample.timestep_spacing, stepsOffset: sample.steps_offset, skipRungeKutta: true)
            let timesteps = try configuration.sampler(sample.sampler).timesteps(sample.steps)
            let agree = timesteps.count == sample.timesteps.count && zip(timesteps, sample.timesteps).allSatisfy { abs($0 - $1) <= 1e-6 * $1 }
            #expect(agree, "\(sample): \(timesteps)")
        }
    }
}
