import Storage
import Torch

/// The samplers by their names on the command line.
public enum SamplerName: String, Codable, Sendable, CaseIterable {
    case ddim
    case ddpm
    case pndm
    case euler
    case dpmSolver = "dpm++"

    /// The diffusers class with the same numbers.
    public var className: String { type.className }

    var type: any ConfiguredSampler.Type {
        switch self {
        case .ddim: DDIM.self
        case .ddpm: DDPM.self
        case .pndm: PNDM.self
        case .euler: Euler.self
        case .dpmSolver: DPMSolver.self
        }
    }
}

/// A sampler that is made as the diffusers class with the same numbers is: its keys of a scheduler's file, and their defaults.
protocol ConfiguredSampler: Sampler {
    static var className: String { get }
    /// For keys that the class obeys: the values under which it does what ours does.
    static var supportedValues: [String: [JSONValue]] { get }
    /// - Parameter eta: DDIM's η; the other samplers have none
    init(_ configuration: SchedulerConfiguration, _ schedule: NoiseSchedule, eta: Double)
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
        return try name.type.init(self, noiseSchedule(for: name), eta: eta)
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
        let kind = self.betaSchedule ?? .linear
        let plain = try trainedBetas ?? kind.betas(count: self.trainTimesteps ?? 1000, first: self.betaStart ?? 0.0001, last: self.betaEnd ?? 0.02)
        // PNDMScheduler does not know the key.
        let rescales = (self.rescaleToZeroSignal ?? false) && name != .pndm
        return NoiseSchedule(
            betas: rescales ? BetaSchedule.rescaledToZeroSignal(plain) : plain, predictionType: self.predictionType ?? .epsilon,
            // Their σ divides by ᾱ: diffusers takes float16's least positive number for zero.
            leastAlpha: rescales && (name == .euler || name == .dpmSolver) ? 0x1p-24 : nil)
    }

    /// β of every timestep where the file lists them, `[T]`.
    private var trainedBetas: Tensor? {
        get throws {
            guard let list = values["trained_betas"], list != .null else { return nil }
            guard case .array(let values) = list, values.count == self.trainTimesteps ?? 1000 else {
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

    /// ± what x̂₀ is clamped to; nil where it is not.
    var clipRange: Double? { (self.clipSample ?? true) ? self.clipSampleRange ?? 1 : nil }
}
