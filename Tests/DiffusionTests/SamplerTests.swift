import Diffusion
import TestFiles
import TestSupport
import Testing
import Torch

/// Whole trajectories beside diffusers', with a denoiser in closed form (Tests/Fixtures/generators/samplers.py).
@Suite struct SamplerTests {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let steps: Int
        let eta: Double?
        var scheduler_config: SchedulerConfiguration
        let made_into: String?
        let init_noise_sigma: Double

        var testDescription: String { name }
        func sampler() throws -> any Sampler {
            let name = try made_into.map { name in try #require(SamplerName.allCases.first { $0.className == name }) }
            return try scheduler_config.sampler(name, eta: eta ?? 0)
        }
    }

    struct Cases: Decodable { let cases: [Case] }
    static let cases = try! Fixture.json("samplers/cases.json", as: Cases.self).cases
    static let tensors = try! Fixture.tensors("samplers/trajectories.safetensors")

    /// The largest difference from diffusers over all states and inputs of the network, in units of the largest state where that is above 1.
    static func difference(_ sample: Case, _ sampler: any Sampler) throws -> Double {
        func expected(_ key: String) throws -> Tensor { try #require(tensors["\(sample.name)/\(key)"]) }
        let states = try expected("states")
        let stepNoise = tensors["\(sample.name)/step_noise"]
        var inputs: [Tensor] = []
        var timesteps: [Double] = []
        var seen: [Tensor] = []
        let start = states[0..<1] / sample.init_noise_sigma
        let last = try sampler.sample(start, steps: sample.steps, varianceNoise: { stepNoise![$0..<$0 + 1] }) { index, x in
            #expect(index == seen.count)
            seen.append(x)
        } denoiser: { x, t in
            inputs.append(x)
            timesteps.append(t)
            return 0.8 * (1.2 * x).tanh + 0.1 * (Tensor([Float(t)], shape: []) / 100).cosine
        }
        guard timesteps == (try expected("timesteps").values(Double.self)), try timesteps == sampler.timesteps(sample.steps) else { return .infinity }
        let difference = try max(
            largestDifference(Tensor.concatenated(seen), states[1..<states.size(0)]), largestDifference(last, seen[seen.count - 1]),
            largestDifference(Tensor.concatenated(inputs), expected("model_inputs")))
        return difference / max(1, states.magnitude.max().item)
    }

    // libtorch's own square root of one number is off by a rounding here and there, ours is not, so the last bits differ.
    @Test(arguments: cases) func everyStateIsThatOfDiffusers(_ sample: Case) throws {
        #expect(try Self.difference(sample, sample.sampler()) <= 3e-6)
    }

    @Test func everySamplerSpacingAndPredictionIsAmongThem() throws {
        for name in SamplerName.allCases {
            let own = Self.cases.filter { ($0.made_into ?? $0.scheduler_config.className) == name.className }
            #expect(Set(own.compactMap(\.scheduler_config.timestepSpacing)).isSuperset(of: TimestepSpacing.allCases), "\(name)")
            #expect(Set(own.compactMap(\.scheduler_config.predictionType)).isSuperset(of: PredictionType.allCases), "\(name)")
        }
    }

    // The twins: one thing wrong, and the comparison above must fail.

    @Test(arguments: cases) func aWrongStepOffsetShows(_ sample: Case) throws {
        var wrong = sample
        wrong.scheduler_config.stepsOffset = (sample.scheduler_config.stepsOffset ?? 0) + 1
        // The other spacings have no offset.
        #expect((try Self.difference(sample, wrong.sampler()) > 3e-6) == (Self.spacing(of: sample) == .leading))
    }

    private static func spacing(of sample: Case) -> TimestepSpacing {
        let isLinspaced = ["EulerDiscreteScheduler", "DPMSolverMultistepScheduler"].contains(sample.made_into ?? sample.scheduler_config.className)
        return sample.scheduler_config.timestepSpacing ?? (isLinspaced ? .linspace : .leading)
    }

    struct Spoiled: Sendable, CustomTestStringConvertible {
        let name: String
        let spoil: @Sendable (inout SchedulerConfiguration) -> Void
        var testDescription: String { name }

        init(_ name: String, _ spoil: @escaping @Sendable (inout SchedulerConfiguration) -> Void) { (self.name, self.spoil) = (name, spoil) }
    }

    @Test(arguments: [
        Spoiled("ddim", { $0.setAlphaToOne = true }), Spoiled("ddim", { $0.betaEnd = 0.0121 }), Spoiled("ddim", { $0.clipSample = true }),
        Spoiled("ddim_clip", { $0.clipSampleRange = 1.01 }), Spoiled("ddim_v", { $0.predictionType = .epsilon }),
        Spoiled("ddim_zero_snr_v", { $0.rescaleToZeroSignal = false }), Spoiled("ddpm_fixed_small", { $0.varianceType = "fixed_large" }),
        Spoiled("pndm", { $0.skipRungeKutta = false }), Spoiled("pndm", { $0.setAlphaToOne = true }), Spoiled("euler", { $0.finalSigma = .least }),
        Spoiled("dpm++_heun", { $0.solverType = "midpoint" }), Spoiled("dpm++", { $0.solverOrder = 1 }),
        Spoiled("dpm++_lambda_clipped", { $0.leastLambda = nil }),
        Spoiled("dpm++_sigma_min", { $0.lowerOrderFinal = false }), Spoiled("dpm++_euler_at_final", { $0.eulerAtFinal = false }),
    ])
    func aWrongOptionShows(_ spoiled: Spoiled) throws {
        let sample = try #require(Self.cases.first { $0.name == spoiled.name })
        var wrong = sample
        spoiled.spoil(&wrong.scheduler_config)
        #expect(try Self.difference(sample, wrong.sampler()) > 1e-4)
    }

    @Test func aWrongEtaShows() throws {
        let sample = try #require(Self.cases.first { $0.name == "ddim_eta" })
        #expect(try Self.difference(sample, sample.scheduler_config.sampler(.ddim, eta: 0.71)) > 1e-4)
    }

    // Seeds.

    @Test(arguments: [("ddpm", 0), ("ddim", 0.8)]) func anImageDependsOnItsOwnSeedAlone(_ name: String, _ eta: Double) throws {
        let configuration = SchedulerConfiguration(clipSample: false)
        let sampler = try configuration.sampler(SamplerName(rawValue: name), eta: eta)
        func images(_ seeds: [UInt64]) throws -> Tensor {
            let noise = SeededNoise(seeds: seeds, shape: [4, 3, 5])
            return try sampler.sample(noise.next(), steps: 4, varianceNoise: noise.next) { x, _ in 0.5 * x }
        }
        let both = try images([7, 8])
        #expect(try largestDifference(both[1..<2], images([8])) == 0)
        #expect(try largestDifference(both[1..<2], images([9])) > 0.1)
    }

    @Test func stepCountsOutsideTheScheduleAreRefused() throws {
        let configuration = SchedulerConfiguration(trainTimesteps: 10, timestepSpacing: .leading)
        for name in SamplerName.allCases {
            let sampler = try configuration.sampler(name)
            #expect(throws: SamplingError.self) { try sampler.timesteps(0) }
            #expect(throws: SamplingError.self) { try sampler.timesteps(11) }
        }
        #expect(throws: SamplingError.stepCount(3, least: 4, greatest: 10)) { try configuration.sampler(.pndm).timesteps(3) }
        var offset = configuration
        offset.stepsOffset = 1
        #expect(throws: SamplingError.outsideSchedule(steps: 10, timestep: 10, count: 10)) { try offset.sampler(.ddim).timesteps(10) }
    }

    @Test func anErrorOfTheNetworkOrTheObserverStopsSampling() throws {
        struct Stop: Error {}
        let sampler = try SchedulerConfiguration().sampler(.ddim)
        #expect(throws: Stop.self) { try sampler.sample(Tensor.zeros([1, 1, 2, 2]), steps: 3) { _, _ in throw Stop() } }
        #expect(throws: Stop.self) {
            try sampler.sample(Tensor.zeros([1, 1, 2, 2]), steps: 3, observer: { _, _ in throw Stop() }, denoiser: { x, _ in x })
        }
    }

    @Test func missingVarianceNoiseIsAnError() throws {
        let sampler = try SchedulerConfiguration().sampler(.ddim, eta: 0.5)
        #expect(throws: SamplingError.noVarianceNoise("DDIM")) { try sampler.sample(Tensor.zeros([1, 1, 2, 2]), steps: 3) { x, _ in x } }
    }

    @Test func samplingRecordsNoGradient() throws {
        let weight = Tensor.ones([1])
        weight.requiresGradient = true
        let image = try SchedulerConfiguration().sampler(.ddim).sample(Tensor.ones([1, 1, 2, 2]), steps: 2) { x, _ in weight * x }
        #expect(!image.requiresGradient)
    }
}
