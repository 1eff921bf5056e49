import Foundation
import Media
import TestFiles
import Testing
import Winners

/// `seppo data` on clips.
@Suite struct ClipDataTests {
    private let folder = TemporaryFolder()
    private let clips = Fixture.url("clips/hub.parquet").path

    @Test func showAndCheckCountThem() throws {
        let text = try Seppo.run("data", "show", clips)
        #expect(text.code == 0 && text.out.contains("3 winners, 0 repeated, 3 clips"), "\(text.out)\(text.error)")
        #expect(text.out.contains("3 clips of 12 to 12 (median 12) frames, 1.5 to 1.5 seconds (median 1.5)"))
        let json = try Seppo.run("data", "show", clips, "--json").json
        #expect((json?["dataset"] as? [String: Any])?["clips"] as? Int == 3)
        let pictures = try Seppo.run("data", "show", Fixture.url("parquet/hub.parquet").path, "--json").json
        #expect((pictures?["dataset"] as? [String: Any]).map { $0["clips"] == nil } == true)
        #expect(try Seppo.run("data", "check", clips).out == "3 winners can be used, 0 problems\n")
    }

    @Test func theSheetHasTheFramesThatAreSeen() throws {
        let page = folder.url("sheet.html")
        let options = ["--frames", "4", "--frame-rule", "uniform", "--resolution", "24", "--count", "3"]
        let answer = try Seppo.run(["data", "sheet", clips, "--output", page.path] + options)
        #expect(answer.code == 0, "\(answer.error)")
        let html = try String(contentsOf: page, encoding: .utf8)
        let winners = try WinnerSet.list(URL(fileURLWithPath: clips)).winners
        for (spacing, isThere) in [(FrameRule.Spacing.uniform, true), (.first, false)] {
            let seen = try #require(winners[0].medium.clip).clip(FrameRule(frames: 4, spacing: spacing), seed: 0, fittedTo: (24, 24))
            let sheet = Data(try RGBImage.sheet(seen.frames, columns: 4).encodedPNG()).base64EncodedString()
            #expect(html.contains(sheet) == isThere)
        }
        for wrong in [["--frames", "0"], ["--frame-stride", "0"], ["--fps", "0"], ["--fps", "nan"], ["--frame-rule", "all"], ["--short-clips", "drop"]] {
            #expect(try Seppo.run(["data", "sheet", clips, "--output", page.path] + wrong).code == 64, "\(wrong)")
        }
    }

    @Test func convertCopiesThem() throws {
        let (copy, shard) = (folder.url("copy"), folder.url("copy.tar"))
        #expect(try Seppo.run("data", "convert", clips, "--output", copy.path).code == 0)
        #expect(try Seppo.run("data", "convert", copy.path, "--output", shard.path).code == 0)
        let digests = try [URL(fileURLWithPath: clips), copy, shard].map { try WinnerSet.list($0).winners.map(\.medium.digest) }
        #expect(digests[0].count == 3 && digests[1] == digests[0] && digests[2] == digests[0])
    }
}
