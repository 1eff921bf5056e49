import Diffusion
import Foundation
import Winners

/// What a protocol found of a model and, with a base, of the difference between the two, with everything that the numbers depend on.
public struct ProtocolResult: Encodable, Sendable {
    /// How clips were drawn and brought to their size.
    public struct Setup: Encodable, Sendable {
        public var `protocol`: String
        public var frames: Int
        public var frameRule: String
        public var sampler: String
        public var steps: Int
        public var guidance: Double
        /// Of the drawn clips, before they were brought to the size below.
        public var drawnWidth: Int
        public var drawnHeight: Int
        public var resolution: Int
        public var filter: String
        public var preset: String
        public var ddof: Int

        public init(_ chosen: ClipProtocol, _ pipeline: Pipeline, _ preset: FVDPreset) throws {
            (`protocol`, frames, frameRule) = (chosen.name, chosen.rule.frames, chosen.rule.spacing.rawValue)
            sampler = try chosen.sampling.sampler?.rawValue ?? pipeline.scheduler.samplerName().rawValue
            (steps, guidance) = (chosen.sampling.steps, chosen.sampling.guidance)
            (drawnWidth, drawnHeight) = (chosen.width ?? pipeline.size.width, chosen.height ?? pipeline.size.height)
            (resolution, filter) = (chosen.side, ClipProtocol.filterText)
            (self.preset, ddof) = (preset.name, preset.ddof)
        }
    }

    /// Mean absolute difference of consecutive frames: see ``ClipMotion``.
    public struct Motion: Encodable, Sendable {
        public var model: Interval
        public var base: Interval?
        /// Model minus base, pair by pair.
        public var difference: Interval?
        public var references: Interval
        /// The model's over the references'; nil where those stand still.
        public var ratio: Double?
        public var floors: [String: Double]
    }

    /// Model minus base, pair by pair.
    public struct Difference: Encodable, Sendable {
        public var mean: Double
        public var low: Double
        public var high: Double
        /// The share of pairs in which the model is better; ties count half.
        public var winRate: Double
    }

    /// A column without a number.
    public struct NotMeasured: Encodable, Sendable, Equatable {
        public var metric: String
        public var reason: String

        public init(_ metric: String, _ reason: String) { (self.metric, self.reason) = (metric, reason) }
    }

    public var setup: Setup
    /// Pairs of clips.
    public var n: Int
    public var prompts: Int
    public var seeds: Int
    /// By their names, as `seppo score` has them.
    public var metrics: [String: MetricResult]
    public var base: [String: MetricResult]?
    /// Of metrics of pairs.
    public var difference: [String: Difference]?
    /// The references against themselves, changed.
    public var floors: [String: [String: MetricResult]]
    public var motion: Motion
    public var notMeasured: [NotMeasured]
    public var skipped: [Skip]
    /// What a reader of the numbers should know.
    public var notes: [String] = []

    /// One JSON object, names in snake_case.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }
}

extension ProtocolResult {
    /// The metrics of the paper's table of clips, and which way is better; the motion stands beside them.
    static let columns = [("fid", "↓"), ("fvd", "↓"), ("lpips", "↓"), ("ssim", "↑"), ("psnr", "↑")]
    /// Fewer pictures than features of FID's network give a covariance that says nothing.
    static let fewestPictures = 2048

    /// - Throws: ``MetricError`` where there are too few clips, ``ComparisonError`` for values that are not finite
    public init(
        _ setup: Setup, seeds: Int, _ model: MeasuredClips, base: MeasuredClips?, _ references: ClipProtocol.References, skipped: [Skip]
    ) throws {
        let results = try model.evaluation.results()
        let comparison = try Comparison(model.records, base: base?.records)
        let scores = comparison.results[0].scores
        let motion = scores["motion"]!
        let captions = model.records.map(\.caption)
        let groups = Dictionary(uniqueKeysWithValues: Set(captions).sorted().enumerated().map { ($1, $0) })
        let still = Bootstrap().mean(references.motions, groups: captions.map { groups[$0]! })
        self.setup = setup
        (n, prompts, self.seeds) = (model.motions.count, references.items.count, seeds)
        (metrics, self.base) = (results.byName, try base.map { try $0.evaluation.results().byName })
        difference =
            base == nil
            ? nil
            : Dictionary(
                uniqueKeysWithValues: scores.compactMap { name, score in
                    guard name != "motion", let change = score.difference, let rate = score.winRate else { return nil }
                    return (name, Difference(mean: change.mean, low: change.low, high: change.high, winRate: rate))
                })
        floors = try Dictionary(uniqueKeysWithValues: references.floors.map { ($0.key.rawValue, try $0.value.evaluation.results().byName) })
        self.motion = Motion(
            model: motion.interval, base: motion.base, difference: motion.difference, references: still,
            ratio: still.mean > 0 ? motion.mean / still.mean : nil,
            floors: Dictionary(uniqueKeysWithValues: references.floors.map { ($0.key.rawValue, $0.value.motion) }))
        self.skipped = skipped
        notMeasured = Self.notMeasured(results.map(\.metric), pictures: model.motions.count * setup.frames)
        notes = results.compactMap(\.note)
        if prompts < Comparison.fewestCaptions { notes.append("with \(prompts) prompts the intervals are too narrow to be believed") }
        if references.short > 0 {
            notes.append("reference clips of fewer than \(setup.frames) frames, of which some are seen several times: \(references.short)")
        }
    }

    private static func notMeasured(_ measured: [String], pictures: Int) -> [NotMeasured] {
        columns.map(\.0).filter { !measured.contains($0) }.map { name in
            guard name == "fid" else { return NotMeasured(name, "no file of its network's weights was given") }
            let few = pictures < fewestPictures ? ", and of fewer than \(fewestPictures) pictures, here \(pictures), none would be told" : ""
            return NotMeasured(name, "its network is not there yet" + few)
        }
    }
}

extension [MetricResult] {
    package var byName: [String: MetricResult] { Dictionary(uniqueKeysWithValues: map { ($0.metric, $0) }) }
}
