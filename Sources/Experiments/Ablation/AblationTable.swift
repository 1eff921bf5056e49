import Alignment
import Foundation
import Scoring

/// The comparison as Markdown.
extension AblationComparison {
    public var markdown: String {
        [protocolText, methodTable, gridTable, contrastTable, flipTable, sweepTable].filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n"
    }

    private var protocolText: String {
        let rates = plan.learningRates.map { String(format: "%g", $0) }.joined(separator: ", ")
        let betas = plan.betas.map { String(format: "%g", $0) }.joined(separator: ", ")
        return """
            Every method trains for \(plan.iterations) × \(plan.updates) updates of \(plan.batch) winners out of \(plan.winners), from \
            \(plan.seeds) seeds. Its learning rate (of \(rates)) and β (of \(betas)) are those of the highest mean quality over both \
            guidances on \(plan.sweepCaptions) captions of the tune split, from one more seed and as \
            many updates; a run that fails counts as 0. Scores are the oracle's on all held-out captions, one drawing each at every guidance, \
            averaged over training seeds. In brackets: 95 % intervals of the paired difference, by bootstrap over captions; they do not cover \
            the choice of training seeds, whose spread is given below. ° marks a learning rate at the edge of the sweep.
            """
    }

    private func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }

    private func table(_ head: [String], _ rows: [[String]]) -> String {
        ([row(head), "|" + String(repeating: "---|", count: head.count)] + rows.map(row)).joined(separator: "\n")
    }

    private func text(_ interval: Interval?) -> String {
        interval.map { String(format: "%+.3f [%+.3f, %+.3f]", $0.mean, $0.low, $0.high) } ?? "–"
    }

    private func scored(_ score: Score) -> String {
        String(format: "%.3f", score.mean) + (score.overBase == nil ? "" : " (\(text(score.overBase)))")
    }

    private func settingText(_ row: Row) -> [String] {
        [String(format: "%g", row.setting.learningRate) + (row.isAtEdge ? "°" : ""), row.setting.beta.map { String(format: "%g", $0) } ?? "–"]
    }

    private func span(_ values: [Double], _ format: String) -> String {
        guard let first = values.first, let last = values.last else { return "–" }
        return String(format: "\(format) → \(format)", first, last)
    }

    private var methodTable: String {
        let columns: [(String, Double)] = ["quality", "faithfulness"].flatMap { name in guidances.map { (name, $0) } }
        let head =
            ["method", "lr", "β"] + columns.map { "\($0.0), guidance \(String(format: "%g", $0.1))" }
            + ["winners' own error, first → last iteration", "share r_w > m_w, first → last"]
        let baseCells =
            ["base model", "–", "–"] + columns.map { column in scored(base.first { $0.name == column.0 && $0.guidance == column.1 }!) } + ["–", "–"]
        return table(
            head,
            [baseCells]
                + rows.map { row in
                    let failed = row.failures > 0 ? " (\(row.failures) of \(plan.seeds) runs failed)" : ""
                    return [row.method.title + failed] + settingText(row) + columns.map { scored(row.score($0.0, $0.1)) }
                        + [span(row.winnerErrors, "%.3f"), row.method.method == .sft ? "–" : span(row.flipShares, "%.2f")]
                })
    }

    private var gridTable: String {
        let flips = Flip.allCases
        let lines = ReferenceRule.allCases.map { reference in
            [reference.rawValue]
                + flips.map { flip in
                    guard let row = rows.first(where: { $0.method.id == AblationMethod.id(reference, flip) }) else { return "–" }
                    return guidances.map { text(row.score("quality", $0).overBase) }.joined(separator: " / ")
                }
        }
        let names = guidances.map { String(format: "%g", $0) }.joined(separator: " / ")
        return "Reference × flip: quality over the base model at guidance \(names)\n\n" + table(["reference"] + flips.map { "flip \($0.rawValue)" }, lines)
    }

    private var contrastTable: String {
        let head =
            ["method"]
            + guidances.flatMap { g in
                let name = String(format: "%g", g)
                return ["− SFT, guidance \(name)", "− SePPO, guidance \(name)", "training seeds, guidance \(name)"]
            }
        let lines = rows.map { row in
            [row.method.title]
                + guidances.flatMap { guidance in
                    let score = row.score("quality", guidance)
                    return [text(score.overSFT), text(score.overSePPO), score.seeds.map { String(format: "%.3f", $0) }.joined(separator: ", ")]
                }
        }
        return "Quality against SFT and against SePPO, and the training seeds one by one\n\n" + table(head, lines)
    }

    private var flipTable: String {
        guard let flip else { return "" }
        func share(_ interval: Interval) -> String { String(format: "%.3f [%.3f, %.3f]", interval.mean, interval.low, interval.high) }
        let lines = flip.map { check in
            let a = check.agreement
            return [
                check.criterion, check.score, share(a.positive), share(a.baseRate), share(a.precision), share(a.negativePrecision), share(a.auc),
                text(a.difference),
            ]
        }
        let head = [
            "r_w − m_w from", "oracle score", "share s = +1", "reference sample worse than the policy's, all", "the same where s = +1",
            "better where s = −1", "AUC", "reference sample's score, s = −1 minus s = +1",
        ]
        return """
            The flip against the oracle: \(flip[0].agreement.examples) examples of the SePPO runs, the policy θ_k against an earlier checkpoint, both \
            drawing the winner's caption from the same start noise. An AUC of 0.5 is a coin.


            """ + table(head, lines)
    }

    private var sweepTable: String {
        let settings = rows.first { $0.method.hasBeta }?.sweep.map(\.setting) ?? []
        let head =
            ["sweep: quality on the tune split"]
            + settings.map { String(format: "%g", $0.learningRate) + ", β " + String(format: "%g", $0.beta ?? 0) }
        return table(
            head,
            rows.map { row in
                [row.method.title]
                    + settings.map { setting in
                        let entry = row.sweep.first {
                            $0.setting.learningRate == setting.learningRate && ($0.setting.beta == nil || $0.setting.beta == setting.beta)
                        }
                        let mark = entry?.setting == row.setting ? "**" : ""
                        return entry.map { mark + String(format: "%.3f", $0.quality) + mark } ?? "–"
                    }
            })
    }
}
