import Alignment
import Foundation
import Media
import TestFiles
import Testing
import Winners

@testable import Pages
@testable import Reports
@testable import Scoring

/// Pages are well-formed, whatever they quote.
@Suite struct MarkupTests {
    private static let hostile = [
        "plain", "<script>alert(1)</script>", "a & b &amp; &lt", "\"quoted\" 'single'", "</q></figure>", "<!-- never closed", "]]> <![CDATA[",
        "x=\"y\" onload=\"z",
        "\u{1B}[31mred\u{1B}[0m \u{0}\u{7}\u{9B}2J\u{7F}", "one\ntwo\r\nthree\ttabs", "\u{202E}txt.exe\u{202C} \u{2066}isolated", "<", "&", ">", "",
        "e\u{301} 👩‍👩‍👧 \u{FEFF}", "\\u{1B}", "&#0; &#x1b; &unknown;",
    ]
    private static let pixel = Data(try! RGBImage(width: 1, height: 1, pixels: [1, 2, 3]).encodedPNG())

    private func record(_ text: String) -> RunRecord {
        var run = RunRecord(name: text)
        run.log.updates = (0..<20).map { index in
            var update = LoggedUpdate(update: index + 1)
            (update.k, update.loss, update.margin, update.winnerError) = (index / 10 + 1, 0.7, 0.01, 0.03)
            update.marginQuantiles = [-1, -0.5, 0, 0.5, 1]
            (update.flipPositive, update.flipZero, update.flipNegative) = (0.5, 0.1, 0.4)
            update.alarms = index == 3 ? [text] : nil
            return update
        }
        run.settings = [.init(text, text), .init("beta", text)]
        run.versions = [.init(text, text)]
        run.times = [.init(text, text)]
        run.skippedFiles = (0..<60).map { .init(file: "\(text)\($0)", reason: text) }
        let interval = Interval(mean: 0.6, low: 0.5, high: 0.7)
        run.checkpointScores = [0, 1].map { .init(k: $0, guidance: 1, score: text, interval) }
        let summary = ScoreSummary(interval, base: interval, difference: Interval(mean: 0.1, low: 0.05, high: 0.2), winRate: 0.8)
        run.comparison = Comparison(n: 4, captions: 2, seeds: 2, results: [.init(guidance: 1, scores: [text: summary, "quality": summary])])
        let (before, after) = (Self.pixel, Data(text.utf8))
        run.images = [.init(caption: text, seed: 1, guidance: 1, before: before, after: after, scoresBefore: [text: 0], scoresAfter: [text: 1])]
        run.samples = [0, 1].map { .init(k: $0, caption: text, seed: 1, picture: $0 == 0 ? Self.pixel : Data(text.utf8)) }
        return run
    }

    @Test(arguments: hostile) func reportsAreWellFormed(text: String) throws {
        let run = record(text)
        let contrast = Report.Contrast(run: text, against: text, comparison: try #require(run.comparison))
        for runs in [[run], [run, record("another")]] {
            let page = Report(title: text, runs: runs, contrasts: [contrast], captionsNote: text).html()
            let markup = try StrictMarkup(page)
            #expect(markup.elements["script"] == nil && markup.elements["h1"] == 1 && markup.elements["svg"] ?? 0 > 0)
        }
        _ = try StrictMarkup(Report(title: text, runs: []).html())
    }

    @Test func sheetsAreWellFormed() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("seppo-\(UUID().uuidString) <b>&\"'")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let rows = try Self.hostile.enumerated().filter { !$0.element.isEmpty }.map { index, text in
            // Pictures of all shapes; one of them cannot be decoded.
            let name = index == 0 ? "broken.png" : "a<\(index)>&\"'\u{1B}\u{202E}.png"
            let (width, height) = (1 + index, 17 - index / 2)
            let image = RGBImage(width: width, height: height, pixels: Array(repeating: UInt8(index), count: 3 * width * height))
            try Data(index == 0 ? [1, 2, 3] : image.encodedPNG()).write(to: folder.appendingPathComponent(name))
            return String(decoding: try JSONEncoder().encode(["file_name": name, "text": text]), as: UTF8.self)
        }
        try Data(rows.joined(separator: "\n").utf8).write(to: folder.appendingPathComponent("metadata.jsonl"))
        let set = try WinnerSet.list(folder)
        #expect(set.winners.count > 10)
        let page = DatasetSheet(set, count: 100, resolution: 16).html()
        let markup = try StrictMarkup(page)
        #expect(markup.elements["figure"] == set.winners.count && markup.elements["img"] == set.winners.count - 1)
        #expect(!page.contains("\u{202E}") && !page.contains(folder.deletingLastPathComponent().path))
    }

    // MARK: Twins: each breaks one thing and must be seen.

    @Test(arguments: [
        ("</main>", "</main></main>"), ("</main>", ""), ("<p class=\"kicker\">", "<p class=kicker>"),
        ("<p class=\"kicker\">", "<p class=\"kicker\" class=\"x\">"),
        ("<main>", "<main>a & b"), ("<main>", "<main>a < b"), ("<main>", "<main><b><i></b></i>"), ("<main>", "<main id=\"x\"><hr id=\"x\">"),
        ("<main>", "<main>\u{1B}"), ("</html>", "</html>text"), ("<main>", "<main title=\"<b>\">"),
    ])
    func faultsAreSeen(sound: String, broken: String) throws {
        let page = Report(title: "sound", runs: [record("run")]).html()
        #expect(page.contains(sound))
        #expect(throws: StrictMarkup.Fault.self) { try StrictMarkup(page.replacingOccurrences(of: sound, with: broken)) }
    }
}
