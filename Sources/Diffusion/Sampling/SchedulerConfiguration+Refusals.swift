import Storage

extension SchedulerConfiguration {
    /// Keys beside the typed ones, of the scheduler classes of diffusers 0.42 that read each other's files.
    static let knownKeys: Set<String> = Set(supportedValues.flatMap { $0.value.keys }).union(inertKeys).union(["trained_betas"])

    /// Without effect on the samplers here: either only another key, refused below, makes them matter, or no sampler here takes them.
    private static let inertKeys: Set<String> = [
        "dynamic_thresholding_ratio", "sample_max_value", "flow_shift", "time_shift_type", "use_dynamic_shifting", "sigma_min", "sigma_max",
        "disable_corrector", "predict_x0", "rho", "shift_terminal", "sigma_data", "sigma_schedule", "solver_p",
    ]

    /// Classes of diffusers 0.42 whose samplers are not here, but whose files tell the noise schedule as ours do: another sampler draws by them, and their
    /// own keys mean nothing to it.
    static let relatives: Set<String> = [
        "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler", "LCMScheduler", "TCDScheduler", "UniPCMultistepScheduler", "LMSDiscreteScheduler",
        "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler", "DPMSolverSinglestepScheduler", "DPMSolverSDEScheduler", "DEISMultistepScheduler",
        "SASolverScheduler", "DDIMParallelScheduler", "DDPMParallelScheduler", "DDIMInverseScheduler", "DPMSolverMultistepInverseScheduler", "IPNDMScheduler",
    ]

    /// For the keys that a sampler obeys in diffusers: the values under which it does what ours does.
    private static let supportedValues: [SamplerName: [String: [JSONValue]]] = [
        .ddim: ["thresholding": [.bool(false)]],
        .ddpm: ["thresholding": [.bool(false)], "variance_type": [.null, .string("fixed_small"), .string("fixed_large")]],
        .euler: [
            "interpolation_type": [.string("linear")], "timestep_type": [.string("discrete")],
            "use_karras_sigmas": [.null, .bool(false)], "use_exponential_sigmas": [.null, .bool(false)], "use_beta_sigmas": [.null, .bool(false)],
        ],
        .dpmSolver: [
            "thresholding": [.bool(false)], "algorithm_type": [.string("dpmsolver++"), .string("deis")],
            // DDPM's choices stand in files that were DDPM's; DPM-Solver has no variance.
            "variance_type": [.null] + ["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"].map { .string($0) },
            "use_karras_sigmas": [.null, .bool(false)], "use_exponential_sigmas": [.null, .bool(false)], "use_beta_sigmas": [.null, .bool(false)],
            "use_lu_lambdas": [.null, .bool(false)], "use_flow_sigmas": [.null, .bool(false)],
        ],
    ]

    /// Throws, naming the key, where the sampler of that name would have to do what we cannot; or, without a name, where the noise schedule cannot be made.
    func refuseUnsupported(for name: SamplerName?) throws {
        func unsupported(_ key: String, _ value: String) -> SchedulerError {
            // Whether another sampler helps, which takes whatever this one does not.
            let helps = others[key].map { Self.supportedValues[.ddim]?[key]?.contains($0) ?? true } ?? true
            return error(.unsupported(key: key, value: value, by: helps ? name : nil))
        }
        if ["FlowMatch", "EDM"].contains(where: className.hasPrefix) { throw error(.otherProcess(className)) }
        for (key, values) in (name.flatMap { Self.supportedValues[$0] } ?? [:]).sorted(by: { $0.key < $1.key }) {
            if let value = others[key], !values.contains(value) { throw unsupported(key, value.text) }
        }
        try refuse(outside: 1...100_000, trainTimesteps.map { Double($0) }, "num_train_timesteps")
        try refuse(outside: 0...Double(trainTimesteps ?? 1000), stepsOffset.map { Double($0) }, "steps_offset")
        try refuse(outside: 0...1, betaStart, "beta_start")
        try refuse(outside: 0...1, betaEnd, "beta_end")
        try refuse(outside: 0...1e6, clipSampleRange, "clip_sample_range")
        try refuse(outside: -1e6...1e6, leastLambda, "lambda_min_clipped")
        guard name == .dpmSolver else { return }
        if let solverOrder, !(1...2).contains(solverOrder) { throw unsupported("solver_order", "\(solverOrder)") }
        if let solverType, !["midpoint", "heun", "logrho", "bh1", "bh2"].contains(solverType) {
            throw unsupported("solver_type", solverType.quotedForMessage)
        }
    }

    func error(_ problem: SchedulerError.Problem) -> SchedulerError { SchedulerError(file: origin.path, problem) }

    private func refuse(outside range: ClosedRange<Double>, _ value: Double?, _ key: String) throws {
        // A whole number as it stands in the file.
        guard let value, !range.contains(value) else { return }
        throw error(.unsupported(key: key, value: Int(exactly: value).map { "\($0)" } ?? "\(value)", by: nil))
    }
}
