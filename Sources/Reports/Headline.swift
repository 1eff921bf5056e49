import Pages
import Scoring

/// The report's first screen: what happened, in plain words, from the intervals.
struct Headline {
    var report: Report

    /// About the first run.
    var sentence: String {
        guard let run = report.runs.first else { return "No run to report." }
        guard let comparison = run.comparison, !comparison.results.isEmpty else {
            let updates = run.log.updates.count
            guard updates > 0 else { return "\(run.name): nothing has been logged yet." }
            return "\(run.name) has made \(updates) update\(updates == 1 ? "" : "s"); it has not been evaluated yet."
        }
        return "After \(run.name), " + (Self.phrases(report.mainScores, in: comparison) ?? "nothing was scored") + "."
    }

    /// What the sentence rests on.
    var basis: HTML {
        guard let comparison = report.runs.first?.comparison, !comparison.results.isEmpty else {
            guard report.runs.contains(where: { !$0.log.updates.isEmpty }) else { return "The log holds no finished update." }
            return """
                The curves below show the training so far; only an evaluation on captions kept apart can say whether the \(report.drawings.rawValue) got \
                better.
                """
        }
        let seeds = comparison.seeds == 1 ? "one seed each" : "\(comparison.seeds) seeds each"
        let note = report.captionsNote.map { ", \($0)" } ?? ""
        return """
            Scored at every guidance on \(comparison.n) \(report.drawings.rawValue): \(comparison.captions) captions\(note), \(seeds). A change is the mean over pairs of \(report.drawings.rawValue) of \
            the same caption and seed, with its 95\u{202F}% interval over captions; it holds for this one training run, and another seed of training may differ.
            """
    }

    /// The first run's numbers, large.
    var tiles: HTML {
        let tiles = report.mainScores.flatMap { score in
            report.rows(score).filter { $0.style == 0 }.map { row -> HTML in
                let name = "\(score.asWords), guidance \(row.guidance.short)"
                guard let base = row.summary.base, let difference = row.summary.difference else {
                    return "<li><span class=\"tile-name\">\(name)</span><b>\(row.summary.mean.score)</b><span>\(row.summary.interval.rangeText)</span></li>"
                }
                let wins = row.summary.winRate.map { "better in \($0.percent) of pairs" } ?? ""
                return """
                    <li><span class="tile-name">\(name)</span><b>\(base.mean.score)<i> → </i>\(row.summary.mean.score)</b>\
                    <span>\(difference.mean.signedScore) <span class="quiet">(\(difference.rangeText))</span></span><span class="quiet">\(wins)</span></li>
                    """
            }
        }
        return tiles.isEmpty ? .nothing : "<ul class=\"tiles\">\(tiles)</ul>"
    }

    /// A sentence for each further run and each contrast.
    var others: HTML {
        let runs = report.runs.dropFirst().compactMap { run -> HTML? in
            guard let comparison = run.comparison, let phrases = Self.phrases(report.mainScores, in: comparison) else { return nil }
            return "<li>After <strong>\(run.name)</strong>, \(phrases).</li>"
        }
        let contrasts = report.contrasts.compactMap { contrast -> HTML? in
            let phrases = Self.phrases(report.mainScores, in: contrast.comparison, words: .between)
            return phrases.map { "<li><strong>\(contrast.run)</strong> beside <strong>\(contrast.against)</strong>: \($0).</li>" }
        }
        return runs.isEmpty && contrasts.isEmpty ? .nothing : "<ul class=\"others\">\(runs)\(contrasts)</ul>"
    }

    /// How trends are worded: in time, or between two runs.
    struct Words {
        var rose: String
        var fell: String
        var unclear: String

        static let inTime = Words(rose: "rose", fell: "fell", unclear: "shows no clear change")
        static let between = Words(rose: "is higher", fell: "is lower", unclear: "shows no clear difference")
    }

    /// "quality rose at guidance 1 and 3; faithfulness shows no clear change at guidance 1 and 3", or nothing without scores.
    static func phrases(_ scores: [String], in comparison: Comparison, words: Words = .inTime) -> String? {
        let phrases = scores.compactMap { score -> String? in
            let trends = comparison.results.compactMap { result in
                result.scores[score].map { (result.guidance, Trend($0, captions: comparison.captions)) }
            }
            return trends.isEmpty ? nil : score.asWords + " " + phrase(trends, words, captions: comparison.captions)
        }
        return phrases.isEmpty ? nil : phrases.joined(separator: "; ")
    }

    private static func phrase(_ trends: [(guidance: Double, trend: Trend)], _ words: Words, captions: Int) -> String {
        var grouped: [(trend: Trend, guidances: [String])] = []
        for (guidance, trend) in trends {
            if let position = grouped.firstIndex(where: { $0.trend == trend }) {
                grouped[position].guidances.append(guidance.short)
            } else {
                grouped.append((trend, [guidance.short]))
            }
        }
        return list(
            grouped.map { group in
                let at = " at guidance\u{A0}" + list(group.guidances)
                switch group.trend {
                case .rose: return words.rose + at
                case .fell: return words.fell + at
                case .unclear: return words.unclear + at
                case .tooFew: return "was scored on too few captions (\(captions)) to tell a change from chance"
                case .noBase: return "was scored without a base to compare with"
                }
            })
    }
}
