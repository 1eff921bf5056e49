import Storage

/// The keys of `scheduler_config.json` that samplers read, by our names. Which sampler reads which is told where it is made.
public struct SchedulerKeys {
    public var trainTimesteps: SchedulerKey<Int> { "num_train_timesteps" }
    public var betaStart: SchedulerKey<Double> { "beta_start" }
    public var betaEnd: SchedulerKey<Double> { "beta_end" }
    public var betaSchedule: SchedulerKey<BetaSchedule> { "beta_schedule" }
    public var predictionType: SchedulerKey<PredictionType> { "prediction_type" }
    /// Whether the schedule ends in pure noise (all but PNDM).
    public var rescaleToZeroSignal: SchedulerKey<Bool> { "rescale_betas_zero_snr" }
    public var timestepSpacing: SchedulerKey<TimestepSpacing> { "timestep_spacing" }
    /// Added to `leading` timesteps.
    public var stepsOffset: SchedulerKey<Int> { "steps_offset" }
    /// Whether ᾱ is 1 beyond the last step (DDIM, PNDM), rather than ᾱ₀.
    public var setAlphaToOne: SchedulerKey<Bool> { "set_alpha_to_one" }
    /// Whether x̂₀ is clamped to ± `clipSampleRange` (DDIM, DDPM).
    public var clipSample: SchedulerKey<Bool> { "clip_sample" }
    public var clipSampleRange: SchedulerKey<Double> { "clip_sample_range" }
    /// Which variance the noise of a step has (DDPM).
    public var varianceType: SchedulerKey<String> { "variance_type" }
    /// Whether PNDM starts without its Runge-Kutta steps.
    public var skipRungeKutta: SchedulerKey<Bool> { "skip_prk_steps" }
    /// What follows the last σ (Euler, DPM-Solver).
    public var finalSigma: SchedulerKey<FinalSigma> { "final_sigmas_type" }
    public var solverOrder: SchedulerKey<Int> { "solver_order" }
    public var solverType: SchedulerKey<String> { "solver_type" }
    public var lowerOrderFinal: SchedulerKey<Bool> { "lower_order_final" }
    public var eulerAtFinal: SchedulerKey<Bool> { "euler_at_final" }
    public var leastLambda: SchedulerKey<Double> { "lambda_min_clipped" }

    /// By their names in the file. A file with a key that is missing here is refused.
    static let all: [String: any AnySchedulerKey] = {
        let keys = SchedulerKeys()
        let all: [any AnySchedulerKey] = [
            keys.trainTimesteps, keys.betaStart, keys.betaEnd, keys.betaSchedule, keys.predictionType, keys.rescaleToZeroSignal, keys.timestepSpacing,
            keys.stepsOffset, keys.setAlphaToOne, keys.clipSample, keys.clipSampleRange, keys.varianceType, keys.skipRungeKutta, keys.finalSigma,
            keys.solverOrder, keys.solverType, keys.lowerOrderFinal, keys.eulerAtFinal, keys.leastLambda,
        ]
        return Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
    }()
}

/// A key of `scheduler_config.json` and the type of its value.
public struct SchedulerKey<Value: SchedulerValue>: ExpressibleByStringLiteral, Sendable {
    /// As it stands in the file.
    public let name: String
    public init(stringLiteral name: String) { self.name = name }
}

/// A key, whatever its value's type.
protocol AnySchedulerKey: Sendable {
    var name: String { get }
    /// Whether its value is one of several names.
    var isChoice: Bool { get }
    /// Whether a value is of the key's type.
    func takes(_ value: JSONValue) -> Bool
}

extension SchedulerKey: AnySchedulerKey {
    var isChoice: Bool { Value.self is any RawRepresentable.Type }
    func takes(_ value: JSONValue) -> Bool { Value(json: value) != nil }
}

/// What a key of `scheduler_config.json` may hold.
public protocol SchedulerValue: Sendable {
    init?(json: JSONValue)
    var json: JSONValue { get }
}

extension Bool: SchedulerValue {
    public init?(json: JSONValue) { if case .bool(let value) = json { self = value } else { return nil } }
    public var json: JSONValue { .bool(self) }
}

extension Double: SchedulerValue {
    public init?(json: JSONValue) { if case .number(let value) = json { self = value } else { return nil } }
    public var json: JSONValue { .number(self) }
}

extension Int: SchedulerValue {
    public init?(json: JSONValue) { if case .number(let value) = json, let whole = Int(exactly: value) { self = whole } else { return nil } }
    public var json: JSONValue { .number(Double(self)) }
}

extension String: SchedulerValue {
    public init?(json: JSONValue) { if case .string(let value) = json { self = value } else { return nil } }
    public var json: JSONValue { .string(self) }
}

extension SchedulerValue where Self: RawRepresentable<String> {
    public init?(json: JSONValue) { if case .string(let name) = json { self.init(rawValue: name) } else { return nil } }
    public var json: JSONValue { .string(rawValue) }
}

extension BetaSchedule: SchedulerValue {}
extension PredictionType: SchedulerValue {}
extension TimestepSpacing: SchedulerValue {}

/// What follows a sampler's last σ: zero, or the schedule's least.
public enum FinalSigma: String, SchedulerValue { case zero, least = "sigma_min" }
