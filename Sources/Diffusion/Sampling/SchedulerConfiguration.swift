import Foundation
import Networks
import Storage

/// A pipeline's `scheduler/scheduler_config.json`, as diffusers writes it: the class that it names, and its keys as they stand there.
///
/// A key that a file leaves out is nil here and takes the default of the class that is made from it, which need not be the class that
/// the file names: `sampler(_:eta:)` acts as diffusers' `OtherScheduler.from_config` does. Each sampler reads its own keys.
@dynamicMemberLookup
public struct SchedulerConfiguration: Codable, Sendable, Equatable {
    /// `_class_name`, such as `PNDMScheduler`.
    public var className: String
    /// All other keys. Each is checked when a sampler that would obey it is made.
    private(set) var values: [String: JSONValue] = [:]
    /// For the texts of errors.
    private var origin = Origin()

    /// The file that a configuration was read from: two that say the same are equal wherever they stand.
    private struct Origin: Sendable, Equatable {
        var path: String?
        static func == (_: Origin, _: Origin) -> Bool { true }
    }

    /// The value of a key of ``SchedulerKeys``; nil where the file leaves it out, or says null.
    public subscript<Value>(dynamicMember key: KeyPath<SchedulerKeys, SchedulerKey<Value>>) -> Value? {
        get { values[SchedulerKeys()[keyPath: key].name].flatMap(Value.init(json:)) }
        set { values[SchedulerKeys()[keyPath: key].name] = newValue?.json }
    }

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

    /// The same sampler over the noise schedule that AnimateDiff's motion modules were trained with (guoyww/AnimateDiff, `configs/training/v1`), as diffusers'
    /// documentation sets it.
    public var forClips: SchedulerConfiguration {
        var changed = self
        changed.values["trained_betas"] = nil
        changed.betaSchedule = .linear
        changed.clipSample = false
        changed.timestepSpacing = .linspace
        changed.stepsOffset = 1
        return changed
    }

    /// Reads a `scheduler_config.json`. Throws, naming the key, where it holds what we do not know.
    public init(contentsOf file: URL) throws {
        let decoder = JSONDecoder()
        // Python writes `-Infinity` (`lambda_min_clipped`), which JSON proper does not have.
        decoder.allowsJSON5 = true
        do {
            self = try decoder.decode(Self.self, from: ConfigurationReader.data(file))
            origin.path = file.path
        } catch is DecodingError {
            throw SchedulerError(file: file.path, .malformed("it is not a JSON object"))
        } catch let error as SchedulerError {
            throw SchedulerError(file: file.path, error.problem)
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
    private static let classKey = "_class_name"

    public init(from decoder: any Decoder) throws {
        var values = try decoder.singleValueContainer().decode([String: JSONValue].self)
        guard let name = values.removeValue(forKey: Self.classKey) else { throw SchedulerError(.malformed("\(Self.classKey) is missing")) }
        guard let className = String(json: name) else { throw Self.wrongType(Self.classKey) }
        values["_diffusers_version"] = nil
        // The default, which JSON cannot say.
        if values["lambda_min_clipped"] == .number(-.infinity) { values["lambda_min_clipped"] = nil }
        for (key, value) in values.sorted(by: { $0.key < $1.key }) {
            // It could not be written again, at the end of a training.
            guard (try? JSONEncoder().encode(value)) != nil else {
                throw SchedulerError(.malformed("\(key.quotedForMessage) holds a number that is not finite"))
            }
            if let known = SchedulerKeys.all[key] {
                guard value == .null || known.takes(value) else {
                    guard known.isChoice, case .string(let name) = value else { throw Self.wrongType(key) }
                    throw SchedulerError(.unsupported(key: key, value: name.quotedForMessage, by: nil))
                }
            } else if !Self.otherKeys.contains(key), !key.hasPrefix("_"), !Self.relatives.contains(className) {
                throw SchedulerError(.unknownKey(key))
            }
        }
        self.className = className
        self.values = values
    }

    private static func wrongType(_ key: String) -> SchedulerError { SchedulerError(.malformed("\(key.quotedForMessage) is of the wrong type")) }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(values.merging([Self.classKey: .string(className)]) { $1 })
    }

    func error(_ problem: SchedulerError.Problem) -> SchedulerError { SchedulerError(file: origin.path, problem) }
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
