import Alignment
import Foundation
import Pages

extension Report {
    /// What the runs cost, their settings, versions, and what was left out.
    var facts: HTML? {
        let cost = table("Time and memory", runs.map { Self.cost(of: $0.log) + $0.times }, markDifferences: false)
        let settings = table("Settings", runs.map(\.settings))
        let versions = table("Versions", runs.map(\.versions))
        let facts: HTML = "\(cost)\(settings)\(versions)\(notes)\(leftOut)"
        return facts.text.isEmpty ? nil : "<div class=\"facts\(runs.count > 1 ? " several" : "")\">\(cost)\(settings)\(versions)</div>\(notes)\(leftOut)"
    }

    private static func cost(of log: TrainingLog) -> [RunRecord.Fact] {
        let updates = log.updates
        guard let last = updates.last else { return [] }
        func total(_ value: (LoggedUpdate) -> Double?) -> Double? {
            let known = updates.compactMap(value).filter(\.isFinite)
            return known.isEmpty ? nil : known.reduce(0, +)
        }
        let rates = updates.compactMap(\.examplesPerSecond).filter(\.isFinite).sorted()
        let peak = updates.compactMap(\.peakMegabytes).filter(\.isFinite).max()
        let facts: [(String, String?)] = [
            ("updates", "\(updates.count)"), ("examples", last.examples.map(String.init)),
            ("drawing reference samples", total(\.sampleSeconds)?.seconds), ("updating", total(\.updateSeconds)?.seconds),
            ("examples a second (median)", rates.isEmpty ? nil : rates[rates.count / 2].short), ("peak memory", peak.map { "\($0.short) MB" }),
            ("updates skipped (not finite)", "\(log.skippedUpdates)"),
            ("unreadable log lines", log.unreadableLines == 0 ? nil : "\(log.unreadableLines)"),
        ]
        return facts.compactMap { name, value in value.map { RunRecord.Fact(name, $0) } }
    }

    /// One column a run; rows in which the runs differ stand out, if asked for.
    private func table(_ caption: String, _ facts: [[RunRecord.Fact]], markDifferences: Bool = true) -> HTML {
        var names: [String] = []
        for fact in facts.joined() where !names.contains(fact.name) { names.append(fact.name) }
        guard !names.isEmpty else { return .nothing }
        let head: HTML =
            runs.count == 1 ? .nothing : "<thead><tr><td></td>\(runs.map { "<th scope=\"col\">\($0.name)</th>" as HTML })</tr></thead>"
        let rows = names.map { name -> HTML in
            let values = facts.map { column in column.first { $0.name == name }?.value }
            let differs: HTML = markDifferences && Set(values).count > 1 ? " class=\"differs\"" : .nothing
            return "<tr\(differs)><th scope=\"row\">\(name.asWords)</th>\(values.map { "<td>\($0 ?? "–")</td>" as HTML })</tr>"
        }
        return """
            <div class="scroll" tabindex="0" role="region" aria-label="\(caption)">\
            <table><caption><h3>\(caption)</h3></caption>\(head)<tbody>\(rows)</tbody></table></div>
            """
    }

    private var notes: HTML {
        let items = runs.flatMap { run in run.notes.map { "<li><strong>\(run.name)</strong>: \($0)</li>" as HTML } }
        return items.isEmpty ? .nothing : "<ul>\(items)</ul>"
    }

    private var leftOut: HTML {
        let lists = runs.filter { !$0.skippedFiles.isEmpty }.map { run -> HTML in
            // A folder of a million bad files must not make a report of a million lines.
            let shown = run.skippedFiles.prefix(50).map { "<li><code>\($0.file)</code>: \($0.reason)</li>" as HTML }
            let rest = run.skippedFiles.count - shown.count
            let more: HTML = rest > 0 ? "<li>and \(rest) more</li>" : .nothing
            let count = run.skippedFiles.count == 1 ? "1 file" : "\(run.skippedFiles.count) files"
            return "<details><summary>\(run.name): \(count) skipped</summary><ul>\(shown)\(more)</ul></details>"
        }
        return lists.isEmpty ? .nothing : "<h3>Left out</h3>\(lists)"
    }
}
