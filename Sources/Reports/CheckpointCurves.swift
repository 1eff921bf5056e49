import Pages

/// Scores of the checkpoints along the way: one picture a score and guidance, all runs in it.
struct CheckpointCurves {
    var runs: [RunRecord]

    /// All of them with one note, or nothing without scores.
    var html: HTML? {
        let figures = figures
        guard !figures.isEmpty else { return nil }
        return """
            <div class="charts wide">\(figures.map(\.html))</div>\
            <p class="note">Checkpoint 0 is the base. The bands are 95\u{202F}% intervals of each mean by itself: they may overlap where the paired \
            change is clear.</p>
            """
    }

    private var figures: [AnnotatedChart] {
        let all = runs.flatMap(\.checkpointScores)
        let names = Set(all.map(\.score)).inReadingOrder
        return names.flatMap { score in
            Set(all.filter { $0.score == score }.map(\.guidance)).sorted().map { figure(score, guidance: $0) }
        }
    }

    private func figure(_ score: String, guidance: Double) -> AnnotatedChart {
        var chart = Chart(title: "\(score.asWords.capitalizedFirst) by checkpoint, guidance \(guidance.short)", xLabel: "checkpoint k", yLabel: score.asWords)
        for (index, run) in runs.enumerated() {
            let scores = run.checkpointScores.filter { $0.score == score && $0.guidance == guidance }.sorted { $0.k < $1.k }
            guard !scores.isEmpty else { continue }
            chart.bands.append(Chart.Band(name: "", style: "s\(index % 6) outer", points: scores.map { (Double($0.k), $0.low, $0.high) }))
            chart.lines.append(Chart.Line(name: run.name, style: index, points: scores.map { Chart.Point(x: Double($0.k), y: $0.mean) }, markers: true))
        }
        return AnnotatedChart(chart: chart)
    }
}
