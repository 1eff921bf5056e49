import Pages

/// One score before and after, with paired intervals and win rates: the numbers behind the picture above it.
enum ScoreTable {
    /// How the tables' columns are meant, said once for all of them.
    static func note(contrasts: Bool) -> HTML {
        let contrast: HTML = contrasts ? " Under a heading such as A\u{202F}\u{2212}\u{202F}B, “before” is B and “after” is A." : .nothing
        return """
            Before is the base model, after the aligned one, on the same captions and seeds. Wins: the share of pairs in which the one after is the \
            better one; a tie counts half.\(contrast)
            """
    }

    static func table(_ score: String, _ rows: [ScoreRow]) -> HTML {
        var names: [String] = []
        for row in rows where !names.contains(row.name) { names.append(row.name) }
        let groups = names.map { name -> HTML in
            let own = rows.filter { $0.name == name }
            let swatch: HTML = own[0].style.map { "<span class=\"swatch s\($0 % 6)\"></span>" } ?? .nothing
            return "<tbody><tr class=\"group\"><th colspan=\"5\" scope=\"rowgroup\">\(swatch)\(name)</th></tr>\(own.map(line))</tbody>"
        }
        return """
            <div class="scroll" tabindex="0" role="region" aria-label="\(score.asWords) before and after"><table class="scores"><thead><tr>\
            <th scope="col">Guidance</th><th scope="col">Before</th><th scope="col">After</th><th scope="col">Change, 95\u{202F}% interval</th>\
            <th scope="col">Wins</th></tr></thead>\(groups)</table></div>
            """
    }

    private static func line(_ row: ScoreRow) -> HTML {
        let summary = row.summary
        let change: HTML = summary.difference.map { "<b>\($0.mean.signedScore)</b> <span class=\"quiet\">\($0.rangeText)</span>\(verdict(row))" } ?? "–"
        return """
            <tr><th scope="row">\(row.guidance.short)</th><td>\(summary.base?.mean.score ?? "–")</td><td>\(summary.mean.score)</td>\
            <td>\(change)</td><td>\(summary.winRate?.percent ?? "–")</td></tr>
            """
    }

    private static func verdict(_ row: ScoreRow) -> HTML {
        switch row.trend {
        case .unclear: return " <em>no clear \(row.style == nil ? "difference" : "change")</em>"
        case .tooFew: return " <em>too few captions</em>"
        case .rose, .fell, .noBase: return .nothing
        }
    }
}
