import Diffusion
import Foundation
import Storage
import Testing
import Torch

@Suite struct SchedulerConfigurationTests {
    /// As a file, because diffusers writes `-Infinity`, which only the reader of files takes.
    private func read(_ text: String) throws -> SchedulerConfiguration {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("seppo-scheduler-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(text.utf8).write(to: file)
        return try SchedulerConfiguration(contentsOf: file)
    }

    private func written(_ configuration: SchedulerConfiguration) throws -> String {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("seppo-scheduler-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        try configuration.write(to: file)
        return try String(contentsOf: file, encoding: .utf8)
    }

    /// Stable Diffusion 1.5's, but for the version.
    static let stableDiffusion = """
        {"_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
         "num_train_timesteps": 1000, "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1, "trained_betas": null, "clip_sample": false}
        """

    /// What diffusers 0.42 writes for a `DPMSolverMultistepScheduler` with every default.
    static let solver = """
        {"_class_name": "DPMSolverMultistepScheduler", "_diffusers_version": "0.42.1", "algorithm_type": "dpmsolver++", "beta_end": 0.02,
         "beta_schedule": "linear", "beta_start": 0.0001, "dynamic_thresholding_ratio": 0.995, "euler_at_final": false, "final_sigmas_type": "zero",
         "flow_shift": 1.0, "lambda_min_clipped": -Infinity, "lower_order_final": true, "num_train_timesteps": 1000, "prediction_type": "epsilon",
         "rescale_betas_zero_snr": false, "sample_max_value": 1.0, "solver_order": 2, "solver_type": "midpoint", "steps_offset": 0,
         "thresholding": false, "time_shift_type": "exponential", "timestep_spacing": "linspace", "trained_betas": null, "use_beta_sigmas": false,
         "use_dynamic_shifting": false, "use_exponential_sigmas": false, "use_flow_sigmas": false, "use_karras_sigmas": false,
         "use_lu_lambdas": false, "variance_type": null}
        """

    @Test(arguments: [stableDiffusion, solver]) func aFileComesBackAsItWas(_ text: String) throws {
        let configuration = try read(text)
        #expect(try read(written(configuration)) == configuration)
        let decoder = JSONDecoder()
        decoder.allowsJSON5 = true
        var given = try decoder.decode([String: JSONValue].self, from: Data(text.utf8))
        // Not ours to claim, and the default that JSON cannot say.
        given["_diffusers_version"] = nil
        given["lambda_min_clipped"] = nil
        #expect(try JSONDecoder().decode([String: JSONValue].self, from: Data(written(configuration).utf8)) == given)
    }

    @Test func aStableDiffusionPipelineReadsOldFilesAsDiffusersDoes() throws {
        let old = SchedulerConfiguration(className: "DDIMScheduler", betaSchedule: .scaledLinear, stepsOffset: 0)
        let sampler = try #require(try old.inStableDiffusionPipeline.sampler() as? DDIM)
        #expect(sampler.offset == 1 && sampler.clipRange == nil)
        #expect(try read(Self.stableDiffusion).inStableDiffusionPipeline == read(Self.stableDiffusion))
    }

    @Test func theFileNamesTheSampler() throws {
        #expect(try read(Self.stableDiffusion).samplerName() == .pndm)
        #expect(try read(Self.solver).sampler() is DPMSolver)
        #expect(throws: SchedulerError(.unsupportedClass("LMSDiscreteScheduler"))) { try SchedulerConfiguration(className: "LMSDiscreteScheduler").sampler() }
        #expect(try SchedulerConfiguration(className: "LMSDiscreteScheduler").sampler(.euler) is Euler)
    }

    @Test func absentKeysTakeTheDefaultsOfTheClassThatIsMade() throws {
        let bare = SchedulerConfiguration(className: "PNDMScheduler")
        let ddim = try #require(try bare.sampler(.ddim) as? DDIM)
        #expect(ddim.clipRange == 1 && ddim.finalAlpha == 1 && ddim.spacing == .leading && ddim.offset == 0)
        let pndm = try #require(try bare.sampler() as? PNDM)
        #expect(pndm.finalAlpha < 1 && pndm.startsByRungeKutta)
        #expect((try bare.sampler(.euler) as? Euler)?.spacing == .linspace)
    }

    @Test(arguments: [
        ("\"trained_betas\": [0.1, 0.2]", "trained_betas", SamplerName.allCases),
        ("\"thresholding\": true", "thresholding", [.ddim, .ddpm, .dpmSolver]),
        ("\"variance_type\": \"learned\"", "variance_type", [.ddpm, .dpmSolver]),
        ("\"algorithm_type\": \"sde-dpmsolver++\"", "algorithm_type", [.dpmSolver]),
        ("\"use_karras_sigmas\": true", "use_karras_sigmas", [.euler, .dpmSolver]),
        ("\"use_lu_lambdas\": true", "use_lu_lambdas", [.dpmSolver]), ("\"use_flow_sigmas\": true", "use_flow_sigmas", [.dpmSolver]),
        ("\"interpolation_type\": \"log_linear\"", "interpolation_type", [.euler]),
        ("\"timestep_type\": \"continuous\"", "timestep_type", [.euler]), ("\"solver_order\": 3", "solver_order", [.dpmSolver]),
    ]) func whatASamplerWouldHaveToObeyIsRefusedByName(_ option: String, _ key: String, _ refusing: [SamplerName]) throws {
        let configuration = try read("{\"_class_name\": \"DDIMScheduler\", \(option)}")
        for name in SamplerName.allCases {
            do {
                _ = try configuration.sampler(name)
                #expect(!refusing.contains(name), "\(name) took \(option)")
            } catch let error as SchedulerError {
                guard case .unsupported(let refused, _, _) = error.problem else { throw error }
                #expect(refused == key && refusing.contains(name))
                #expect("\(error)".contains("--sampler ddim") == (!refusing.contains(.ddim)), "\(error)")
            }
        }
    }

    @Test(arguments: ["", "[]", "{\"_class_name\": 3}", "{}"]) func whatIsNoConfigurationIsRefused(_ text: String) throws {
        #expect { try read(text) } throws: { error in
            guard let error = error as? SchedulerError, case .malformed = error.problem else { return false }
            return error.file?.hasSuffix(".json") == true
        }
    }

    @Test(arguments: [
        ("\"beta_schedule\": \"sigmoid\"", SchedulerError.Problem.unsupported(key: "beta_schedule", value: "\"sigmoid\"", by: nil)),
        ("\"prediction_type\": \"sample\"", .unsupported(key: "prediction_type", value: "\"sample\"", by: nil)),
        ("\"shift\": 3.0", .unknownKey("shift")), ("\"beta_strat\": 0.1", .unknownKey("beta_strat")),
    ]) func whatNoSamplerKnowsIsRefusedOnReading(_ option: String, _ problem: SchedulerError.Problem) throws {
        let error = #expect(throws: SchedulerError.self) { try read("{\"_class_name\": \"DDIMScheduler\", \(option)}") }
        #expect(error?.problem == problem && error?.file?.hasSuffix(".json") == true)
    }

    /// diffusers takes them as they are, for every sampler: ᾱ is their product.
    @Test func listedBetasMakeTheSchedule() throws {
        let betas = Array(repeating: "0.25", count: 4).joined(separator: ", ")
        let configuration = try read("{\"_class_name\": \"DDIMScheduler\", \"num_train_timesteps\": 4, \"trained_betas\": [\(betas)]}")
        #expect(try configuration.noiseSchedule().alphasCumulative.values(Float.self) == [0.75, 0.5625, 0.421875, 0.31640625])
        #expect(try configuration.noiseSchedule(for: .euler).count == 4)
        for wrong in ["[0.1, \"a\", 0.1, 0.1]", "[0.1, 2, 0.1, 0.1]", "[0.1]", "3"] {
            let damaged = try read("{\"_class_name\": \"DDIMScheduler\", \"num_train_timesteps\": 4, \"trained_betas\": \(wrong)}")
            #expect(throws: SchedulerError.self) { try damaged.noiseSchedule() }
        }
    }

    /// Files of samplers that are not here tell the schedule; those of another noise process do not.
    @Test func relativesTellTheScheduleAndOthersDoNot() throws {
        let lcm = try read("{\"_class_name\": \"LCMScheduler\", \"original_inference_steps\": 50, \"beta_schedule\": \"scaled_linear\"}")
        #expect(try lcm.sampler(.ddim) is DDIM && read(written(lcm)) == lcm)
        #expect(throws: SchedulerError.self) { try lcm.sampler() }
        for name in ["FlowMatchEulerDiscreteScheduler", "EDMEulerScheduler"] {
            let error = #expect(throws: SchedulerError.self) { try read("{\"_class_name\": \"\(name)\"}").sampler(.ddim) }
            #expect(error?.problem == .otherProcess(name))
        }
    }
}
