import Pages

/// Paired differences with their intervals, one picture a score: every run at every guidance, then the contrasts between runs.
enum ForestPlot {
    private static let rowHeight = 22.0
    private static let plot = (left: 96.0, right: 300.0)

    static let note: HTML = """
        Dot: mean paired difference; bar: its 95\u{202F}% interval, resampled by caption. A full dot’s interval is clear of zero; a hollow one shows no \
        clear change. The intervals are not widened for the number of comparisons: of twenty true zeros one may look clear.
        """

    static func svg(_ score: String, _ rows: [ScoreRow]) -> HTML {
        let differences = rows.compactMap(\.summary.difference)
        let values: [Double] = differences.flatMap { [$0.mean, $0.low, $0.high] } + [0]
        let x = ChartScale(.linear, showing: values, pixels: (plot.left, plot.right))
        var body: HTML = ""
        var y = 6.0
        var group: String?
        for row in rows {
            if row.name != group {
                group = row.name
                y += rowHeight
                body += "<text class=\"group\" x=\"0\" y=\"\(y)\">\(row.name)</text>"
            }
            y += rowHeight
            body += mark(row, x, at: y - 4)
        }
        let bottom = y + 8
        let ticks = x.ticks(4).compactMap { tick -> HTML? in
            x.position(tick).map {
                """
                <path class="\(tick == 0 ? "zero" : "tick")" d="M\($0) 8V\(bottom)"/>\
                <text class="xtick" x="\($0)" y="\(bottom + 15)">\(tick.short)</text>
                """
            }
        }
        return """
            <svg viewBox="0 0 \(Chart.width) \(bottom + 22)" role="img" aria-label="\(summary(score, rows))">\(ticks)\
            <path class="axis" d="M\(plot.left) \(bottom)H\(plot.right)"/>\(body)</svg>
            """
    }

    private static func mark(_ row: ScoreRow, _ x: ChartScale, at y: Double) -> HTML {
        let label: HTML = "<text class=\"label\" x=\"8\" y=\"\(y + 4)\">guidance \(row.guidance.short)</text>"
        guard let difference = row.summary.difference, let middle = x.position(difference.mean) else { return label }
        let bar: HTML =
            x.position(difference.low).flatMap { low in
                x.position(difference.high).map { "<path class=\"interval\" d=\"M\(low) \(y)H\($0)M\(low) \(y - 4)v8M\($0) \(y - 4)v8\"/>" }
            } ?? .nothing
        let full = row.trend == .rose || row.trend == .fell
        return """
            \(label)<g class="\(row.style.map { "s\($0 % 6)" } ?? "contrast")">\(bar)\
            <circle class="\(full ? "full" : "hollow")" cx="\(middle)" cy="\(y)" r="4.5"/>\
            <title>\(row.name), guidance \(row.guidance.short): \(difference.mean.signedScore) (\(difference.rangeText))</title></g>\
            <text class="value end" x="\(Chart.width - 2)" y="\(y + 4)">\(difference.mean.signedScore)</text>
            """
    }

    private static func summary(_ score: String, _ rows: [ScoreRow]) -> String {
        let parts = rows.compactMap { row in
            row.summary.difference.map { "\(row.name) at guidance \(row.guidance.short) \($0.mean.signedScore), interval \($0.rangeText)" }
        }
        return "Change in \(score.asWords): " + parts.joined(separator: "; ")
    }
}
