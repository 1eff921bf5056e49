import Scoring

/// One line of the score table and of the forest plot.
struct ScoreRow: Sendable {
    /// The run, or "SePPO − SFT" for a contrast.
    var name: String
    /// Colour and dash, as in the curves; none for a contrast.
    var style: Int?
    var guidance: Double
    var captions: Int
    var summary: ScoreSummary
    var lowerIsBetter: Bool

    var trend: Trend { Trend(summary, captions: captions) }
}

/// What may be said of a difference.
enum Trend: Equatable, Sendable {
    case rose, fell, unclear
    /// Too few captions for an interval that can be believed.
    case tooFew
    /// There was nothing to compare with.
    case noBase

    init(_ summary: ScoreSummary, captions: Int) {
        guard let difference = summary.difference else {
            self = .noBase
            return
        }
        guard captions >= Comparison.fewestCaptions else {
            self = .tooFew
            return
        }
        self = difference.low > 0 ? .rose : difference.high < 0 ? .fell : .unclear
    }
}

extension Report {
    /// Every score's name.
    var scoreNames: [String] {
        let comparisons = runs.compactMap(\.comparison) + contrasts.map(\.comparison)
        return Set(comparisons.flatMap(\.results).flatMap(\.scores.keys)).inReadingOrder
    }

    /// Those that the first screen and the pictures' captions speak of: where one sums up the others, it and what may not be lost for it.
    var mainScores: [String] {
        scoreNames.contains("composite") ? Self.summed.filter(scoreNames.contains) : scoreNames
    }

    static let summed = ["composite", "motion", "dynamic_degree"]

    /// The runs' rows of one score.
    func rows(_ score: String) -> [ScoreRow] {
        runs.enumerated().flatMap { index, run in Self.rows(score, of: run.comparison, name: run.name, style: index) }
    }

    /// The rows of one score that compare two runs.
    func contrastRows(_ score: String) -> [ScoreRow] {
        contrasts.flatMap { Self.rows(score, of: $0.comparison, name: "\($0.run) \u{2212} \($0.against)", style: nil) }
    }

    private static func rows(_ score: String, of comparison: Comparison?, name: String, style: Int?) -> [ScoreRow] {
        (comparison?.results ?? []).compactMap { result in
            result.scores[score].map {
                ScoreRow(
                    name: name, style: style, guidance: result.guidance, captions: comparison?.captions ?? 0, summary: $0,
                    lowerIsBetter: Comparison.lowerIsBetter.contains(score))
            }
        }
    }
}

extension Set<String> {
    /// Names of scores as reports order them: what sums up first, then by alphabet.
    var inReadingOrder: [String] {
        let first = ["composite", "quality", "faithfulness"]
        return first.filter(contains) + subtracting(first).sorted()
    }
}
