import Torch

/// A denoiser as a sampler sees it, conditioned and guided: x_t `[B, …]` and the timestep in, ε or v (the schedule knows which) out.
public typealias GuidedDenoiser = (_ x: Tensor, _ timestep: Double) throws -> Tensor

/// Standard normal noise `[B, …]` for the step of that index, asked for in order and only where a sampler adds noise.
public typealias VarianceNoise = (_ step: Int) -> Tensor

/// A way from noise to an image: a value, whose numbers are those of the scheduler of the same name in diffusers.
public protocol Sampler: Sendable {
    var schedule: NoiseSchedule { get }
    /// Whether noise is added on the way.
    var isStochastic: Bool { get }

    /// The timestep of every call of the network, in order: more than `steps` of them where a sampler calls it more than once a step.
    /// Throws when `steps` does not suit the schedule.
    func timesteps(_ steps: Int) throws -> [Double]

    /// As `sample`, which callers use, with everything given.
    func walk(
        from noise: Tensor, steps: Int, varianceNoise: VarianceNoise, observer: (_ index: Int, _ x: Tensor) throws -> Void, denoiser: GuidedDenoiser
    ) throws -> Tensor
}

extension Sampler {
    public var isStochastic: Bool { false }

    /// Draws from `noise`, standard normal `[B, …]`; records no gradient.
    /// - Parameters:
    ///   - varianceNoise: needed where the sampler is stochastic; see `SeededNoise`.
    ///   - observer: called after each of `timesteps(steps)` with its index and the new x.
    public func sample(
        _ noise: Tensor, steps: Int, varianceNoise: VarianceNoise? = nil, observer: (_ index: Int, _ x: Tensor) throws -> Void = { _, _ in },
        denoiser: GuidedDenoiser
    ) throws -> Tensor {
        guard !isStochastic || varianceNoise != nil else { throw SamplingError.noVarianceNoise("\(Self.self)") }
        let varianceNoise = varianceNoise ?? { _ in preconditionFailure("\(Self.self) is not stochastic") }
        return try noGradients { try walk(from: noise, steps: steps, varianceNoise: varianceNoise, observer: observer, denoiser: denoiser) }
    }

    /// Refuses timesteps that the schedule does not have.
    func checked(_ timesteps: [Double], steps: Int) throws -> [Double] {
        guard let greatest = timesteps.max(), let least = timesteps.min(), least >= 0, greatest <= Double(schedule.count - 1) else {
            throw SamplingError.outsideSchedule(steps: steps, timestep: timesteps.max() ?? 0, count: schedule.count)
        }
        return timesteps
    }

    /// As many timesteps as steps, rounded to those that the schedule has.
    func wholeTimesteps(_ steps: Int, _ spacing: TimestepSpacing, offset: Int) throws -> [Double] {
        try checked(spacing.timesteps(steps, of: schedule.count, offset: offset).map { $0.rounded(.toNearestOrEven) }, steps: steps)
    }

    func check(_ steps: Int, atLeast least: Int = 1, atMost greatest: Int? = nil) throws {
        let greatest = greatest ?? schedule.count
        guard steps >= least, steps <= greatest else {
            throw SamplingError.stepCount(steps, least: least, greatest: greatest)
        }
    }
}

/// Why a sampler will not run.
public enum SamplingError: Error, Equatable, CustomStringConvertible {
    case stepCount(Int, least: Int, greatest: Int)
    case outsideSchedule(steps: Int, timestep: Double, count: Int)
    case noVarianceNoise(String)

    public var description: String {
        switch self {
        case .stepCount(let steps, let least, let greatest):
            "\(steps) sampling steps: this sampler takes \(least) to \(greatest)"
        case .outsideSchedule(let steps, let timestep, let count):
            "\(steps) sampling steps lead to timestep \(Int(timestep)), the model knows 0 to \(count - 1): take fewer steps or a smaller steps_offset"
        case .noVarianceNoise(let sampler):
            "\(sampler) adds noise on the way and was given none: pass `varianceNoise`"
        }
    }
}
