extension SchedulerConfiguration {
    /// Keys beside the typed ones, of the scheduler classes of diffusers 0.42 that read each other's files.
    static let knownKeys: Set<String> = Set(supportedValues.flatMap { $0.value.keys }).union(inertKeys)

    /// Without effect on the samplers here: either only another key, refused below, makes them matter, or no sampler here takes them.
    private static let inertKeys: Set<String> = [
        "dynamic_thresholding_ratio", "sample_max_value", "flow_shift", "time_shift_type", "use_dynamic_shifting", "sigma_min", "sigma_max",
        "disable_corrector", "predict_x0", "rho", "shift_terminal", "sigma_data", "sigma_schedule", "solver_p",
    ]

    /// For the keys that a sampler obeys in diffusers: the values under which it does what ours does.
    private static let supportedValues: [SamplerName: [String: [JSONValue]]] = [
        .ddim: ["trained_betas": [.null], "thresholding": [.bool(false)]],
        .ddpm: ["trained_betas": [.null], "thresholding": [.bool(false)], "variance_type": [.null, .string("fixed_small"), .string("fixed_large")]],
        .pndm: ["trained_betas": [.null]],
        .euler: [
            "trained_betas": [.null], "interpolation_type": [.string("linear")], "timestep_type": [.string("discrete")],
            "use_karras_sigmas": [.null, .bool(false)], "use_exponential_sigmas": [.null, .bool(false)], "use_beta_sigmas": [.null, .bool(false)],
        ],
        .dpmSolver: [
            "trained_betas": [.null], "thresholding": [.bool(false)], "algorithm_type": [.string("dpmsolver++"), .string("deis")],
            // DDPM's choices stand in files that were DDPM's; DPM-Solver has no variance.
            "variance_type": [.null] + ["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"].map { .string($0) },
            "use_karras_sigmas": [.null, .bool(false)], "use_exponential_sigmas": [.null, .bool(false)], "use_beta_sigmas": [.null, .bool(false)],
            "use_lu_lambdas": [.null, .bool(false)], "use_flow_sigmas": [.null, .bool(false)],
        ],
    ]

    /// Throws, naming the key, where the sampler of that name would have to do what we cannot.
    func refuseUnsupported(for name: SamplerName) throws {
        for (key, values) in (Self.supportedValues[name] ?? [:]).sorted(by: { $0.key < $1.key }) {
            if let value = others[key], !values.contains(value) { throw SchedulerError.unsupported(key: key, value: value.text) }
        }
        try refuse(outside: 1...100_000, trainTimesteps.map { Double($0) }, "num_train_timesteps")
        try refuse(outside: 0...Double(trainTimesteps ?? 1000), stepsOffset.map { Double($0) }, "steps_offset")
        try refuse(outside: 0...1, betaStart, "beta_start")
        try refuse(outside: 0...1, betaEnd, "beta_end")
        try refuse(outside: 0...1e6, clipSampleRange, "clip_sample_range")
        try refuse(outside: -1e6...1e6, leastLambda, "lambda_min_clipped")
        guard name == .dpmSolver else { return }
        if let solverOrder, !(1...2).contains(solverOrder) { throw SchedulerError.unsupported(key: "solver_order", value: "\(solverOrder)") }
        if let solverType, !["midpoint", "heun", "logrho", "bh1", "bh2"].contains(solverType) {
            throw SchedulerError.unsupported(key: "solver_type", value: "\"\(solverType)\"")
        }
    }

    private func refuse(outside range: ClosedRange<Double>, _ value: Double?, _ key: String) throws {
        // A whole number as it stands in the file.
        if let value, !range.contains(value) { throw SchedulerError.unsupported(key: key, value: Int(exactly: value).map { "\($0)" } ?? "\(value)") }
    }
}
