import Foundation
import Media
import Pages
import TestFiles
import Testing
import Winners

@Suite struct ImageFolderTests {
    /// A folder of one-pixel images (empty files where the name says so) and text files.
    private func folder<Result>(images: [String] = [], texts: [String: String] = [:], _ body: (URL) throws -> Result) throws -> Result {
        try withTemporaryFolder { folder in
            // Every one another, unless it is called a copy of the first.
            let pictures = try images.enumerated().map { index, name in
                let shade = name.contains("copy") ? 0 : UInt8(index)
                return (name, name.contains("empty") ? Data() : Data(try RGBImage(width: 1, height: 1, pixels: [shade, 2, 3]).encodedPNG()))
            }
            for (name, data) in pictures + texts.map({ ($0, Data($1.utf8)) }) {
                let file = folder.appendingPathComponent(name)
                try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try data.write(to: file)
            }
            return try body(folder)
        }
    }

    private func captions(_ set: WinnerSet) -> [String] { set.winners.map { "\($0.image.name): \($0.caption)" } }

    @Test func readsJSONLines() throws {
        let rows = """
            \u{FEFF}{"file_name": "b.png", "text": "a dog,\\nasleep", "score": 3}\r
            {"file_name": "sub/a.JPG", "text": "ein Fuß 🦶", "loser_file_name": "b.png"}

            {"text": "again", "file_name": "./b.png", "loser_file_name": null}
            """
        try folder(images: ["b.png", "sub/a.JPG"], texts: ["metadata.jsonl": rows]) { url in
            let found = try WinnerSet.list(url)
            #expect(captions(found) == ["b.png: a dog, asleep", "sub/a.JPG: ein Fuß 🦶", "b.png: again"])
            #expect(found.winners.map { $0.loser?.name } == [nil, "b.png", nil])
            #expect(found.report == [])
        }
    }

    @Test func leavesOutBadRowsOfJSONLines() throws {
        let rows: [(String, String?)] = [
            (#"{"file_name": "a.png", "text": "good"}"#, nil),
            (#"{"file_name": "a.png", "text": "good""#, "not valid JSON: a comma or } was expected at byte 38"),
            (#"["a.png", "good"]"#, "not a JSON object"),
            (#"{"text": "good"}"#, "no file_name; there is text"),
            (#"{"file_name": "a.png"}"#, "no text, caption, captions, prompt; there is file_name"),
            (#"{"file_name": "a.png", "text": 7}"#, "text is a number, which is no caption: a text or a list of texts is needed"),
            (#"{"file_name": "a.png", "text": " \n"}"#, "the caption is empty"),
            (#"{"file_name": "c.png", "text": "good"}"#, "c.png is missing"),
            (#"{"file_name": "a.png", "text": "good", "loser_file_name": "c.png"}"#, "c.png is missing"),
            (#"{"file_name": "../a.png", "text": "good"}"#, "../a.png is outside the folder"),
            (#"{"file_name": "sub/../../a.png", "text": "good"}"#, "sub/../../a.png is outside the folder"),
            (#"{"file_name": "/etc/a.png", "text": "good"}"#, "/etc/a.png is outside the folder"),
            (#"{"file_name": "sub.png", "text": "good"}"#, "sub.png is a folder"),
            (#"{"file_name": "metadata.jsonl", "text": "good"}"#, "metadata.jsonl is not a .png, .jpg, .jpeg or .webp file"),
            (#"{"file_name": "a.png", "text": "good"}"#, "the same image and caption as row 1"),
            (#"{"file_name": "a.png", "text": "good", "loser_file_name": "a.png"}"#, nil),
        ]
        try folder(images: ["a.png", "sub.png/b.png"], texts: ["metadata.jsonl": rows.map(\.0).joined(separator: "\n")]) { url in
            let found = try WinnerSet.list(url)
            #expect(found.winners.count == 2)
            let expected = rows.enumerated().compactMap { row in row.element.1.map { Skip(file: "metadata.jsonl", row: row.offset + 1, reason: $0) } }
            #expect(found.report == expected)
        }
    }

    @Test func readsCommaSeparatedValues() throws {
        let rows = [
            "\u{FEFF}\"text\",file_name,loser_file_name,more",
            "\"a \"\"red\"\" cube,\r\nlarge\",a.png,,1", "", "plain, a.png.png,a.png,2", "last,a.png,\"\",\r\n",
        ].joined(separator: "\r\n")
        try folder(images: ["a.png", " a.png.png"], texts: ["metadata.csv": rows]) { url in
            let found = try WinnerSet.list(url)
            #expect(captions(found) == ["a.png: a \"red\" cube, large", " a.png.png: plain", "a.png: last"])
            #expect(found.winners.map { $0.loser?.name } == [nil, "a.png", nil])
            #expect(found.report == [])
        }
    }

    @Test func leavesOutBadRowsOfCommaSeparatedValues() throws {
        let rows = "file_name,text\na.png,\"two\nlines\"\na.png\na.png,a,b\na.png,\"a\"b\nb.png,b\na.png,\na.png,\"open\na.png,swallowed"
        try folder(images: ["a.png"], texts: ["metadata.csv": rows]) { url in
            let found = try WinnerSet.list(url)
            #expect(captions(found) == ["a.png: two lines"])
            #expect(
                found.report.map(\.description) == [
                    "metadata.csv:4: 1 fields where the header has 2", "metadata.csv:5: 3 fields where the header has 2",
                    "metadata.csv:6: text after a closing quote", "metadata.csv:7: b.png is missing", "metadata.csv:8: the caption is empty",
                    "metadata.csv:9: a quote is never closed",
                ])
        }
    }

    @Test func readsCaptionsBesideTheImages() throws {
        let images = ["b.png", "a.WebP", "sub/c.jpeg", "lonely.png", "blank.png", ".hidden.png", "old.gif"]
        let texts = [
            "b.txt": "a dog\r\n", "a.txt": "\u{FEFF} a cat \n by a door\n", "sub/c.txt": "below", "blank.txt": "\n", "notes.txt": "x", ".hidden.txt": "x",
        ]
        try folder(images: images, texts: texts) { url in
            let found = try WinnerSet.list(url)
            #expect(captions(found) == ["a.WebP: a cat by a door", "b.png: a dog", "sub/c.jpeg: below"])
            #expect(
                found.report.map(\.description) == [
                    "blank.txt: the caption is empty", "lonely.png: no caption: lonely.txt is missing",
                    "old.gif: a GIF image, which is not read: save it as PNG, JPEG or WebP",
                    "notes.txt: no image beside it",
                ])
        }
    }

    @Test func oneMetadataFileIsReadAndTheOtherNamed() throws {
        let texts = ["metadata.jsonl": #"{"file_name": "a.png", "text": "lines"}"#, "metadata.csv": "file_name,text\na.png,commas"]
        try folder(images: ["a.png"], texts: texts) { url in
            let found = try WinnerSet.list(url)
            #expect(captions(found) == ["a.png: lines"])
            #expect(found.report == [Skip(file: "metadata.csv", reason: "not read, because metadata.jsonl is there")])
        }
    }

    @Test func linksAreFollowedButNotRoundInCircles() throws {
        try folder(images: ["blobs/a.png", "data/b.png"], texts: ["data/b.txt": "b"]) { url in
            let data = url.appendingPathComponent("data")
            try FileManager.default.createSymbolicLink(at: data.appendingPathComponent("loop"), withDestinationURL: data)
            #expect(captions(try WinnerSet.list(data)) == ["b.png: b"])
            try FileManager.default.createSymbolicLink(at: data.appendingPathComponent("a.png"), withDestinationURL: url.appendingPathComponent("blobs/a.png"))
            try Data(#"{"file_name": "a.png", "text": "a"}"#.utf8).write(to: data.appendingPathComponent("metadata.jsonl"))
            let linked = try WinnerSet.list(data)
            let image = try linked.winners[0].image.image()
            #expect(image.width == 1)
        }
    }

    @Test func saysWhatItLookedForWhereNothingIsUsable() throws {
        try folder(images: ["a.png"]) { url in
            let error = #expect(throws: WinnerSetError.self) { try WinnerSet.list(url) }
            guard case .noWinners(url.path, _, [Skip(file: "a.png", reason: "no caption: a.txt is missing")])? = error else {
                Issue.record("\(error as Any)")
                return
            }
            #expect(error?.description.contains("metadata.jsonl or metadata.csv") == true)
            let missing = url.appendingPathComponent("missing")
            #expect(throws: WinnerSetError.notThere(missing.path)) { try WinnerSet.list(missing) }
        }
        try folder(images: ["a.png"], texts: ["metadata.csv": "name,caption\na.png,a"]) { url in
            let error = #expect(throws: WinnerSetError.self) { try WinnerSet.list(url) }
            #expect(error?.description.contains("metadata.csv:1: the header row must name the columns file_name and text or caption") == true)
        }
    }

    @Test func listingReadsEveryImageAndDecodesNone() throws {
        let rows = """
            {"file_name": "a.png", "text": "a"}
            {"file_name": "a.png", "text": "a", "loser_file_name": "empty.png"}
            {"file_name": "sub/empty.png", "text": "b"}
            {"file_name": "broken.png", "text": "c"}
            """
        try folder(images: ["a.png", "empty.png", "sub/empty.png"], texts: ["broken.png": "no picture", "metadata.jsonl": rows]) { url in
            let found = try WinnerSet.list(url)
            #expect(captions(found) == ["a.png: a", "broken.png: c"])
            #expect(
                found.report.map(\.description) == [
                    "metadata.jsonl:2: empty.png: the file is empty", "metadata.jsonl:3: sub/empty.png: the file is empty",
                ])
            let image = try found.winners[0].image.image()
            #expect(image.pixels == [0, 2, 3])
            #expect(refusal(found.winners[1]) == "broken.png: not a PNG, JPEG or WebP image")
        }
    }

    /// One picture under two names is one winner, but for another caption or over another losing image.
    @Test func winnersAreToldApartByContent() throws {
        let rows = """
            {"file_name": "a.png", "text": "a", "loser_file_name": "b.png"}
            {"file_name": "copy.png", "text": "a", "loser_file_name": "b.png"}
            {"file_name": "copy.png", "text": "another", "loser_file_name": "b.png"}
            {"file_name": "copy.png", "text": "a", "loser_file_name": "c.png"}
            {"file_name": "copy.png", "text": "a"}
            """
        try folder(images: ["a.png", "copy.png", "b.png", "c.png"], texts: ["metadata.jsonl": rows]) { url in
            let found = try WinnerSet.list(url)
            #expect(captions(found) == ["a.png: a", "copy.png: another", "copy.png: a", "copy.png: a"])
            #expect(found.report.map(\.description) == ["metadata.jsonl:2: the same image and caption as row 1"])
            #expect(found.counts == [WinnerSet.Count("winners", 4), WinnerSet.Count("repeated", 1)])
            let digests = found.winners.map(\.image.digest)
            #expect(Set(digests).count == 1 && digests[0].count == 64)
            #expect(found.winners[0].loser?.digest != found.winners[2].loser?.digest)
        }
        try folder(images: ["a.png", "sub/copy.png"], texts: ["a.txt": "a", "sub/copy.txt": "a"]) { url in
            let found = try WinnerSet.list(url)
            #expect(found.report == [Skip(file: "sub/copy.png", reason: "the same image and caption as a.png")])
        }
    }

    @Test func aDigestIsTheFilesSHA256() throws {
        try folder(images: ["a.png"], texts: ["a.txt": "a", "b.png": "abc", "b.txt": "of FIPS 180-4"]) { url in
            let found = try WinnerSet.list(url)
            #expect(found.winners[1].image.digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        }
    }

    /// Why an image cannot be had; nil where it can.
    private func refusal(_ winner: Winner) -> String? {
        do throws(ImageError) {
            _ = try winner.image.image()
            return nil
        } catch {
            return Skip(error).description
        }
    }

    @Test func anImageThatChangedSinceItWasListedIsRefused() throws {
        try folder(images: ["a.png", "b.png", "c.png"], texts: ["a.txt": "a", "b.txt": "b", "c.txt": "c"]) { url in
            let winners = try WinnerSet.list(url).winners
            try FileManager.default.removeItem(at: url.appendingPathComponent("a.png"))
            try Data(RGBImage(width: 1, height: 1, pixels: [7, 7, 7]).encodedPNG()).write(to: url.appendingPathComponent("b.png"))
            #expect(winners.map(refusal) == ["a.png: No such file or directory", "b.png: has changed since it was listed", nil])
        }
    }

    @Test func aPartOfAFileIsReadWithinItsBounds() throws {
        try folder(texts: ["a": "0123456789"]) { url in
            let path = url.appendingPathComponent("a").path
            let (part, whole) = (try FileSource(path, range: 3..<6).bytes(), try FileSource(path).bytes())
            #expect(part == Array("345".utf8) && whole.count == 10)
            #expect(throws: ImageError.Reason.self) { try FileSource(path, range: 8..<11).bytes() }
            #expect(throws: ImageError.Reason.empty) { try FileSource(path, range: 8..<8).bytes() }
        }
    }
}
