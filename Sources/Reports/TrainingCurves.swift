import Alignment
import Foundation
import Pages

/// The curves of the runs' logs. Curves that every method has are drawn together; those that only make sense alone get one picture a run.
struct TrainingCurves {
    var runs: [RunRecord]

    /// All figures with their reading notes, or a sentence where nothing was logged.
    var figures: HTML {
        guard runs.contains(where: { !$0.log.updates.isEmpty }) else {
            return "<p class=\"empty\">The log is empty: no update has been finished yet.</p>"
        }
        let together = [loss, winnerError, winnerErrorRatio, heldOutError, accuracy, gradientNorm].compactMap { $0 }
        let alone = runs.indices.flatMap { [margin($0), flips($0)] }.compactMap { $0 }
        let window = runs.map { Series.window($0.log.updates.count) }.max() ?? 1
        let smoothing: HTML = window == 1 ? .nothing : "Faint lines are single updates, strong ones running means of \(window). "
        return """
            <p class="note">\(smoothing)Faint vertical lines: a new iteration, whose checkpoint joins the references.</p>\
            <div class="charts">\(together.map(\.html))\(alone.map(\.html))\(flipDetails.map(\.html))</div>
            """
    }

    private var marks: [Double] { runs.max { $0.log.updates.count < $1.log.updates.count }?.log.iterationStarts ?? [] }

    /// Every run's single updates behind its running mean.
    private func lines(_ value: (LoggedUpdate) -> Double?, where included: (RunRecord) -> Bool = { _ in true }) -> [Chart.Line] {
        runs.enumerated().filter { included($0.element) }.flatMap { index, run -> [Chart.Line] in
            let smooth = run.log.smooth(value)
            guard !smooth.isEmpty else { return [] }
            let strong = Chart.Line(name: run.name, style: index, points: smooth)
            guard Series.window(run.log.updates.count) > 1 else { return [strong] }
            return [Chart.Line(name: run.name, style: index, points: Series.thinned(run.log.points(value)), faint: true), strong]
        }
    }

    private func chart(_ title: String, _ yLabel: String, _ lines: [Chart.Line]) -> Chart {
        Chart(title: title, yLabel: yLabel, lines: lines, marks: marks, yKind: ChartScale.kind(for: lines.flatMap { $0.points.map(\.y) }))
    }

    private func shares(_ title: String, _ yLabel: String, _ lines: [Chart.Line] = []) -> Chart {
        Chart(title: title, yLabel: yLabel, lines: lines, include: [0, 1], exactY: true, percent: true)
    }

    private var loss: AnnotatedChart? {
        let lines = lines(\.loss, where: \.log.comparesPairs)
        guard !lines.isEmpty else { return nil }
        var chart = chart("Loss", "−log σ(margin)", lines)
        chart.rules = [Chart.Rule(y: log(2), label: "ln 2 = 0.693: an untrained pair")]
        let others = runs.filter { !$0.log.updates.isEmpty && !$0.log.comparesPairs }.map(\.name)
        let without: HTML = others.isEmpty ? .nothing : " \(list(others)) has no pairs: its loss is the winner’s own error."
        return AnnotatedChart(
            chart: chart,
            note: """
                Where policy and reference agree, the loss is ln 2. It may stay near that line while the images change, because the references move along: \
                judge by the scores, not by this curve.\(without)
                """)
    }

    private var heldOutError: AnnotatedChart? {
        let lines = runs.enumerated().compactMap { index, run -> Chart.Line? in
            let points = run.validations.compactMap { validation in validation.denoisingError.map { Chart.Point(x: Double(validation.k), y: $0) } }
            return points.isEmpty ? nil : Chart.Line(name: run.name, style: index, points: points, markers: true)
        }
        guard !lines.isEmpty else { return nil }
        let counts = runs.compactMap { $0.validations.last?.n }.filter { $0 > 0 }
        let chart = Chart(title: "Denoising error of held-out winners", xLabel: "checkpoint k", yLabel: "mean squared error", lines: lines)
        return AnnotatedChart(
            chart: chart,
            note: """
                Of \(counts.map(String.init).joined(separator: ", ")) winners that are not trained on, at the same timesteps and noise for every checkpoint; \
                checkpoint 0 is the base. Lower is better.
                """)
    }

    private var winnerError: AnnotatedChart? {
        let lines = lines(\.winnerError)
        guard !lines.isEmpty else { return nil }
        return AnnotatedChart(
            chart: chart("The winner’s own error", "m_w, mean squared error", lines),
            note: "How badly the policy denoises the winners themselves. It jumps with the timesteps drawn; what counts is the trend.")
    }

    private var winnerErrorRatio: AnnotatedChart? {
        let lines = runs.enumerated().compactMap { index, run -> Chart.Line? in
            let points = Series.thinned(run.log.points(\.winnerErrorRatio))
            return points.isEmpty ? nil : Chart.Line(name: run.name, style: index, points: points)
        }
        guard !lines.isEmpty else { return nil }
        var chart = chart("The winner’s own error beside checkpoint 0’s", "m_w / checkpoint 0’s", lines)
        chart.rules = [Chart.Rule(y: 1.5, label: "alarm: 1.5 × checkpoint 0")]
        return AnnotatedChart(
            chart: chart,
            note: """
                Both at the same timesteps and noise, over the latest winners. Above 1.5 by more than chance the policy is leaving the winners behind: the run \
                is diverging, however well the loss looks.
                """)
    }

    private var accuracy: AnnotatedChart? {
        let lines = lines(\.accuracy, where: \.log.comparesPairs)
        guard !lines.isEmpty else { return nil }
        var chart = shares("Implicit accuracy", "share of margins above 0", lines)
        chart.marks = marks
        chart.rules = [Chart.Rule(y: 0.5, label: "a coin toss")]
        return AnnotatedChart(
            chart: chart,
            note: """
                The share of examples that the policy already orders as the loss asks. With the flipper the question itself changes with the policy, so half \
                is no failure; near 100\u{202F}% for long, there is little left to learn from these pairs.
                """)
    }

    private var gradientNorm: AnnotatedChart? {
        let lines = lines(\.gradientNorm)
        guard !lines.isEmpty else { return nil }
        return AnnotatedChart(
            chart: chart("Gradient norm", "norm", lines),
            note: """
                How hard each update pulls. Jumps by a factor of ten and more often come before divergence: lower the learning rate, or look at the images \
                of that batch.
                """)
    }

    private func title(_ name: String, _ index: Int) -> String { runs.count == 1 ? name : "\(name): \(runs[index].name)" }

    private func margin(_ index: Int) -> AnnotatedChart? {
        let log = runs[index].log
        guard log.comparesPairs else { return nil }
        var chart = Chart(title: title("Margin", index), yLabel: "−(β/2)(Δ_w − sΔ_r)", marks: log.iterationStarts, include: [0])
        let style = "s\(index % 6)"
        let quantiles = (0..<5).map { q in log.smooth { update in update.marginQuantiles.flatMap { $0.count == 5 ? $0[q] : nil } } }
        if !quantiles[0].isEmpty {
            for (name, low, high) in [("outer", 0, 4), ("inner", 1, 3)] {
                let points = zip(quantiles[low], quantiles[high]).map { (x: $0.x, low: $0.y, high: $1.y) }
                let meaning = name == "outer" ? "5–95\u{202F}% of a batch" : "its middle half"
                chart.bands.append(Chart.Band(name: meaning, style: "\(style) \(name)", points: points))
            }
        }
        chart.lines = [Chart.Line(name: "mean", style: index, points: log.smooth(\.margin))]
        chart.rules = [10, -10].map { Chart.Rule(y: $0, label: "saturated beyond", onlyIfReached: true) }
        return AnnotatedChart(
            chart: chart,
            note: """
                How far policy and reference have parted, in the loss’s own units: 0 is agreement. Beyond ±10 for most of a batch the pairs no longer \
                teach: β or the learning rate is too large.\(runs.count > 1 ? " Each run has its own scale." : "")
                """)
    }

    private func flips(_ index: Int) -> AnnotatedChart? {
        let log = runs[index].log
        let shares = [\LoggedUpdate.flipPositive, \.flipZero, \.flipNegative].map { share in log.smooth { $0[keyPath: share] } }
        guard log.comparesPairs, !shares[0].isEmpty, shares.allSatisfy({ $0.count == shares[0].count }) else { return nil }
        var chart = self.shares(title("Flips", index), "share of a batch")
        chart.marks = log.iterationStarts
        chart.bands = [("policy better", "flip-positive", 0), ("tie", "flip-zero", 1), ("reference better", "flip-negative", 2)].map { name, style, part in
            let points = shares[0].indices.map { at -> (x: Double, low: Double, high: Double) in
                let sizes = shares.map { $0[at].y }
                let below = sizes[..<part].reduce(0, +)
                let total = sizes.reduce(0, +)
                return (shares[0][at].x, below / total, (below + sizes[part]) / total)
            }
            return Chart.Band(name: name, style: style, points: points)
        }
        return AnnotatedChart(
            chart: chart,
            note: """
                Which of the two denoises the winner better. The flipper takes the reference’s sample as a loser where the policy does, and as a \
                winner where the reference does; a method without it only watches. Shares at 0 or 100\u{202F}% mean that it no longer decides anything.
                """)
    }

    /// How the flip depends on the age of the reference and on the timestep, over the whole run.
    private var flipDetails: [AnnotatedChart] {
        let byAge = detail("Flips by age of the reference", "k − ref", \.flipByAge) { "\($0 + 1)" }
        let quarters = ["least noise", "", "", "most noise"]
        let byTimestep = detail("Flips by timestep", "quarter of the timesteps", \.flipByTimestep) { $0 < 4 ? quarters[$0] : "" }
        return [
            (byAge, "Against older references the policy should win more often if training has made it better on the winners." as HTML),
            (byTimestep, "Errors are usually largest where there is little noise, and then texture weighs more in the flip than layout."),
        ].compactMap { chart, note in chart.map { AnnotatedChart(chart: $0, note: note) } }
    }

    private func detail(_ title: String, _ xLabel: String, _ values: (LoggedUpdate) -> [Double?]?, name: (Int) -> String) -> Chart? {
        let lines = runs.enumerated().compactMap { index, run -> Chart.Line? in
            let rows = run.log.updates.compactMap(values)
            let points = (0..<(rows.map(\.count).max() ?? 0)).map { column -> Chart.Point in
                let known = rows.compactMap { column < $0.count ? $0[column] : nil }
                return Chart.Point(x: Double(column + 1), y: known.isEmpty ? .nan : known.reduce(0, +) / Double(known.count))
            }
            return !points.contains { $0.y.isFinite } ? nil : Chart.Line(name: run.name, style: index, points: points, markers: true)
        }
        guard !lines.isEmpty else { return nil }
        var chart = shares(title, "share with the policy better", lines)
        chart.xLabel = xLabel
        chart.rules = [Chart.Rule(y: 0.5, label: "a coin toss")]
        for x in Set(lines.flatMap { $0.points.map(\.x) }) { chart.xNames[x] = name(Int(x) - 1) }
        return chart
    }
}
