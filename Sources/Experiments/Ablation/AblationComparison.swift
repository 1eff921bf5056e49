import Foundation
import Scoring

/// What the ablation found, ready to be printed: everything is computed from the results of its jobs.
public struct AblationComparison: Codable, Sendable, Equatable {
    public var plan: AblationPlan
    public var guidances: [Double]
    /// The base model on the held-out captions.
    public var base: [Score]
    public var rows: [Row]
    /// One draw of (t, ε), then the mean of several; nil where it was not measured.
    public var flip: [FlipCheck]?

    /// A score at a guidance.
    public struct Score: Codable, Sendable, Equatable {
        public var name: String
        public var guidance: Double
        public var mean: Double
        /// The means of the single training seeds.
        public var seeds: [Double]
        /// Paired by caption, after the mean over training seeds.
        public var overBase: Interval?
        public var overSFT: Interval?
        public var overSePPO: Interval?
    }

    public struct Row: Codable, Sendable, Equatable {
        public var method: AblationMethod
        public var setting: AblationSetting
        /// Whether a learning rate outside the grid might have been better still: the one chosen is the lowest or the highest.
        public var isAtEdge: Bool
        public var sweep: [SweepEntry]
        public var scores: [Score]
        /// Means over training seeds by iteration.
        public var winnerErrors: [Double]
        public var flipShares: [Double]
        /// Training seeds whose run or images were not finite; they count with scores of 0.
        public var failures: Int

        public func score(_ name: String, _ guidance: Double) -> Score { scores.first { $0.name == name && $0.guidance == guidance }! }
    }

    public struct SweepEntry: Codable, Sendable, Equatable {
        public var setting: AblationSetting
        /// Mean quality on captions of the tune split over both guidances; 0 for a run that failed.
        public var quality: Double
    }

    public struct FlipCheck: Codable, Sendable, Equatable {
        public var criterion: String
        public var score: String
        public var agreement: FlipAgreement
    }

    /// - Parameters:
    ///   - sweep: results on the tune split
    ///   - finals: results on the held-out captions, that of the base model among them
    public init(_ plan: AblationPlan, sweep: [AblationResult], finals: [AblationResult], bootstrap: Bootstrap = Bootstrap()) {
        self.plan = plan
        let baseResult = finals.first { $0.job.method == nil }!
        let guidances = Set(baseResult.records.map(\.guidance)).sorted()
        self.guidances = guidances
        let byMethod = Dictionary(grouping: finals) { $0.job.method?.id ?? "base" }.mapValues { $0.sorted { $0.job.seed < $1.job.seed } }
        let captions = Array(Set(baseResult.records.map(\.caption))).sorted()
        let values = byMethod.mapValues { CaptionMeans($0, captions: captions) }
        let best = AblationChoice.best(sweep)
        func scores(_ id: String) -> [Score] {
            ["quality", "faithfulness"].flatMap { name in
                guidances.map { guidance in
                    let own = values[id]!.means(name, guidance)
                    func over(_ other: String) -> Interval? {
                        guard other != id, let others = values[other] else { return nil }
                        return bootstrap.difference(own, others.means(name, guidance), groups: Array(own.indices))
                    }
                    return Score(
                        name: name, guidance: guidance, mean: own.reduce(0, +) / Double(own.count),
                        seeds: byMethod[id]!.map { $0.mean(name, guidance: guidance) }, overBase: over("base"), overSFT: over("sft"), overSePPO: over("seppo"))
                }
            }
        }
        base = scores("base")
        rows = plan.methods.compactMap { method in
            guard let results = byMethod[method.id], let setting = best[method.id] else { return nil }
            return Row(
                method: method, setting: setting, isAtEdge: AblationChoice.isAtEdge(setting, plan),
                sweep: sweep.filter { $0.job.method?.id == method.id }.map { SweepEntry(setting: $0.job.setting!, quality: $0.mean("quality")) },
                scores: scores(method.id), winnerErrors: Self.columnMeans(results.map(\.winnerErrors)), flipShares: Self.columnMeans(results.map(\.flipShares)),
                failures: results.filter { $0.failure != nil }.count)
        }
        flip = Self.flipChecks(finals)
    }

    private static func columnMeans(_ rows: [[Double]]) -> [Double] {
        (0..<(rows.map(\.count).min() ?? 0)).map { column in rows.reduce(0) { $0 + $1[column] } / Double(rows.count) }
    }

    private static func flipChecks(_ finals: [AblationResult]) -> [FlipCheck]? {
        let examples = finals.compactMap(\.flip).flatMap { $0 }
        guard !examples.isEmpty else { return nil }
        let groupOf = Dictionary(uniqueKeysWithValues: Set(examples.map(\.caption)).sorted().enumerated().map { ($1, $0) })
        let groups = examples.map { groupOf[$0.caption]! }
        let criteria: [(String, (FlipPrecision.Example) -> Double)] = [
            ("one draw (the method's)", \.advantage), ("mean of \(FlipPrecision().extraDraws + 1) draws", \.averagedAdvantage),
        ]
        let scores: [(String, (SceneScore) -> Double)] = [("quality", \.quality), ("faithfulness", \.faithfulness)]
        return criteria.flatMap { criterion, advantage in
            scores.map { name, score in
                FlipCheck(
                    criterion: criterion, score: name,
                    agreement: FlipAgreement(
                        advantages: examples.map(advantage), reference: examples.map { score($0.referenceScore) },
                        policy: examples.map { score($0.policyScore) }, groups: groups))
            }
        }
    }
}

/// Scores by caption, averaged over training seeds.
private struct CaptionMeans {
    private let sums: [String: [String: Double]]
    private let runs: Int
    private let captions: [String]

    init(_ results: [AblationResult], captions: [String]) {
        var sums: [String: [String: Double]] = [:]
        for record in results.flatMap(\.records) {
            for (name, value) in record.scores { sums["\(name) \(record.guidance)", default: [:]][record.caption, default: 0] += value }
        }
        self.sums = sums
        self.captions = captions
        runs = results.count
    }

    /// In the order of the captions. A run without images adds nothing: it counts as 0.
    func means(_ name: String, _ guidance: Double) -> [Double] {
        let sums = sums["\(name) \(guidance)"] ?? [:]
        return captions.map { (sums[$0] ?? 0) / Double(runs) }
    }
}

/// The choice of a setting from a sweep.
public enum AblationChoice {
    /// The setting of the highest mean quality over captions and guidances for each method, by id. A run that failed has quality 0; of equals the
    /// gentler wins: the lower learning rate, then the larger beta.
    public static func best(_ sweep: [AblationResult]) -> [String: AblationSetting] {
        let byMethod = Dictionary(grouping: sweep.filter { $0.job.method != nil }) { $0.job.method!.id }
        return byMethod.compactMapValues { results in
            results.max { a, b in
                let (x, y) = (a.job.setting!, b.job.setting!)
                return (a.mean("quality"), -x.learningRate, x.beta ?? 0) < (b.mean("quality"), -y.learningRate, y.beta ?? 0)
            }?.job.setting
        }
    }

    static func isAtEdge(_ setting: AblationSetting, _ plan: AblationPlan) -> Bool {
        setting.learningRate == plan.learningRates.min() || setting.learningRate == plan.learningRates.max()
    }
}
