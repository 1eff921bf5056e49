import Foundation
import Winners

/// The scores of one image: what an evaluation yields before any statistics.
public struct ImageScores: Codable, Equatable, Sendable {
    public var caption: String
    public var seed: UInt64
    public var guidance: Double
    /// By score name, for example `quality` and `faithfulness`.
    public var scores: [String: Double]

    public init(caption: String, seed: UInt64, guidance: Double, scores: [String: Double]) {
        self.caption = caption
        self.seed = seed
        self.guidance = guidance
        self.scores = scores
    }
}

/// What `evaluation.json` holds and `seppo evaluate --json` prints: scores of a model and, with a base, the paired difference from it.
public struct Comparison: Codable, Equatable, Sendable {
    /// Images at each guidance.
    public var n: Int
    /// Different captions: the groups of the bootstrap.
    public var captions: Int
    /// Images a caption at each guidance, each with a seed of its own.
    public var seeds: Int
    /// One entry a guidance, ascending.
    public var results: [GuidanceResult]
    /// What of a data set could not be used, where one was measured.
    public var skipped: [Skip]?

    public init(n: Int, captions: Int, seeds: Int, results: [GuidanceResult]) {
        self.n = n
        self.captions = captions
        self.seeds = seeds
        self.results = results
    }

    /// The scores of all images drawn at one guidance.
    public struct GuidanceResult: Codable, Equatable, Sendable {
        public var guidance: Double
        public var scores: [String: ScoreSummary]

        public init(guidance: Double, scores: [String: ScoreSummary]) {
            self.guidance = guidance
            self.scores = scores
        }
    }

    /// Names of scores of which the smaller value is the better one: a win is then a fall. One list for statistics and report.
    public static let lowerIsBetter: Set<String> = ["denoising_error", "fid", "fvd", "kvd", "lpips"]

    /// Names of scores of which neither more nor less is better by itself: pairs have no winner.
    static let hasNoBetter: Set<String> = ["dynamic_degree"]

    /// With fewer captions than this the percentile interval is too narrow to be believed, and the report makes no claim from it.
    public static let fewestCaptions = 10

    /// The text of `evaluation.json`: keys sorted, so that equal comparisons are equal files.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }
}

/// Mean and interval of one score at one guidance; the last three only where there was a base to compare with.
public struct ScoreSummary: Codable, Equatable, Sendable {
    public var mean: Double
    public var low: Double
    public var high: Double
    /// The base model on the same captions and seeds.
    public var base: Interval?
    /// Paired: model minus base, image by image.
    public var difference: Interval?
    /// The share of images better than the base's image of the same caption and seed; ties count half.
    public var winRate: Double?

    private enum CodingKeys: String, CodingKey {
        case mean, low, high, base, difference
        case winRate = "win_rate"
    }

    public init(_ interval: Interval, base: Interval? = nil, difference: Interval? = nil, winRate: Double? = nil) {
        mean = interval.mean
        low = interval.low
        high = interval.high
        self.base = base
        self.difference = difference
        self.winRate = winRate
    }

    /// The model's own mean with its interval.
    public var interval: Interval { Interval(mean: mean, low: low, high: high) }
}

/// Why per-image records cannot be compared.
public enum ComparisonError: Error, Equatable, CustomStringConvertible {
    case noRecords
    case notFinite(score: String, caption: String, seed: UInt64, guidance: Double)
    case differentScores(caption: String, seed: UInt64, guidance: Double, expected: [String], found: [String])
    case repeated(caption: String, seed: UInt64, guidance: Double)
    case noPartner(caption: String, seed: UInt64, guidance: Double)
    case unequalGuidances([Double], counts: [Int])

    public var description: String {
        func image(_ caption: String, _ seed: UInt64, _ guidance: Double) -> String { "\"\(caption)\", seed \(seed), guidance \(guidance)" }
        switch self {
        case .noRecords:
            return "no image was scored: there is nothing to compare"
        case .notFinite(let score, let caption, let seed, let guidance):
            return "the \(score) of \(image(caption, seed, guidance)) is not a finite number: look at that image, the model may have diverged"
        case .differentScores(let caption, let seed, let guidance, let expected, let found):
            return "\(image(caption, seed, guidance)) has the scores \(found), others have \(expected): score every image in the same way"
        case .repeated(let caption, let seed, let guidance):
            return "\(image(caption, seed, guidance)) was scored twice: give each image of a caption its own seed"
        case .noPartner(let caption, let seed, let guidance):
            return "\(image(caption, seed, guidance)) is missing on one side: score model and base on the same captions, seeds and guidances"
        case .unequalGuidances(let guidances, let counts):
            return "the guidances \(guidances) have \(counts) images: draw the same captions and seeds at each"
        }
    }
}
