import Storage

extension SchedulerConfiguration {
    /// Keys beside ``SchedulerKeys``, of the scheduler classes of diffusers 0.42 that read each other's files.
    static let otherKeys: Set<String> = Set(SamplerName.allCases.flatMap { $0.type.supportedValues.keys }).union(inertKeys).union(["trained_betas"])

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

    /// Throws, naming the key, where the sampler of that name would have to do what we cannot; or, without a name, where the noise schedule cannot be made.
    func refuseUnsupported(for name: SamplerName?) throws {
        if ["FlowMatch", "EDM"].contains(where: className.hasPrefix) { throw error(.otherProcess(className)) }
        if let name { for key in name.type.supportedValues.keys.sorted() { try refuseUnsupported(key, for: name) } }
        try refuse(outside: 1...100_000, self.trainTimesteps.map { Double($0) }, "num_train_timesteps")
        try refuse(outside: 0...Double(self.trainTimesteps ?? 1000), self.stepsOffset.map { Double($0) }, "steps_offset")
        try refuse(outside: 0...1, self.betaStart, "beta_start")
        try refuse(outside: 0...1, self.betaEnd, "beta_end")
        try refuse(outside: 0...1e6, self.clipSampleRange, "clip_sample_range")
        try refuse(outside: -1e6...1e6, self.leastLambda, "lambda_min_clipped")
    }

    private func refuseUnsupported(_ key: String, for name: SamplerName) throws {
        guard let value = values[key], let supported = name.type.supportedValues[key], !supported.contains(value) else { return }
        // Whether another sampler helps, which takes whatever this one does not.
        let helps = DDIM.supportedValues[key]?.contains(value) ?? true
        throw error(.unsupported(key: key, value: value.text, by: helps ? name : nil))
    }

    private func refuse(outside range: ClosedRange<Double>, _ value: Double?, _ key: String) throws {
        // A whole number as it stands in the file.
        guard let value, !range.contains(value) else { return }
        throw error(.unsupported(key: key, value: Int(exactly: value).map { "\($0)" } ?? "\(value)", by: nil))
    }
}
