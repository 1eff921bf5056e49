import Foundation
import TestFiles
import Testing

@testable import Media
@testable import Winners

/// The rules of WebDataset's samples: the key ends at the first dot, the files of a sample stand side by side.
@Suite struct ShardSampleTests {
    private let image = try! RGBImage(width: 1, height: 2, pixels: [1, 2, 3, 4, 5, 6]).encodedPNG()
    private let other = try! RGBImage(width: 1, height: 1, pixels: [3, 2, 1]).encodedPNG()

    /// - Parameter files: images where nothing else is given
    private func listing(_ files: [(String, String?)], _ columns: ParquetColumnNames = ParquetColumnNames()) throws -> (captions: [[String]], skips: [Skip]) {
        try withTemporaryFolder { folder in
            var tar = TarBytes()
            for (name, text) in files { if let text { tar.file(name, text) } else { tar.file(name, image) } }
            // So that there is always one.
            tar.file("zz.png", other)
            tar.file("zz.long.txt", "last")
            tar.file("zz.json", #"{"text": "last", "title": "last", "nothing": "last"}"#)
            tar.file("zz.image.png", other)
            tar.end()
            let shard = folder.appendingPathComponent("s.tar")
            try Data(tar.bytes).write(to: shard)
            let set = try WinnerSet.list(shard, columns: columns)
            #expect(set.winners.last?.captions == ["last"])
            return (set.winners.dropLast().map(\.captions), set.report)
        }
    }

    @Test(arguments: [
        (["model_v1.5_0.png", "model_v1.5_0.txt", "model_v1.5_1.png", "model_v1.5_1.txt"], "model_v1", "model_v1.5_0.png is the .5_0.png of model_v1"),
        (["Screenshot 10.31.png", "Screenshot 10.31.txt"], "Screenshot 10", "Screenshot 10.31.png is the .31.png of Screenshot 10"),
        (["a.image.png", "a.txt"], "a", "a.image.png is the .image.png of a"),
        (["v1.0/b.png", "v1.0/b.0.txt"], "v1.0/b", "v1.0/b.0.txt is the .0.txt of v1.0/b"),
    ]) func dotsInNames(names: [String], key: String, what: String) throws {
        let found = try listing(names.map { ($0, $0.hasSuffix("txt") ? "a" : nil) })
        #expect(found.captions.isEmpty && found.skips.map(\.file) == ["s.tar/\(key)"])
        #expect(found.skips[0].reason.contains("ends at the first dot of the name, so \(what). Pack the files again under names with one dot"))
    }

    @Test func foldersMayHaveDots() throws {
        #expect(try listing([("./v1.0/a.png", nil), ("./v1.0/a.txt", "a")]).captions == [["a"]])
    }

    @Test func filesThatAreNotNeighbours() throws {
        let kinds = try listing([("0.png", nil), ("1.png", nil), ("0.txt", "a"), ("1.txt", "b")])
        #expect(kinds.captions.isEmpty && kinds.skips.map(\.file) == ["s.tar/0", "s.tar/1"], "each is told once")
        #expect(kinds.skips[0].reason.contains("must stand side by side, and others stand between 0.png and 0.txt"))
        let backwards = try listing([("0.txt", "a"), ("1.txt", "b"), ("0.png", nil), ("1.json", "{}")])
        #expect(backwards.skips[0].reason.hasPrefix("no image: the files of one sample must stand side by side, and others stand between 0.txt and 0.png"))
        #expect(backwards.skips[1].reason == "no image", "it has none elsewhere either")
    }

    @Test func aKeyThatComesAgain() throws {
        let same = try listing([("0.png", nil), ("0.txt", "a"), ("1.png", nil), ("1.txt", "b"), ("0.png", nil), ("0.txt", "a")])
        #expect(same.captions == [["a"], ["b"]])
        #expect(same.skips == [Skip(file: "s.tar/0 (the key comes again)", reason: "the same image and caption as s.tar/0")])
        let another = try listing([("0.png", nil), ("0.txt", "a"), ("1.png", nil), ("1.txt", "b"), ("0.png", nil), ("0.txt", "c")])
        #expect(another.captions == [["a"], ["b"], ["c"]] && another.skips.isEmpty, "as the webdataset library has it")
    }

    /// Letters with their accents composed and decomposed, and letters that are not UTF-8.
    @Test func keysAreToldApartByTheirBytes() throws {
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        let names = try listing([("\(composed).png", nil), ("\(composed).txt", "a"), ("\(decomposed).png", nil), ("\(decomposed).txt", "b")])
        #expect(names.captions == [["a"], ["b"]] && names.skips.isEmpty)
        #expect(TarHeader.text([0x63, 0xE9, 0]) == "c\\xE9" && TarHeader.text([0x63, 0xE8, 0]) == "c\\xE8")
    }

    @Test func captionsOfJSON() throws {
        func captions(_ json: String, _ column: String? = nil) throws -> (captions: [[String]], skips: [Skip]) {
            try listing([("0.png", nil), ("0.json", json)], ParquetColumnNames(caption: column))
        }
        #expect(try captions(#"{"caption": "a", "similarity": NaN, "pwatermark": -Infinity}"#).captions == [["a"]])
        #expect(try captions(#"{"captions": ["a", null, " ", "b"], "text": "c"}"#).captions == [["a", "b"]])
        #expect(try captions(#"{"caption": ["a"], "key": "0"}"#).captions == [["a"]])
        #expect(try captions(#"{"text": "a", "text": "b"}"#).captions == [["b"]], "of a key that stands twice the last holds")
        #expect(try captions(#"{"caption": {"en": "a"}, "text": "b"}"#).skips[0].reason.hasPrefix("0.json: caption is an object, which is no caption"))
        #expect(try captions(#"{"caption": ["a", 3]}"#).skips[0].reason == "0.json: caption is a list that holds a number, not texts alone")
        #expect(try captions(#"{"caption": []}"#).skips[0].reason == "the caption is empty")
        #expect(try captions(#"["a"]"#).skips[0].reason == "0.json is a list, not a JSON object")
        let wide = try listing([("0.png", nil), ("0.json", String(decoding: Array("{\"text\": \"a\"}".utf8).flatMap { [$0, 0] }, as: UTF8.self))])
        #expect(wide.skips[0].reason == "0.json: is UTF-16, not UTF-8: save it as UTF-8")
    }

    @Test func kindsAndKeysThatAUserNames() throws {
        let files: [(String, String?)] = [
            ("0.png", nil), ("0.image.png", nil), ("0.txt", "plain"), ("0.long.txt", "long"), ("0.json", #"{"title": "titled"}"#),
        ]
        #expect(try listing(files, ParquetColumnNames(caption: "title")).captions == [["titled"]])
        #expect(try listing(files, ParquetColumnNames(caption: ".long.txt")).captions == [["long"]])
        #expect(try listing(files, ParquetColumnNames(image: "image.png")).captions == [["plain"]])
        let missing = try listing(files, ParquetColumnNames(caption: "nothing"))
        #expect(missing.skips[0].reason == "0.json has no nothing; its keys are title")
    }

    @Test func severalCaptionsGoThereAndBack() throws {
        try withTemporaryFolder { folder in
            let first = try WinnerSet.list(ParquetTests.folder.appendingPathComponent("types/captions-fixed-list.parquet"))
            let (shard, images) = (folder.appendingPathComponent("a.tar"), folder.appendingPathComponent("images"))
            #expect(try WinnerShard.write(first.winners, to: shard).isEmpty)
            #expect(try WinnerFolder.write([("", first.winners)], to: images).isEmpty)
            for again in [try WinnerSet.list(shard), try WinnerSet.list(images)] {
                #expect(again.winners.map(\.captions) == [["one", "two"], ["three"], ["four", "five"]])
                #expect(again.winners.map(\.image.digest) == first.winners.map(\.image.digest))
            }
            // A column is of one type: lists throughout, as the datasets library demands.
            let rows = try String(contentsOf: images.appendingPathComponent("metadata.jsonl"), encoding: .utf8)
            #expect(rows.contains(#""text":["three"]"#))
        }
    }
}
