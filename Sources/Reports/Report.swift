import Foundation
import Pages
import Scoring
import Storage

/// The report of one run, or of several side by side, as one self-contained HTML file: no script, nothing loaded, readable offline and on a phone.
///
/// Its sentences are made from the numbers and claim no more than the 95 % intervals allow.
public struct Report: Sendable {
    public var title: String
    /// The first run is the one the headline speaks of; the others stand beside it.
    public var runs: [RunRecord]
    /// Direct paired comparisons between two runs, for example SePPO with SFT in the base's place.
    public var contrasts: [Contrast]
    /// Where the evaluation's captions come from, to follow "244 captions": "none of them in the training data", say.
    public var captionsNote: String?
    public var drawings: Drawings

    /// What the models draw.
    public enum Drawings: String, Sendable {
        case images
        case clips

        var one: String { String(rawValue.dropLast()) }
    }

    public init(
        title: String = "Alignment report", runs: [RunRecord], contrasts: [Contrast] = [], captionsNote: String? = nil, drawings: Drawings = .images
    ) {
        self.title = title
        self.runs = runs
        self.contrasts = contrasts
        self.captionsNote = captionsNote
        self.drawings = drawings
    }

    /// One run's images scored against another run's images of the same captions and seeds.
    public struct Contrast: Sendable {
        public var run: String
        public var against: String
        /// With the other run as its base.
        public var comparison: Comparison

        public init(run: String, against: String, comparison: Comparison) {
            self.run = run
            self.against = against
            self.comparison = comparison
        }
    }

    /// The whole page.
    public func html() -> String {
        let sections = [
            header, section("alarms", "Alarms", alarms), section("images", "Before and after", imageGrid), section("scores", "Scores", scores),
            section("samples", "Samples on the way", sampleGrids),
            section("training", "During training", TrainingCurves(runs: runs).figures), section("run", runs.count == 1 ? "The run" : "The runs", facts),
        ]
        return Page(title: title, body: "\(sections.compactMap { $0 })\(footer)").html.text
    }

    /// Writes the page whole or not at all.
    public func write(to file: URL) throws {
        try writeAtomically(Data(html().utf8), to: file)
    }

    private var header: HTML {
        let headline = Headline(report: self)
        return """
            <header><p class="kicker">\(title)</p><h1>\(headline.sentence)</h1>\
            <p class="lead">\(headline.basis)</p>\(headline.tiles)\(headline.others)</header>
            """
    }

    private func section(_ id: String, _ heading: String, _ content: HTML?) -> HTML? {
        content.map { "<section id=\"\(id)\" aria-labelledby=\"\(id)-heading\"><h2 id=\"\(id)-heading\">\(heading)</h2>\($0)</section>" }
    }

    private var alarms: HTML? {
        let items = runs.flatMap { run in
            run.log.alarms.map { alarm -> HTML in
                let times = alarm.count == 1 ? "at update \(alarm.first)" : "first at update \(alarm.first), \(alarm.count) times in all"
                return "<li><strong>\(run.name)</strong>: \(alarm.text) (\(times))</li>"
            }
        }
        return items.isEmpty ? nil : "<ul class=\"alarms\">\(items)</ul>"
    }

    /// For each score its picture and its numbers, then the scores of the checkpoints along the way.
    private var scores: HTML? {
        let panels = scoreNames.map { score -> HTML in
            let rows = rows(score) + contrastRows(score)
            let compared = rows.filter { $0.summary.difference != nil }
            let better = Comparison.lowerIsBetter.contains(score) ? " (lower is better)" : ""
            let heading = compared.isEmpty ? "\(score.asWords.capitalizedFirst)\(better)" : "Change in \(score.asWords)\(better)"
            let picture: HTML = compared.isEmpty ? .nothing : ForestPlot.svg(score, compared)
            return "<div class=\"chart\"><h3>\(heading)</h3>\(picture)\(ScoreTable.table(score, rows))</div>"
        }
        let checkpoints = CheckpointCurves(runs: runs).html
        guard !panels.isEmpty else { return checkpoints }
        return """
            <div class="charts wide">\(panels)</div>\
            <p class="note">\(ForestPlot.note)</p><p class="note">\(ScoreTable.note(contrasts: !contrasts.isEmpty))</p>\(checkpoints ?? .nothing)
            """
    }

    private var footer: HTML {
        """
        <footer class="note">The method: <em>SePPO: Semi-Policy Preference Optimization for Diffusion Alignment</em>, \
        <a href="https://arxiv.org/abs/2410.05255">arXiv 2410.05255</a>; its second version calls it SSPO. This is an independent implementation.</footer>
        """
    }
}
