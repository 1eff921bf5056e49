import Foundation
import Networks
import Storage

/// A pipeline's `scheduler/scheduler_config.json`, as diffusers writes it.
///
/// A key that a file leaves out is nil here and takes the default of the class that is made from it, which need not be the class that
/// the file names: `sampler(_:eta:)` acts as diffusers' `OtherScheduler.from_config` does.
public struct SchedulerConfiguration: Codable, Sendable, Equatable {
    /// `_class_name`, such as `PNDMScheduler`.
    public var className: String
    public var trainTimesteps: Int?
    public var betaStart: Double?
    public var betaEnd: Double?
    public var betaSchedule: BetaSchedule?
    public var predictionType: PredictionType?
    public var timestepSpacing: TimestepSpacing?
    /// Added to `leading` timesteps.
    public var stepsOffset: Int?
    /// Whether ᾱ is 1 beyond the last step (DDIM, PNDM), rather than ᾱ₀.
    public var setAlphaToOne: Bool?
    /// Whether x̂₀ is clamped to ± `clipSampleRange` (DDIM, DDPM).
    public var clipSample: Bool?
    public var clipSampleRange: Double?
    /// Whether PNDM starts without its Runge-Kutta steps.
    public var skipRungeKutta: Bool?
    /// Whether the schedule ends in pure noise (DDIM, DDPM, Euler, DPM-Solver).
    public var rescaleToZeroSignal: Bool?
    /// What follows the last σ (Euler, DPM-Solver).
    public var finalSigma: FinalSigma?
    public var solverOrder: Int?
    public var solverType: String?
    public var lowerOrderFinal: Bool?
    public var eulerAtFinal: Bool?
    public var leastLambda: Double?
    /// The other keys of the file, as they stood there. Each is checked when a sampler that would obey it is made.
    public var others: [String: JSONValue] = [:]
    /// For the texts of errors.
    var origin = Origin()

    /// The file that a configuration was read from: two that say the same are equal wherever they stand.
    struct Origin: Sendable, Equatable {
        var path: String?
        static func == (_: Origin, _: Origin) -> Bool { true }
    }

    public enum FinalSigma: String, Codable, Sendable { case zero, least = "sigma_min" }

    public init(
        className: String = "DDIMScheduler", trainTimesteps: Int? = nil, betaStart: Double? = nil, betaEnd: Double? = nil,
        betaSchedule: BetaSchedule? = nil, predictionType: PredictionType? = nil, timestepSpacing: TimestepSpacing? = nil, stepsOffset: Int? = nil,
        setAlphaToOne: Bool? = nil, clipSample: Bool? = nil, clipSampleRange: Double? = nil, skipRungeKutta: Bool? = nil,
        rescaleToZeroSignal: Bool? = nil
    ) {
        self.className = className
        self.trainTimesteps = trainTimesteps
        self.betaStart = betaStart
        self.betaEnd = betaEnd
        self.betaSchedule = betaSchedule
        self.predictionType = predictionType
        self.timestepSpacing = timestepSpacing
        self.stepsOffset = stepsOffset
        self.setAlphaToOne = setAlphaToOne
        self.clipSample = clipSample
        self.clipSampleRange = clipSampleRange
        self.skipRungeKutta = skipRungeKutta
        self.rescaleToZeroSignal = rescaleToZeroSignal
    }

    /// Reads a `scheduler_config.json`. Throws, naming the key, where it holds what we do not know.
    public init(contentsOf file: URL) throws {
        let decoder = JSONDecoder()
        // Python writes `-Infinity` (`lambda_min_clipped`), which JSON proper does not have.
        decoder.allowsJSON5 = true
        do {
            self = try decoder.decode(Self.self, from: ConfigurationReader.data(file))
            origin.path = file.path
        } catch let error as DecodingError {
            throw SchedulerError(file: file.path, .malformed(Self.text(error)))
        } catch let error as SchedulerError {
            throw SchedulerError(file: file.path, error.problem)
        }
    }

    private static func text(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            (context.codingPath.last?.stringValue.quotedForMessage ?? "it") + " is of the wrong type"
        case .keyNotFound(let key, _): "\(key.stringValue) is missing"
        default: "it is not JSON"
        }
    }

    /// Writes a `scheduler_config.json` that diffusers reads.
    public func write(to file: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try writeAtomically(encoder.encode(self), to: file)
    }
}

extension SchedulerConfiguration {
    struct Key: CodingKey, Hashable {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case className = "_class_name"
        case trainTimesteps = "num_train_timesteps"
        case betaStart = "beta_start"
        case betaEnd = "beta_end"
        case betaSchedule = "beta_schedule"
        case predictionType = "prediction_type"
        case timestepSpacing = "timestep_spacing"
        case stepsOffset = "steps_offset"
        case setAlphaToOne = "set_alpha_to_one"
        case clipSample = "clip_sample"
        case clipSampleRange = "clip_sample_range"
        case skipRungeKutta = "skip_prk_steps"
        case rescaleToZeroSignal = "rescale_betas_zero_snr"
        case finalSigma = "final_sigmas_type"
        case solverOrder = "solver_order"
        case solverType = "solver_type"
        case lowerOrderFinal = "lower_order_final"
        case eulerAtFinal = "euler_at_final"
        case leastLambda = "lambda_min_clipped"
    }

    public init(from decoder: any Decoder) throws {
        let all = try decoder.container(keyedBy: Key.self)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        className = try container.decode(String.self, forKey: .className)
        let typed = Set(CodingKeys.allCases.map(\.rawValue))
        for key in all.allKeys where !typed.contains(key.stringValue) && key.stringValue != "_diffusers_version" {
            let name = key.stringValue
            guard Self.knownKeys.contains(name) || name.hasPrefix("_") || Self.relatives.contains(className) else { throw SchedulerError(.unknownKey(name)) }
            others[name] = try all.decode(JSONValue.self, forKey: key)
        }

        func value<Value: Decodable>(_ key: CodingKeys) throws -> Value? { try container.decodeIfPresent(Value.self, forKey: key) }
        func choice<Choice: RawRepresentable>(_ key: CodingKeys) throws -> Choice? where Choice.RawValue == String {
            guard let name: String = try value(key) else { return nil }
            guard let choice = Choice(rawValue: name) else { throw SchedulerError(.unsupported(key: key.rawValue, value: name.quotedForMessage, by: nil)) }
            return choice
        }
        trainTimesteps = try value(.trainTimesteps)
        betaStart = try value(.betaStart)
        betaEnd = try value(.betaEnd)
        betaSchedule = try choice(.betaSchedule)
        predictionType = try choice(.predictionType)
        timestepSpacing = try choice(.timestepSpacing)
        stepsOffset = try value(.stepsOffset)
        setAlphaToOne = try value(.setAlphaToOne)
        clipSample = try value(.clipSample)
        clipSampleRange = try value(.clipSampleRange)
        skipRungeKutta = try value(.skipRungeKutta)
        rescaleToZeroSignal = try value(.rescaleToZeroSignal)
        finalSigma = try choice(.finalSigma)
        solverOrder = try value(.solverOrder)
        solverType = try value(.solverType)
        lowerOrderFinal = try value(.lowerOrderFinal)
        eulerAtFinal = try value(.eulerAtFinal)
        leastLambda = try value(.leastLambda)
        if leastLambda == -.infinity { leastLambda = nil }
    }

    public func encode(to encoder: any Encoder) throws {
        var all = encoder.container(keyedBy: Key.self)
        for (key, value) in others { try all.encode(value, forKey: Key(key)) }

        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(className, forKey: .className)
        try container.encodeIfPresent(trainTimesteps, forKey: .trainTimesteps)
        try container.encodeIfPresent(betaStart, forKey: .betaStart)
        try container.encodeIfPresent(betaEnd, forKey: .betaEnd)
        try container.encodeIfPresent(betaSchedule, forKey: .betaSchedule)
        try container.encodeIfPresent(predictionType, forKey: .predictionType)
        try container.encodeIfPresent(timestepSpacing, forKey: .timestepSpacing)
        try container.encodeIfPresent(stepsOffset, forKey: .stepsOffset)
        try container.encodeIfPresent(setAlphaToOne, forKey: .setAlphaToOne)
        try container.encodeIfPresent(clipSample, forKey: .clipSample)
        try container.encodeIfPresent(clipSampleRange, forKey: .clipSampleRange)
        try container.encodeIfPresent(skipRungeKutta, forKey: .skipRungeKutta)
        try container.encodeIfPresent(rescaleToZeroSignal, forKey: .rescaleToZeroSignal)
        try container.encodeIfPresent(finalSigma, forKey: .finalSigma)
        try container.encodeIfPresent(solverOrder, forKey: .solverOrder)
        try container.encodeIfPresent(solverType, forKey: .solverType)
        try container.encodeIfPresent(lowerOrderFinal, forKey: .lowerOrderFinal)
        try container.encodeIfPresent(eulerAtFinal, forKey: .eulerAtFinal)
        try container.encodeIfPresent(leastLambda, forKey: .leastLambda)
    }
}

/// What a `scheduler_config.json` holds that we would not reproduce.
public struct SchedulerError: Error, Equatable, CustomStringConvertible {
    public enum Problem: Equatable, Sendable {
        case malformed(String)
        case unknownKey(String)
        /// - Parameter by: the sampler that would have to obey it, where another does without; nil where none does
        case unsupported(key: String, value: String, by: SamplerName?)
        case unsupportedClass(String)
        /// A scheduler of another process than noise added by ᾱ.
        case otherProcess(String)
    }

    /// Nil for a configuration that was made in memory.
    public let file: String?
    public let problem: Problem

    public init(file: String? = nil, _ problem: Problem) {
        self.file = file
        self.problem = problem
    }

    public var description: String { "\(file ?? "scheduler_config.json"): \(problem.text)" }
}

extension SchedulerError.Problem {
    fileprivate var text: String {
        switch self {
        case .malformed(let problem): "is not a scheduler configuration: \(problem)"
        case .unknownKey(let key):
            "the key \(key.quotedForMessage) is not known here, and ignoring it could change the images: remove it where it means nothing"
        case .unsupported(let key, let value, nil): "\(key) = \(value) is not supported"
        case .unsupported(let key, let value, let name?):
            "\(key) = \(value) is not supported by the sampler \(name.rawValue): choose another, such as --sampler ddim"
        case .unsupportedClass(let name):
            "the sampler of \(name.quotedForMessage) is not supported: choose another, --sampler "
                + SamplerName.allCases.map(\.rawValue).joined(separator: ", ")
        case .otherProcess(let name): "\(name.quotedForMessage) belongs to a model of another noise process (flow matching, EDM), which is not supported"
        }
    }
}
