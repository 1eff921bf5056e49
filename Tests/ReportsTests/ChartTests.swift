import Foundation
import Testing

@testable import Pages
@testable import Reports

@Suite struct ChartTests {
    private func chart(_ values: [Double], _ kind: ChartScale.Kind = .linear) -> String {
        let points = values.enumerated().map { Chart.Point(x: Double($0 + 1), y: $1) }
        var chart = Chart(title: "T", yLabel: "y", lines: [Chart.Line(name: "A", style: 0, points: points)], yKind: kind)
        chart.bands = [Chart.Band(name: "B", style: "s0", points: points.map { ($0.x, $0.y - 1, $0.y + 1) })]
        chart.rules = [Chart.Rule(y: 0.5, label: "rule")]
        return chart.svg.text
    }

    @Test(arguments: [ChartScale.Kind.linear, .logarithmic, .integers])
    func anyValuesGiveAPicture(kind: ChartScale.Kind) {
        let inputs: [[Double]] = [
            [1], [0], [3, 3, 3], [0, 0], [.nan, 1, 2], [1, .nan, 2, .nan], [1, .infinity, -.infinity, 2], [1e300, 1], [1e29, -1e29], [1e-300, 1e-299],
            [-5, -5], [1e6, 1e6 + 1e-9], [-1, 0, 1],
        ]
        for values in inputs {
            let svg = chart(values, kind)
            #expect(svg.hasPrefix("<svg"), "\(values)")
            let paths = svg.replacing(/<title>[^<]*<\/title>|aria-label="[^"]*"|<text[^>]*>[^<]*<\/text>/, with: "")
            #expect(!paths.contains("nan") && !paths.contains("inf") && !paths.contains("e+"), "\(values)")
        }
    }

    @Test func nothingToDrawIsSaid() {
        #expect(Chart(title: "T", yLabel: "y").svg.text.contains("Nothing was logged"))
        let points = [Chart.Point(x: 1, y: .nan)]
        #expect(Chart(title: "T", yLabel: "y", lines: [Chart.Line(name: "A", style: 0, points: points)]).svg.text.contains("Nothing was logged"))
    }

    @Test func onePointIsADotAndAGapBreaksTheLine() {
        #expect(chart([1]).contains("<circle"))
        let broken = chart([1, 2, .nan, 2, 1])
        let line = broken.firstMatch(of: /class="line" d="([^"]*)"/)!.1
        #expect(line.count { $0 == "M" } == 2)
    }

    @Test func lowIsBelowHigh() throws {
        let scale = ChartScale(.linear, showing: [0, 1], pixels: (100, 0), exact: true)
        #expect(scale.position(0) == 100 && scale.position(1) == 0 && scale.position(0.25) == 75)
        #expect(scale.position(.nan) == nil)
        let log = ChartScale(.logarithmic, showing: [1, 100], pixels: (0, 100), exact: true)
        #expect(log.position(10) == 50 && log.position(0) == nil && log.position(-1) == nil)
    }

    @Test(arguments: [(0.0, 1.0), (0.03, 0.05), (-14, 3), (1, 210), (12345, 12346), (-1e-7, 1e-7), (0, 1e20)])
    func ticksAreRoundAndInside(low: Double, high: Double) {
        let scale = ChartScale(.linear, showing: [low, high], pixels: (0, 100))
        let ticks = scale.ticks()
        #expect((2...11).contains(ticks.count))
        #expect(ticks == ticks.sorted() && ticks.allSatisfy(scale.contains))
        #expect(Set(ticks.map(\.short)).count == ticks.count || high - low < 1e-3 * abs(high))
    }

    @Test func ticksOfCountsAreWhole() {
        #expect(ChartScale(.integers, showing: [1, 5], pixels: (0, 1), exact: true).ticks() == [1, 2, 3, 4, 5])
        #expect(ChartScale(.integers, showing: [1], pixels: (0, 1)).ticks() == [1])
    }

    @Test func ticksOfDecades() {
        #expect(ChartScale(.logarithmic, showing: [0.01, 100], pixels: (0, 1), exact: true).ticks().contains { abs($0 - 0.1) < 1e-12 })
        #expect(ChartScale(.logarithmic, showing: [3.1, 3.9], pixels: (0, 1)).ticks().count > 1)
        #expect(ChartScale.kind(for: [1, 2, 300]) == .logarithmic)
        #expect(ChartScale.kind(for: [-1, 2, 300]) == .linear)
        #expect(ChartScale.kind(for: []) == .linear)
    }

    @Test func runningMeanLeavesGaps() {
        let points = [1, 2, .nan, 4, 5].enumerated().map { Chart.Point(x: Double($0), y: $1) }
        let smooth = Series.runningMean(points, window: 3).map(\.y)
        #expect(smooth[0] == 1.5 && smooth[1] == 1.5 && smooth[2].isNaN && smooth[3] == 4.5 && smooth[4] == 4.5)
        #expect(Series.runningMean(points, window: 1).map(\.y)[3] == 4)
    }

    @Test func thinningKeepsTheMean() {
        let points = (0..<1000).map { Chart.Point(x: Double($0), y: Double($0 % 5)) }
        let thin = Series.thinned(points)
        #expect(thin.count <= Series.mostPoints && thin.allSatisfy { $0.y == 2 })
    }

    @Test func numbersForReaders() {
        let short = [0.693147, 0.0312, 21.57, 200, 12800, 0, -0.5, 1e-5, 2.5e7, 0.1].map(\.short)
        #expect(short == ["0.693", "0.0312", "21.57", "200", "12800", "0", "−0.5", "1e−5", "2.5e7", "0.1"])
        #expect(0.1459.signedScore == "+0.146" && (-0.0004).score == "0.000" && 21.572.score == "21.57")
        #expect([0.42, 65, 200, 7500].map(\.seconds) == ["0.42 s", "65 s", "3 min 20 s", "2 h 5 min"])
        #expect(0.834.percent == "83\u{202F}%" && Double.nan.score == "–" && Double.infinity.seconds == "–")
        #expect([list([]), list(["a"]), list(["a", "b"]), list(["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"])
    }
}
