import Foundation

extension ProtocolResult {
    /// The table for people: a row a model and a floor, a column a metric, intervals below the values, and below it what each number is.
    public var text: String {
        let names = Self.columns.map(\.0) + (metrics["kvd"] == nil ? [] : ["kvd"])
        let arrows = Dictionary(uniqueKeysWithValues: Self.columns + [("kvd", "↓")])
        var rows = [[""] + names.map { $0.uppercased() + " " + arrows[$0]! } + ["motion"]]
        func add(_ label: String, _ cell: (_ name: String) -> Cell?, _ motion: Cell?, signed: Bool = false) {
            let cells = names.map(cell) + [motion]
            rows.append([label] + cells.map { $0.map { Self.number($0.value, signed: signed) } ?? "–" })
            let ranges = cells.map { $0?.range ?? "" }
            if ranges.contains(where: { !$0.isEmpty }) { rows.append([""] + ranges) }
        }
        add("model", { metrics[$0].map(Cell.init) }, Cell(motion.model))
        if let base { add("base", { base[$0].map(Cell.init) }, motion.base.map(Cell.init)) }
        if let difference {
            let cell = { (name: String) in difference[name].map { Cell(value: $0.mean, low: $0.low, high: $0.high) } }
            add("model − base", cell, motion.difference.map(Cell.init), signed: true)
        }
        add("references", { _ in nil }, Cell(motion.references))
        for name in floors.keys.sorted() { add("  " + name, { floors[name]![$0].map(Cell.init) }, motion.floors[name].map { Cell(value: $0) }) }
        return ([heading] + Self.aligned(rows) + remarks).joined(separator: "\n")
    }

    private var heading: String {
        """
        \(setup.protocol): n \(n), \(prompts) prompts with \(seeds) \(seeds == 1 ? "seed" : "seeds") each, \(skipped.count) rows left out; \(setup.frames) frames, rule \(setup.frameRule)
        drawn at \(setup.drawnWidth) x \(setup.drawnHeight): sampler \(setup.sampler), \(setup.steps) steps, guidance \(String(format: "%g", setup.guidance))
        compared at \(setup.resolution) x \(setup.resolution): \(setup.filter); 95 % intervals by bootstrap over prompts
        """
    }

    /// What the numbers are, and why some are missing.
    private var remarks: [String] {
        let ratio = motion.ratio.map { String(format: "; the model's is %.3g of the references'", $0) } ?? ""
        return metrics.values.sorted { $0.metric < $1.metric }.map(\.text)
            + ["motion: mean absolute difference of consecutive frames, 255 levels being 1\(ratio). PSNR, SSIM and LPIPS reward clips that stand still"]
            + notMeasured.map { "\($0.metric): –, \($0.reason)" }
    }

    /// Rows of as many cells each, as lines with the cells of a column below one another.
    private static func aligned(_ rows: [[String]]) -> [String] {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max()! + 2 }
        return rows.map { row in
            let line = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined()
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }

    fileprivate static func number(_ value: Double, signed: Bool = false) -> String { String(format: signed ? "%+.4g" : "%.4g", value) }

    /// A number of the table, with its interval where it has one.
    fileprivate struct Cell {
        let value: Double
        var low: Double?
        var high: Double?

        var range: String? { low.flatMap { low in high.map { "[\(ProtocolResult.number(low)), \(ProtocolResult.number($0))]" } } }
    }
}

extension ProtocolResult.Cell {
    fileprivate init(_ result: MetricResult) { self.init(value: result.value, low: result.low, high: result.high) }
    fileprivate init(_ interval: Interval) { self.init(value: interval.mean, low: interval.low, high: interval.high) }
}
