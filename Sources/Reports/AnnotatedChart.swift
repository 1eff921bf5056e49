import Pages

/// A chart with its heading, legend and a note on how to read it.
struct AnnotatedChart {
    var chart: Chart
    var note: HTML = .nothing

    var html: HTML {
        let reading: HTML = note.text.isEmpty ? .nothing : "<p class=\"note\">\(note)</p>"
        return "<figure class=\"chart\"><figcaption><h3>\(chart.title)</h3>\(legend)</figcaption>\(chart.svg)\(reading)</figure>"
    }

    /// Left out where there is only one thing to name.
    private var legend: HTML {
        let lines = chart.lines.filter { !$0.faint }.map { line -> HTML in
            "<li class=\"s\(line.style % 6)\"><svg viewBox=\"0 0 24 8\" aria-hidden=\"true\"><path class=\"line\" d=\"M0 4H24\"/></svg>\(line.name)</li>"
        }
        let bands = chart.bands.filter { !$0.name.isEmpty }.map { band -> HTML in
            "<li><svg viewBox=\"0 0 24 8\" aria-hidden=\"true\"><path class=\"band \(band.style)\" d=\"M0 0H24V8H0Z\"/></svg>\(band.name)</li>"
        }
        return lines.count + bands.count < 2 ? .nothing : "<ul class=\"legend\">\(lines)\(bands)</ul>"
    }
}
