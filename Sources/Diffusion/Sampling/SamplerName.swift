import Torch

/// The samplers by their names on the command line.
public enum SamplerName: String, Codable, Sendable, CaseIterable {
    case ddim
    case ddpm
    case pndm
    case euler
    case dpmSolver = "dpm++"

    /// The diffusers class with the same numbers.
    public var className: String {
        switch self {
        case .ddim: "DDIMScheduler"
        case .ddpm: "DDPMScheduler"
        case .pndm: "PNDMScheduler"
        case .euler: "EulerDiscreteScheduler"
        case .dpmSolver: "DPMSolverMultistepScheduler"
        }
    }
}

extension SchedulerConfiguration {
    /// The sampler of the class that the file names; throws for a class that is none of ours.
    public func samplerName() throws -> SamplerName {
        guard let name = SamplerName.allCases.first(where: { $0.className == className }) else { throw error(.unsupportedClass(className)) }
        return name
    }

    /// The sampler of that name (the file's own by default) under this configuration: `OtherScheduler.from_config` of diffusers.
    /// Throws where the sampler would have to obey a key that we do not support.
    /// - Parameter eta: DDIM's η; the other samplers have none.
    public func sampler(_ name: SamplerName? = nil, eta: Double = 0) throws -> any Sampler {
        let name = try name ?? samplerName()
        let schedule = try noiseSchedule(for: name)
        let offset = stepsOffset ?? 0
        let clipRange = (clipSample ?? true) ? clipSampleRange ?? 1 : nil
        let spacing = timestepSpacing ?? Self.defaultSpacing(of: name)
        switch name {
        case .ddim:
            return DDIM(
                schedule: schedule, spacing: spacing, offset: offset, finalAlpha: (setAlphaToOne ?? true) ? 1 : schedule.cumulative[0],
                clipRange: clipRange, eta: eta)
        case .ddpm:
            let variance = others["variance_type"] == .string("fixed_large") ? DDPM.Variance.forward : .posterior
            return DDPM(schedule: schedule, spacing: spacing, offset: offset, clipRange: clipRange, variance: variance)
        case .pndm:
            return PNDM(
                schedule: schedule, spacing: spacing, offset: offset, finalAlpha: (setAlphaToOne ?? false) ? 1 : schedule.cumulative[0],
                startsByRungeKutta: !(skipRungeKutta ?? false))
        case .euler:
            return Euler(schedule: schedule, spacing: spacing, offset: offset, finalSigma: finalSigma == .least ? schedule.sigmas[0] : 0)
        case .dpmSolver:
            return DPMSolver(
                schedule: schedule, spacing: spacing, offset: offset, order: solverOrder ?? 2, correction: solverType == "heun" ? .heun : .midpoint,
                finalSigma: finalSigma == .least ? schedule.sigmas[0] : 0, lowersFinalOrder: lowerOrderFinal ?? true,
                endsInEuler: eulerAtFinal ?? false, leastLambda: Float(leastLambda ?? -.infinity))
        }
    }

    /// As diffusers' `StableDiffusionPipeline` takes it: with an offset of 1 and without clipping, whatever the file says, because the
    /// files of early checkpoints are wrong there.
    public var inStableDiffusionPipeline: SchedulerConfiguration {
        var corrected = self
        corrected.stepsOffset = 1
        corrected.clipSample = false
        return corrected
    }

    /// The noise schedule that the sampler of that name makes of this configuration.
    public func noiseSchedule(for name: SamplerName) throws -> NoiseSchedule {
        try refuseUnsupported(for: name)
        return try schedule(for: name)
    }

    private func schedule(for name: SamplerName) throws -> NoiseSchedule {
        let plain = try trainedBetas ?? (betaSchedule ?? .linear).betas(count: trainTimesteps ?? 1000, first: betaStart ?? 0.0001, last: betaEnd ?? 0.02)
        // PNDMScheduler does not know the key.
        let rescales = (rescaleToZeroSignal ?? false) && name != .pndm
        return NoiseSchedule(
            betas: rescales ? BetaSchedule.rescaledToZeroSignal(plain) : plain, predictionType: predictionType ?? .epsilon,
            // Their σ divides by ᾱ: diffusers takes float16's least positive number for zero.
            leastAlpha: rescales && (name == .euler || name == .dpmSolver) ? 0x1p-24 : nil)
    }

    /// β of every timestep where the file lists them, `[T]`.
    private var trainedBetas: Tensor? {
        get throws {
            guard let list = others["trained_betas"], list != .null else { return nil }
            guard case .array(let values) = list, values.count == trainTimesteps ?? 1000 else {
                throw error(.unsupported(key: "trained_betas", value: "a list of another length than num_train_timesteps", by: nil))
            }
            return Tensor(
                try values.map { value -> Float in
                    guard case .number(let beta) = value, (0...1).contains(beta) else {
                        throw error(.unsupported(key: "trained_betas", value: value.text, by: nil))
                    }
                    return Float(beta)
                })
        }
    }

    /// The noise schedule to train with: that of DDPM, whatever sampler the file names.
    public func noiseSchedule() throws -> NoiseSchedule {
        try refuseUnsupported(for: nil)
        return try schedule(for: .ddpm)
    }

    private static func defaultSpacing(of name: SamplerName) -> TimestepSpacing {
        switch name {
        case .ddim, .ddpm, .pndm: .leading
        case .euler, .dpmSolver: .linspace
        }
    }
}
