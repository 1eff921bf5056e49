import Foundation
import TestFiles
import Testing
import Winners

/// How commands read winners where names do not tell, and prompts.
@Suite struct ReadingTests {
    private let folder = TemporaryFolder()

    /// Two pictures of Scenes with rows of their own.
    private func pictures(_ rows: [String], in name: String = "data") throws -> URL {
        let data = folder.url(name)
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        for number in 0..<2 {
            let file = String(format: "%05d.png", number)
            try FileManager.default.copyItem(at: Materials.winners.appendingPathComponent(file), to: data.appendingPathComponent("\(number).png"))
        }
        if !rows.isEmpty { _ = try folder.write(rows.joined(separator: "\n"), to: "\(name)/metadata.jsonl") }
        return data
    }

    @Test func columnsAreTakenByEveryCommand() throws {
        let data = try pictures((0..<2).map { #"{"picture": "\#($0).png", "title": "a red circle \#($0)"}"# }).path
        let named = ["--image-column", "picture", "--caption-column", "title"]
        #expect(try Seppo.run("data", "check", data).code == 1)
        for command in [["data", "check"], ["data", "show"], ["inspect"]] {
            let answer = try Seppo.run(command + [data] + named)
            #expect(answer.code == 0 && answer.out.contains("2 winners"), "\(command) \(answer.out) \(answer.error)")
        }
        let run = folder.url("run")
        let aligned = try Seppo.run(Materials.align(run, winners: URL(fileURLWithPath: data), iterations: 1, updates: 1) + named + ["--held-out", "0"])
        #expect(aligned.code == 0, "\(aligned.error)")
        let settings = try String(contentsOf: run.appendingPathComponent("run.yaml"), encoding: .utf8)
        #expect(settings.contains("caption_column: title") && settings.contains("image_column: picture") && settings.contains("caption_lines: join"))
        let evaluated = try Seppo.run(["evaluate", "--model", Materials.model, "--winners", data, "--threads", "1", "--json"] + named)
        #expect(evaluated.code == 0 && evaluated.json?["n"] as? Int == 2, "\(evaluated.error)")

        let without = try Seppo.run(["evaluate", "--model", Materials.model, "--scenes"] + named)
        #expect(without.code == 64 && without.error.contains("--caption-column") && without.error.contains("no effect"))
    }

    @Test func columnsOfCaptionFilesAreRefused() throws {
        let data = try pictures([])
        for number in 0..<2 { _ = try folder.write("a red circle\na second line", to: "data/\(number).txt") }
        let refused = try Seppo.run("data", "convert", data.path, "--caption-column", "nonsense", "--output", folder.url("out").path)
        #expect(refused.code == 1 && refused.error.contains("has no columns"))
        let converted = try Seppo.run("data", "convert", data.path, "--caption-lines", "first", "--output", folder.url("out").path)
        #expect(converted.code == 0 && converted.error.contains("captions of several lines: 2; the first line of each is its caption"))
        #expect(try WinnerSet.list(folder.url("out")).winners.map(\.caption) == ["a red circle", "a red circle"])
        let run = try Seppo.run(Materials.align(folder.url("run"), winners: data, iterations: 1, updates: 1))
        #expect(run.error.contains("captions of several lines: 2; the lines of each are joined into one caption"), "\(run.error)")
    }

    @Test func whatSplitWritesIsReadWhole() throws {
        let parts = folder.url("parts")
        #expect(try Seppo.run("data", "split", Materials.winners.path, "--held-out", "0.3", "--output", parts.path).code == 0)
        let (whole, train) = (try WinnerSet.list(parts), try WinnerSet.list(parts.appendingPathComponent("train")))
        #expect(whole.winners.map(\.image.digest) == train.winners.map(\.image.digest) && whole.winners.allSatisfy { $0.loser != nil })
        let shown = try Seppo.run("data", "show", parts.path)
        #expect(shown.out.contains("held-out: not read: it is of the split held-out"), "\(shown.out)")
    }

    @Test func linksThatLeaveAreNamedAndCopiedOnRequest() throws {
        let data = try pictures((0..<2).map { #"{"file_name": "\#($0).png", "text": "\#($0)"}"# })
        let (outside, link) = (folder.url("outside.png"), data.appendingPathComponent("1.png"))
        try FileManager.default.moveItem(at: link, to: outside)
        try FileManager.default.createSymbolicLink(at: link, withDestinationURL: outside)
        let checked = try Seppo.run("data", "check", data.path)
        #expect(checked.code == 0 && checked.out.contains("1.png: a link that leads out of the data set, to "))
        #expect(checked.error.contains("links that lead out of the data set: 1"))
        let copied = try Seppo.run("data", "convert", data.path, "--output", folder.url("a").path)
        #expect(copied.code == 0 && copied.out.hasPrefix("1 winners") && copied.error.contains("--follow-links"), "\(copied.error)")
        #expect(try Seppo.run("data", "convert", data.path, "--output", folder.url("b").path, "--follow-links").out.hasPrefix("2 winners"))
        #expect(try WinnerSet.list(folder.url("b")).winners.count == 2 && WinnerSet.list(folder.url("a")).winners.map(\.caption) == ["0"])
    }

    @Test func promptsOfSdScriptsAreDrawnAsTheySay() throws {
        let prompts = try folder.write("# mine\na red circle --n blurry --d 7 --s 2 --l 3\na blue square\n", to: "prompts.txt")
        let quick = ["generate", "--model", "scenes", "--steps", "1", "--guidance", "1", "--threads", "1"]
        let answer = try Seppo.run(quick + ["--prompts", prompts, "--output", folder.url("file").path])
        #expect(answer.code == 0 && answer.error.contains("passed over: 1"), "\(answer.error)")
        let alone = ["generate", "--model", "scenes", "--threads", "1", "--steps", "2", "--guidance", "3", "--seed", "7", "--prompt", "a red circle"]
        #expect(try Seppo.run(alone + ["--negative-prompt", "blurry", "--output", folder.url("alone.png").path]).code == 0)
        #expect(try Seppo.run(alone + ["--output", folder.url("other.png").path]).code == 0)
        let drawn = try Data(contentsOf: folder.url("file/00000-7.png"))
        #expect(try drawn == Data(contentsOf: folder.url("alone.png")))
        // The check can fail: another negative prompt draws another image.
        #expect(try drawn != Data(contentsOf: folder.url("other.png")))
        let rows = try String(contentsOf: folder.url("file/metadata.jsonl"), encoding: .utf8)
        #expect(rows.contains(#""guidance":3,"seed":7,"steps":2,"text":"a red circle""#))
        #expect(rows.contains(#""guidance":1,"seed":0,"steps":1,"text":"a blue square""#))
    }

    @Test func promptFilesThatCannotBeRead() throws {
        let quick = ["generate", "--model", "scenes", "--steps", "1", "--output", folder.url("out").path, "--prompts"]
        let unknown = try Seppo.run(quick + [try folder.write("a\nb --ss euler", to: "unknown.txt")])
        #expect(unknown.code == 64 && unknown.error.contains("unknown.txt:2: --ss is not understood"))
        try Data([0x63, 0x61, 0x66, 0xE9]).write(to: folder.url("latin.txt"))
        let latin = try Seppo.run(quick + [folder.url("latin.txt").path])
        #expect(latin.code == 64 && latin.error.contains("latin.txt: is not UTF-8 (line 1): save it as UTF-8"))
        #expect(try Seppo.run(quick + [folder.url("no.txt").path]).error.contains("no.txt: does not exist"))
    }
}
