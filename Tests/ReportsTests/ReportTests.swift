import Alignment
import Foundation
import Media
import TestFiles
import Testing

@testable import Pages
@testable import Reports
@testable import Scoring

@Suite struct ReportTests {
    /// Synthetic: a few updates of a pair method.
    private func log(_ updates: Int) -> TrainingLog {
        TrainingLog(
            updates: (0..<updates).map { index in
                var update = LoggedUpdate(update: index + 1)
                update.k = index / 10 + 1
                update.loss = 0.69
                update.margin = 0.01 * Double(index + 1)
                update.marginQuantiles = [-1, -0.5, 0, 0.5, 1]
                (update.flipPositive, update.flipZero, update.flipNegative) = (0.5, 0.1, 0.4)
                (update.winnerError, update.winnerErrorRatio) = (0.03, 1.1)
                return update
            })
    }

    private func comparison(_ difference: Interval, captions: Int = 244) -> Comparison {
        let base = Interval(mean: 0.6, low: 0.58, high: 0.62)
        let own = Interval(mean: 0.6 + difference.mean, low: 0.58, high: 0.8)
        let summary = ScoreSummary(own, base: base, difference: difference, winRate: 0.8)
        return Comparison(n: 2 * captions, captions: captions, seeds: 2, results: [.init(guidance: 1, scores: ["quality": summary])])
    }

    /// The 70 bytes of a PNG of one pixel.
    private let pixel = Data(
        base64Encoded: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")!

    @Test func outsideTextIsNeverMarkup() {
        let hostile = "<script>alert(\"x\")</script> & 'y' \u{0}"
        var run = RunRecord(name: hostile, log: log(30), comparison: comparison(Interval(mean: 0.1, low: 0.05, high: 0.2)))
        run.log.updates[3].alarms = [hostile]
        run.settings = [.init(hostile, hostile)]
        run.versions = [.init(hostile, hostile)]
        run.times = [.init(hostile, hostile)]
        run.skippedFiles = [.init(file: hostile, reason: hostile)]
        run.checkpointScores = [.init(k: 0, guidance: 1, score: hostile, Interval(mean: 1, low: 0, high: 2))]
        let summary = run.comparison?.results[0].scores["quality"]
        run.comparison?.results[0].scores[hostile] = summary
        run.images = [.init(caption: hostile, seed: 1, guidance: 1, before: pixel, after: Data("<script>".utf8), scoresAfter: [hostile: 1])]
        run.samples = [.init(k: 0, caption: hostile, seed: 1, picture: pixel), .init(k: 1, caption: hostile, seed: 1, picture: Data("<script>".utf8))]
        let contrast = Report.Contrast(run: hostile, against: hostile, comparison: comparison(Interval(mean: 0, low: -1, high: 1)))
        let html = Report(title: hostile, runs: [run, run], contrasts: [contrast], captionsNote: hostile).html()
        #expect(!html.contains("<script"))
        #expect(!html.contains("\u{0}"))
        #expect(html.contains("<q class=\"caption\">&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39; \u{FFFD}</q>"))
    }

    @Test func oneFileThatLoadsNothing() {
        let image = RunRecord.ImagePair(caption: "a red circle", seed: 3, guidance: 1, before: pixel, after: pixel)
        let run = RunRecord(name: "SePPO", log: log(30), comparison: comparison(Interval(mean: 0.1, low: 0.05, high: 0.2)), images: [image])
        let html = Report(runs: [run]).html()
        let rest = html.replacingOccurrences(of: "<a href=\"https://arxiv.org/abs/2410.05255\">", with: "")
        for reference in ["http:", "https:", "//", "url(", "@import", "<link", "<iframe", "srcset"] {
            // Base64 may hold two slashes, so image data are left out of the search.
            let text = rest.replacing(/data:image\/png;base64,[^"]*/, with: "")
            #expect(!text.contains(reference), "\(reference)")
        }
        #expect(html.contains("src=\"data:image/png;base64,iVBOR"))
        #expect(html.contains("alt=\"After: a red circle, seed 3, guidance 1\""))
        #expect(html.contains("class=\"pixelated\""))
    }

    @Test(arguments: [
        (Interval(mean: 0.1, low: 0.05, high: 0.2), 244, "quality rose at guidance\u{A0}1"),
        (Interval(mean: -0.1, low: -0.2, high: -0.05), 244, "quality fell at guidance\u{A0}1"),
        (Interval(mean: 0.1, low: -0.01, high: 0.2), 244, "quality shows no clear change at guidance\u{A0}1"),
        (Interval(mean: 0.1, low: 0, high: 0.2), 244, "quality shows no clear change at guidance\u{A0}1"),
        (Interval(mean: 0.1, low: 0.05, high: 0.2), 3, "quality was scored on too few captions (3) to tell a change from chance"),
    ])
    func headlineClaimsNoMoreThanTheInterval(difference: Interval, captions: Int, words: String) {
        let run = RunRecord(name: "SePPO", comparison: comparison(difference, captions: captions))
        #expect(Headline(report: Report(runs: [run])).sentence == "After SePPO, \(words).")
    }

    @Test func headlineTellsGuidancesApart() {
        var both = comparison(Interval(mean: 0.1, low: 0.05, high: 0.2))
        both.results.append(comparison(Interval(mean: 0.1, low: -0.05, high: 0.2)).results[0])
        both.results[1].guidance = 3
        let phrases = Headline.phrases(["quality"], in: both)
        #expect(phrases == "quality rose at guidance\u{A0}1 and shows no clear change at guidance\u{A0}3")
        both.results[1] = both.results[0]
        both.results[1].guidance = 3
        #expect(Headline.phrases(["quality"], in: both) == "quality rose at guidance\u{A0}1 and 3")
    }

    @Test func whateverIsMissingThereIsAReport() {
        #expect(Report(runs: []).html().contains("No run to report."))
        #expect(Report(runs: [RunRecord(name: "A")]).html().contains("A: nothing has been logged yet."))
        for updates in [1, 2, 19, 500] {
            let html = Report(runs: [RunRecord(name: "A", log: log(updates))]).html()
            #expect(html.contains("has not been evaluated yet"))
            #expect(html.contains("an untrained pair") && html.contains("alarm: 1.5 × checkpoint 0"))
        }
        let bare = TrainingLog(updates: [LoggedUpdate(update: 1), LoggedUpdate(update: 2)])
        #expect(!Report(runs: [RunRecord(name: "A", log: bare)]).html().contains("<svg"))
        var alone = comparison(Interval(mean: 0, low: 0, high: 0))
        alone.results[0].scores["quality"]?.difference = nil
        #expect(Headline.phrases(["quality"], in: alone) == "quality was scored without a base to compare with")
    }

    @Test func fineTuningHasNoPairs() {
        var sft = log(30)
        for index in sft.updates.indices {
            sft.updates[index].margin = nil
            sft.updates[index].marginQuantiles = nil
        }
        let html = Report(runs: [RunRecord(name: "SFT", log: sft)]).html()
        #expect(!html.contains("an untrained pair") && html.contains("The winner’s own error"))
        let both = Report(runs: [RunRecord(name: "SePPO", log: log(30)), RunRecord(name: "SFT", log: sft)]).html()
        #expect(both.contains("SFT has no pairs"))
    }

    @Test func longRunStaysASmallFile() {
        let html = Report(runs: [RunRecord(name: "A", log: log(50_000))]).html()
        #expect(html.utf8.count < 400_000)
    }

    @Test func checkpointsStandBesideOneAnother() throws {
        let lines = [0.3, 0.2].enumerated().map { #"{"k":\#($0),"update":\#($0 * 3),"denoising_error":\#($1),"n":5,"samples":2,"seconds":1}"# }
        var run = RunRecord(name: "A", log: log(30))
        run.validations = try lines.map { try JSONDecoder().decode(Validation.self, from: Data($0.utf8)) }
        run.samples = (0...1).flatMap { k in ["a cat", "a dog"].map { RunRecord.CheckpointSample(k: k, caption: $0, seed: 3, picture: pixel) } }
        let html = Report(runs: [run]).html()
        #expect(html.contains("Denoising error of held-out winners") && html.contains("Of 5 winners that are not trained on"))
        #expect(html.contains("alt=\"Checkpoint 1: a dog, seed 3\"") && html.components(separatedBy: "<figure class=\"pair\">").count == 3)
        run.validations = run.validations.map {
            var validation = $0
            validation.denoisingError = nil
            return validation
        }
        run.samples = []
        let without = Report(runs: [run]).html()
        #expect(!without.contains("held-out winners") && !without.contains("Samples on the way"))
        #expect(RunRecord.spread(Array(0...50), most: 8) == [0, 7, 14, 21, 28, 35, 42, 50] && RunRecord.spread([1, 2], most: 8) == [1, 2])
    }

    @Test func bytesThatAreNoPNG() {
        #expect(PNGHeader(Data()) == nil)
        #expect(PNGHeader(Data("GIF89a, long enough to hold a header".utf8)) == nil)
        #expect(PNGHeader(pixel)?.width == 1)
        #expect(PNGHeader((Data([0]) + pixel).dropFirst())?.width == 1)
        let image = RunRecord.ImagePair(caption: "a", seed: 0, guidance: 1, before: Data(), after: pixel)
        #expect(Report(runs: [RunRecord(name: "A", images: [image])]).html().contains("no image"))
    }

    @Test func runDirectory() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "seppo-report-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(try RunRecord(name: "A", directory: folder).log.updates.isEmpty)
        try Data("{\"update\": 1, \"loss\": 0.7}\n{\"update\": 2, \"lo".utf8).write(to: folder.appending(path: "log.jsonl"))
        let score = RunRecord.CheckpointScore(k: 1, guidance: 3, score: "quality", Interval(mean: 0.5, low: 0.4, high: 0.6))
        try JSONEncoder().encode(score).write(to: folder.appending(path: "scores.jsonl"))
        try comparison(Interval(mean: 0.1, low: 0.05, high: 0.2)).json().write(to: folder.appending(path: "evaluation.json"))
        let run = try RunRecord(name: "A", directory: folder)
        #expect(run.log.updates.count == 1 && run.log.unreadableLines == 1)
        #expect(run.checkpointScores == [score] && run.comparison?.n == 488)
        try Report(runs: [run]).write(to: folder.appending(path: "report.html"))
        #expect(try String(contentsOf: folder.appending(path: "report.html"), encoding: .utf8).hasPrefix("<!DOCTYPE html>"))
        try Data("{".utf8).write(to: folder.appending(path: "evaluation.json"))
        #expect(throws: (any Error).self) { try RunRecord(name: "A", directory: folder) }
    }
}
