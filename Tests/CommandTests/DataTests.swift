import Foundation
import TestFiles
import Testing
import Winners

/// `seppo data`.
@Suite struct DataTests {
    private let folder = TemporaryFolder()
    private static let fixtures = Fixture.url("parquet")
    private let pairs = fixtures.appendingPathComponent("pick-a-pic.parquet").path
    private let hub = fixtures.appendingPathComponent("hub.parquet").path
    private let ambiguous = fixtures.appendingPathComponent("ambiguous.parquet").path

    private func counts(_ json: [String: Any]?) -> [String: Int] {
        let counts = (json?["dataset"] as? [String: Any])?["counts"] as? [[String: Any]] ?? []
        return Dictionary(uniqueKeysWithValues: counts.map { ($0["name"] as? String ?? "", $0["value"] as? Int ?? -1) })
    }

    @Test func show() throws {
        for command in [["data", "show"], ["inspect"]] {
            let answer = try Seppo.run(command + [pairs, "--json"])
            #expect(answer.code == 0 && answer.json?["kind"] as? String == "dataset", "\(answer.error)")
            #expect(counts(answer.json) == ["rows": 15, "ties": 2, "without label": 2, "unusable": 5, "winners": 5, "repeated": 1])
            let dataset = try #require(answer.json?["dataset"] as? [String: Any])
            #expect(dataset["losers"] as? Int == 5 && (dataset["first_captions"] as? [String])?.first == "a red circle")
            #expect((dataset["caption_tokens"] as? [String: Int])?["min"] == 5)
            #expect((answer.json?["problems"] as? [String])?.count == 6)
        }
        let text = try Seppo.run("data", "show", hub).out
        #expect(text.contains("Parquet (one file, columns image.bytes and text): 9 rows, 3 unusable, 5 winners, 1 repeated"))
        let nowhere = try Seppo.run("data", "show", folder.url("nowhere").path, "--json")
        #expect(nowhere.code == 1 && nowhere.out.isEmpty && nowhere.error.contains("nowhere"))
    }

    @Test func check() throws {
        let winners = try Materials.copyOfWinners(in: folder)
        let good = try Seppo.run("data", "check", winners.path)
        #expect(good.code == 0 && good.out == "12 winners can be used, 0 problems\n")
        for number in 0..<12 {
            let file = winners.appendingPathComponent(String(format: "%05d.png", number))
            try Data(contentsOf: file).prefix(150).write(to: file)
            if number == 0 { #expect(try Seppo.run("data", "check", winners.path).out.hasSuffix("11 winners can be used, 1 problems\n")) }
        }
        let bad = try Seppo.run("data", "check", winners.path)
        #expect(bad.code == 1 && bad.out.contains("00007.png: the image is truncated"))
        let asked = try Seppo.run("data", "check", ambiguous)
        #expect(asked.code == 1 && asked.out.contains("title (text), body (text)") && asked.out.contains("--caption-column"))
    }

    /// There and back through every form, to the byte.
    @Test func convert() throws {
        let (images, shard, again) = (folder.url("images"), folder.url("new/shard.tar"), folder.url("again"))
        #expect(try Seppo.run("data", "convert", pairs, "--output", images.path).code == 0)
        #expect(try Seppo.run("data", "convert", images.path, "--output", shard.path).code == 0)
        #expect(try Seppo.run("data", "convert", shard.path, "--output", again.path).code == 0)
        let first = try WinnerSet.list(images)
        #expect(first.winners.count == 5 && first.winners.allSatisfy { $0.loser != nil })
        for other in [try WinnerSet.list(shard), try WinnerSet.list(again), try WinnerSet.list(URL(fileURLWithPath: pairs))] {
            #expect(other.winners.map(\.image.digest) == first.winners.map(\.image.digest) && other.winners.map(\.caption) == first.winners.map(\.caption))
            #expect(other.winners.map { $0.loser?.digest } == first.winners.map { $0.loser?.digest })
        }
        #expect(try Seppo.run("data", "convert", hub, "--output", images.path).code == 64, "never over what is there")
        #expect(try Seppo.run("data", "convert", hub, "--output", shard.path).code == 64)

        let chosen = folder.url("chosen")
        let configuration = try folder.write("caption_column: body\nimage_column: edited\noutput: \(chosen.path)\n", to: "convert.yaml")
        #expect(try Seppo.run("data", "convert", ambiguous, "--config", configuration).code == 0)
        #expect(try WinnerSet.list(chosen).winners.map(\.caption) == ["two"])
        let misspelt = try folder.write("caption_columm: body\n", to: "misspelt.yaml")
        let refused = try Seppo.run("data", "convert", ambiguous, "--config", misspelt)
        #expect(refused.code == 64 && refused.error.contains("caption_columm"))
    }

    /// What cannot be copied is said, and where nothing can be, nothing is left behind.
    @Test func convertSpoiltImages() throws {
        let winners = try Materials.copyOfWinners(in: folder)
        for number in 0..<12 {
            try Data("no image".utf8).write(to: winners.appendingPathComponent(String(format: "%05d.png", number)))
            guard number == 0 || number == 11 else { continue }
            for output in ["out", "out.tar"] {
                let answer = try Seppo.run("data", "convert", winners.path, "--output", folder.url(output).path)
                if number == 0 {
                    #expect(answer.code == 0 && answer.error.contains("left out: 00000.png: not a PNG") && answer.out.hasPrefix("11 winners"))
                    try FileManager.default.removeItem(at: folder.url(output))
                } else {
                    #expect(answer.code == 1 && answer.error.contains("no usable winner"))
                }
            }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["winners"])
    }

    @Test func split() throws {
        let output = folder.url("divided")
        let arguments = ["data", "split", Materials.winners.path, "--held-out", "0.3", "--output"]
        let answer = try Seppo.run(arguments + [output.path])
        #expect(answer.code == 0, "\(answer.error)")
        let (train, heldOut) = (try WinnerSet.list(output.appendingPathComponent("train")), try WinnerSet.list(output.appendingPathComponent("held-out")))
        #expect(train.winners.count + heldOut.winners.count == 12)
        #expect(Set(train.winners.map(\.caption)).isDisjoint(with: heldOut.winners.map(\.caption)))
        #expect(train.winners.allSatisfy { $0.loser != nil })
        #expect(try Seppo.run(arguments + [output.path]).code == 64, "never over what is there")
        #expect(try Seppo.run(arguments + [folder.url("again").path]).code == 0)
        let again = try WinnerSet.list(folder.url("again/held-out"))
        #expect(again.winners.map(\.image.digest) == heldOut.winners.map(\.image.digest))
        #expect(try Seppo.run("data", "split", hub, "--held-out", "1.5", "--output", folder.url("no").path).code == 64)
        let onOneSide = try Seppo.run("data", "split", hub, "--held-out", "0.000001", "--output", folder.url("no").path)
        #expect(
            onOneSide.code == 64 && onOneSide.error.contains("one side: none is held out: 1e-06 of 5 winners is less than one")
                && !FileManager.default.fileExists(atPath: folder.url("no").path))
    }

    @Test func sheet() throws {
        let page = folder.url("sheet.html")
        #expect(try Seppo.run("data", "sheet", pairs, "--output", page.path, "--count", "3", "--resolution", "24").code == 0)
        let html = try String(contentsOf: page, encoding: .utf8)
        #expect(html.components(separatedBy: "<figure").count == 4 && html.components(separatedBy: "data:image/png;base64,").count == 7)
        #expect(html.contains("a red circle") && html.contains("Loser") && !html.contains("http:") && !html.contains("https:") && !html.contains("<script"))
        // The very crop that training makes.
        let first = try WinnerSet.list(URL(fileURLWithPath: pairs)).winners[0].image.image(fittedTo: 24)
        #expect(html.contains(Data(try first.encodedPNG()).base64EncodedString()))
    }

    @Test func alignTakesPairs() throws {
        let run = folder.url("run")
        let answer = try Seppo.run(Materials.align(run, winners: URL(fileURLWithPath: pairs), iterations: 1, updates: 1) + ["--method", "dpo"])
        #expect(answer.code == 0, "\(answer.error)")
        #expect(RunFiles(run).updatesLogged == 1)
        #expect(answer.error.contains("15 rows, 2 ties, 2 without label, 5 unusable, 5 winners, 1 repeated"))
    }
}
