import Pages

/// A line chart as inline SVG, sized for the width of a phone so that its text is read at its own size there; wide pages put several side by side.
///
/// Colours are classes (`s0`, `s1`, …) that the page's style sheet fills in for light and dark; every series also has its own dash, for eyes and
/// printers that do not tell colours apart.
struct Chart: Sendable {
    struct Point: Equatable, Sendable {
        var x: Double
        var y: Double
    }

    /// A line through points; a value that cannot be drawn interrupts it.
    struct Line: Sendable {
        var name: String
        /// Which colour and dash.
        var style: Int
        var points: [Point]
        /// Behind the others: single updates under their running mean.
        var faint = false
        var markers = false
    }

    /// The area between two values at each x.
    struct Band: Sendable {
        var name: String
        /// A class of the style sheet.
        var style: String
        var points: [(x: Double, low: Double, high: Double)]
    }

    /// A level to compare with, across the whole chart.
    struct Rule: Sendable {
        var y: Double
        var label: String
        var style: Int?
        /// Drawn only where the data come near it.
        var onlyIfReached = false
    }

    var title: String
    var xLabel = "update"
    var yLabel: String
    var lines: [Line] = []
    var bands: [Band] = []
    var rules: [Rule] = []
    /// Faint vertical lines: where an iteration ends and its checkpoint joins the references.
    var marks: [Double] = []
    var yKind = ChartScale.Kind.linear
    var xKind = ChartScale.Kind.integers
    /// Values the vertical axis always shows.
    var include: [Double] = []
    /// The vertical axis ends exactly at the values (shares: 0 and 1).
    var exactY = false
    var percent = false
    /// Words instead of numbers under the horizontal axis.
    var xNames: [Double: String] = [:]

    static let width = 380.0
    static let height = 224.0
    private static let frame = (left: 46.0, right: 370.0, top: 22.0, bottom: 190.0)

    /// The picture, or a line of text where there is nothing to draw.
    var svg: HTML {
        let xs = lines.flatMap { $0.points.filter { $0.y.isFinite }.map(\.x) } + bands.flatMap { $0.points.map(\.x) }
        guard !xs.isEmpty else { return "<p class=\"empty\">Nothing was logged to draw here.</p>" }
        let x = ChartScale(xKind, showing: xs, pixels: (Self.frame.left, Self.frame.right), exact: xNames.isEmpty)
        let y = ChartScale(yKind, showing: shownValues, pixels: (Self.frame.bottom, Self.frame.top), exact: exactY)
        return """
            <svg viewBox="0 0 \(Self.width) \(Self.height)" role="img" aria-label="\(summary)">\
            \(grid(x, y))\(bands.map { area($0, x, y) })\(rules.map { rule($0, x, y, label: false) })\
            \(lines.filter(\.faint).map { path($0, x, y) })\(lines.filter { !$0.faint }.map { path($0, x, y) })\
            \(rules.map { rule($0, x, y, label: true) })\(tooltips(x, y))</svg>
            """
    }

    /// What the chart shows, for those who cannot see it.
    var summary: String {
        let ends = lines.filter { !$0.faint }.compactMap { line -> String? in
            let drawn = line.points.filter { $0.y.isFinite }
            guard let first = drawn.first, let last = drawn.last else { return nil }
            return "\(line.name) from \(text(first.y)) to \(text(last.y))"
        }
        return "\(title) by \(xLabel)" + (ends.isEmpty ? "" : ": ") + ends.joined(separator: "; ")
    }

    private var shownValues: [Double] {
        lines.flatMap { $0.points.map(\.y) } + bands.flatMap { $0.points.flatMap { [$0.low, $0.high] } } + include
            + rules.filter { !$0.onlyIfReached }.map(\.y)
    }

    private func text(_ value: Double) -> String { percent ? value.percent : value.short }

    private func grid(_ x: ChartScale, _ y: ChartScale) -> HTML {
        let (left, right, top, bottom) = Self.frame
        let vertical = marks.compactMap { x.contains($0) ? x.position($0) : nil }.map { at -> HTML in
            "<path class=\"mark\" d=\"M\(at) \(top)V\(bottom)\"/>"
        }
        let horizontal = y.ticks().compactMap { tick -> HTML? in
            y.position(tick).map {
                "<path class=\"tick\" d=\"M\(left) \($0)H\(right)\"/><text class=\"ytick\" x=\"\(left - 6)\" y=\"\($0 + 4)\">\(text(tick))</text>"
            }
        }
        let xTicks = xNames.isEmpty ? x.ticks(6).map { ($0, $0.short) } : xNames.sorted { $0.key < $1.key }.map { ($0, $1) }
        let below = xTicks.compactMap { tick, name -> HTML? in
            x.position(tick).map { "<text class=\"xtick\" x=\"\($0)\" y=\"\(bottom + 15)\">\(name)</text>" }
        }
        return """
            \(vertical)\(horizontal)<path class="axis" d="M\(left) \(bottom)H\(right)"/>\(below)\
            <text class="label" x="2" y="12">\(yLabel)\(yKind == .logarithmic ? " (log scale)" : "")</text>\
            <text class="label end" x="\(right)" y="\(bottom + 31)">\(xLabel)</text>
            """
    }

    private func path(_ line: Line, _ x: ChartScale, _ y: ChartScale) -> HTML {
        var path: HTML = ""
        var dots: HTML = ""
        for run in Self.runs(line.points.map { point in x.position(point.x).flatMap { at in y.position(point.y).map { (at, $0) } } }) {
            if run.count > 1 { path += "M\(run.map { "\($0.0) \($0.1) " as HTML })" }
            if run.count == 1 || line.markers { dots += "\(run.map { "<circle cx=\"\($0.0)\" cy=\"\($0.1)\" r=\"3\"/>" as HTML })" }
        }
        return "<g class=\"s\(line.style % 6)\(line.faint ? " faint" : "")\"><path class=\"line\" d=\"\(path)\"/>\(dots)</g>"
    }

    private func area(_ band: Band, _ x: ChartScale, _ y: ChartScale) -> HTML {
        let corners = band.points.map { point -> (x: Double, low: Double, high: Double)? in
            guard let at = x.position(point.x), let low = y.position(point.low), let high = y.position(point.high) else { return nil }
            return (at, low, high)
        }
        let areas = Self.runs(corners).map { run -> HTML in
            "M\(run.map { "\($0.x) \($0.high) " as HTML })\(run.reversed().map { "L\($0.x) \($0.low) " as HTML })Z"
        }
        return "<path class=\"band \(band.style)\" d=\"\(areas)\"/>"
    }

    private func rule(_ rule: Rule, _ x: ChartScale, _ y: ChartScale, label: Bool) -> HTML {
        guard y.contains(rule.y), let at = y.position(rule.y) else { return .nothing }
        let style = rule.style.map { "s\($0 % 6)" } ?? ""
        guard label else { return "<path class=\"rule \(style)\" d=\"M\(Self.frame.left) \(at)H\(Self.frame.right)\"/>" }
        let (baseline, onRight) = freestPlace(for: rule.label, at: at, x, y)
        let end = onRight ? Self.frame.right : Self.frame.left + 4
        return "<text class=\"rule-label\(onRight ? " end" : "")\" x=\"\(end)\" y=\"\(baseline)\">\(rule.label)</text>"
    }

    /// Above or below a rule, at its right or left end: where the fewest points of the lines are covered.
    private func freestPlace(for label: String, at level: Double, _ x: ChartScale, _ y: ChartScale) -> (baseline: Double, onRight: Bool) {
        let width = 6 * Double(label.count)
        let points = lines.flatMap(\.points).compactMap { point in x.position(point.x).flatMap { at in y.position(point.y).map { (x: at, y: $0) } } }
        let places = [(level - 4, true), (level - 4, false), (level + 13, true), (level + 13, false)].map { (baseline: $0.0, onRight: $0.1) }
        func covered(_ place: (baseline: Double, onRight: Bool)) -> Int {
            points.count { point in
                let inside = place.onRight ? point.x > Self.frame.right - width : point.x < Self.frame.left + width
                return inside && point.y > place.baseline - 12 && point.y < place.baseline + 3
            }
        }
        return places.filter { $0.baseline < Self.frame.bottom }.min { covered($0) < covered($1) } ?? places[0]
    }

    /// Invisible columns whose titles browsers show on hovering: at most 48, since a report has many charts.
    private func tooltips(_ x: ChartScale, _ y: ChartScale) -> HTML {
        let shown = lines.filter { !$0.faint }
        guard let longest = shown.max(by: { $0.points.count < $1.points.count }), !longest.points.isEmpty else { return .nothing }
        let count = min(48, longest.points.count)
        let step = (Self.frame.right - Self.frame.left) / Double(count)
        let columns = (0..<count).compactMap { column -> HTML? in
            let at = longest.points[count == 1 ? 0 : column * (longest.points.count - 1) / (count - 1)].x
            guard let middle = x.position(at) else { return nil }
            let values = shown.compactMap { line -> String? in
                guard let nearest = line.points.min(by: { abs($0.x - at) < abs($1.x - at) }), nearest.y.isFinite else { return nil }
                return "\(line.name): \(text(nearest.y))"
            }
            let title = ([xNames[at] ?? "\(xLabel) \(at.short)"] + values).joined(separator: "\n")
            let box: HTML = "x=\"\(middle - step / 2)\" y=\"\(Self.frame.top)\" width=\"\(step)\" height=\"\(Self.frame.bottom - Self.frame.top)\""
            return "<rect class=\"hover\" \(box)><title>\(title)</title></rect>"
        }
        return "\(columns)"
    }

    /// The stretches between gaps.
    private static func runs<Value>(_ values: [Value?]) -> [[Value]] {
        values.split(whereSeparator: { $0 == nil }).map { $0.map { $0! } }
    }
}
