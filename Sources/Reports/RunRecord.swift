import Alignment
import Foundation
import Media
import Scoring
import Storage

/// All that a report says of one run. Every part may be empty; the report then says what is missing.
public struct RunRecord: Sendable {
    /// What the run is called in legends and tables: its method, usually.
    public var name: String
    public var log: TrainingLog
    /// The aligned model against its base.
    public var comparison: Comparison?
    public var checkpointScores: [CheckpointScore]
    public var images: [ImagePair]
    /// Errors of the checkpoints on winners that were held out, and what the checkpoints drew.
    public var validations: [Validation]
    public var samples: [CheckpointSample]
    /// In the order of the configuration file.
    public var settings: [Fact]
    public var versions: [Fact]
    /// Seconds by stage, as text.
    public var times: [Fact]
    public var skippedFiles: [SkippedFile]
    /// Sentences on the data that a reader should know.
    public var notes: [String] = []

    public init(
        name: String, log: TrainingLog = TrainingLog(), comparison: Comparison? = nil, checkpointScores: [CheckpointScore] = [], images: [ImagePair] = [],
        validations: [Validation] = [], samples: [CheckpointSample] = [],
        settings: [Fact] = [], versions: [Fact] = [], times: [Fact] = [], skippedFiles: [SkippedFile] = []
    ) {
        self.name = name
        self.log = log
        self.comparison = comparison
        self.checkpointScores = checkpointScores
        self.images = images
        self.validations = validations
        self.samples = samples
        self.settings = settings
        self.versions = versions
        self.times = times
        self.skippedFiles = skippedFiles
    }

    /// Reads `log.jsonl`, `evaluation.json`, `scores.jsonl` (one ``CheckpointScore`` a line), validations and samples of a run directory, as far as
    /// they are there.
    /// - Throws: if `evaluation.json` is there but cannot be read.
    public init(name: String, directory: URL) throws {
        self.init(name: name)
        if let lines = try? Data(contentsOf: directory.appending(path: "log.jsonl")) { log = TrainingLog(jsonLines: lines) }
        let evaluation = directory.appending(path: "evaluation.json")
        if FileManager.default.fileExists(atPath: evaluation.path) {
            comparison = try JSONDecoder().decode(Comparison.self, from: Data(contentsOf: evaluation))
        }
        let run = RunDirectory(directory)
        validations = run.validations
        samples = Self.spread(validations.map(\.k), most: 8).flatMap { k in
            Sample.all(in: run.samples(k)).map {
                CheckpointSample(k: k, caption: $0.sample.text, seed: $0.sample.seed, picture: $0.gif ?? Self.thumbnail($0.png))
            }
        }
        if let lines = try? Data(contentsOf: directory.appending(path: "scores.jsonl")) {
            checkpointScores = JSONLinesReader(lines).compactMap { try? $0.decoded(CheckpointScore.self) }
        }
    }

    /// Whether the final comparison and the report of a run are there.
    public static func isReported(_ run: RunDirectory) -> Bool {
        guard let data = try? Data(contentsOf: run.evaluation), (try? JSONDecoder().decode(Comparison.self, from: data)) != nil else { return false }
        let size = (try? FileManager.default.attributesOfItem(atPath: run.report.path))?[.size] as? Int
        return size ?? 0 > 0
    }

    /// At most so many of the elements: the first, the last and some between.
    static func spread<Element>(_ all: [Element], most: Int) -> [Element] {
        guard all.count > most else { return all }
        return (0..<most).map { all[$0 * (all.count - 1) / (most - 1)] }
    }

    /// A report is one file: a large image is made small.
    private static func thumbnail(_ png: Data, side: Int = 192) -> Data {
        guard let width = PNGHeader(png)?.width, width > side, let image = try? RGBImage(data: Array(png)), let small = try? image.resized(shorterSide: side),
            let bytes = try? small.encodedPNG()
        else { return png }
        return Data(bytes)
    }

    /// An image that a checkpoint drew.
    public struct CheckpointSample: Equatable, Sendable {
        public var k: Int
        public var caption: String
        public var seed: UInt64
        /// A PNG file, or of a clip an animated GIF, whole.
        public var picture: Data

        public init(k: Int, caption: String, seed: UInt64, picture: Data) {
            (self.k, self.caption, self.seed, self.picture) = (k, caption, seed, picture)
        }
    }

    /// A name and a value of the report's tables.
    public struct Fact: Codable, Equatable, Sendable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// An input that could not be used.
    public struct SkippedFile: Codable, Equatable, Sendable {
        public var file: String
        public var reason: String

        public init(file: String, reason: String) {
            self.file = file
            self.reason = reason
        }
    }

    /// The mean of one score over the images of one checkpoint; k = 0 is the base.
    public struct CheckpointScore: Codable, Equatable, Sendable {
        public var k: Int
        public var guidance: Double
        public var score: String
        public var mean: Double
        public var low: Double
        public var high: Double

        public init(k: Int, guidance: Double, score: String, _ interval: Interval) {
            self.k = k
            self.guidance = guidance
            self.score = score
            mean = interval.mean
            low = interval.low
            high = interval.high
        }
    }

    /// The base's and the aligned model's image of one caption, seed and guidance.
    public struct ImagePair: Sendable {
        public var caption: String
        public var seed: UInt64
        public var guidance: Double
        /// PNG files, whole.
        public var before: Data
        public var after: Data
        public var scoresBefore: [String: Double]
        public var scoresAfter: [String: Double]

        public init(
            caption: String, seed: UInt64, guidance: Double, before: Data, after: Data,
            scoresBefore: [String: Double] = [:], scoresAfter: [String: Double] = [:]
        ) {
            self.caption = caption
            self.seed = seed
            self.guidance = guidance
            self.before = before
            self.after = after
            self.scoresBefore = scoresBefore
            self.scoresAfter = scoresAfter
        }

        var key: ImageKey { ImageKey(caption: caption, seed: seed, guidance: guidance) }
    }
}
