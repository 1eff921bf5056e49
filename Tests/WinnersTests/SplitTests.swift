import Foundation
import Testing

@testable import Winners

/// Splits of image folders, and by which names they are told.
@Suite struct SplitTests {
    @Test(arguments: [
        ("train/0.png", DatasetSplit.train), ("data/train-00000-of-00002/0.png", .train), ("Training/0.png", .train), ("train2017/0.png", .train),
        ("my_train_images/0.png", .train), ("val/0.png", .validation), ("valid/a/b.png", .validation), ("validation/0.png", .validation),
        ("dev/0.png", .validation), ("01_val/0.png", .validation), ("test/0.png", .test), ("testing/0.png", .test), ("eval.set/0.png", .test),
        ("evaluation/0.png", .test), ("held-out/0.png", .heldOut), ("held_out/0.png", .heldOut),
    ])
    func foldersNameSplits(_ path: String, _ split: DatasetSplit) { #expect(DatasetSplit(foldersOf: path) == split) }

    @Test(arguments: ["trainwreck/0.png", "trains/0.png", "10_train station/0.png", "contest/0.png", "valley/0.png", "device/0.png", "train.png", "test 1.png"])
    func otherNamesDoNot(_ path: String) { #expect(DatasetSplit(foldersOf: path) == nil) }

    @Test func filesOfTablesNameThemToo() {
        #expect(DatasetSplit(path: "train-00000-of-00010.parquet") == .train && DatasetSplit(path: "data/my.test.tar") == .test)
        #expect(DatasetSplit(path: "trainwreck-photos.parquet") == nil && DatasetSplit(path: "train/validation-0.tar") == .train)
    }

    @Test func trainIsReadAndTheOthersNamed() throws {
        let images = ["train/0.png", "train/sub/1.png", "test/2.png", "test/3.png", "val/4.png", "5.png"]
        let texts = images.map { ($0.replacingOccurrences(of: ".png", with: ".txt"), "of \($0)") }
        let found = try PictureFolder(images, texts: Dictionary(uniqueKeysWithValues: texts)).winners()
        #expect(found.lines == ["train/0.png: of train/0.png", "train/sub/1.png: of train/sub/1.png"])
        #expect(
            found.leftOut == [
                "test: not read: it is of the split test (pictures: 2)", "val: not read: it is of the split validation (pictures: 1)",
                "5.png: not read: it is of no split, and others are of the split train",
            ])
    }

    @Test func whatIsInNoSplitIsReadWhereNothingIsCalledTrain() throws {
        let found = try PictureFolder(["a.png", "eval/b.png"], texts: ["a.txt": "a", "eval/b.txt": "b"]).winners()
        #expect(found.lines == ["a.png: a"] && found.leftOut == ["eval: not read: it is of the split test (pictures: 1)"])
    }

    @Test func oneOtherSplitIsReadAndSeveralAreAQuestion() throws {
        let one = try PictureFolder(["test/a.png"], texts: ["test/a.txt": "a"])
        #expect(try one.winners().lines == ["test/a.png: a"])
        let two = try PictureFolder(["test/a.png", "dev/b.png"], texts: ["test/a.txt": "a", "dev/b.txt": "b"])
        #expect(throws: WinnerSetError.severalSplits(two.url.path, ["validation", "test"])) { try two.winners() }
        let tables = ["test-0.parquet", "validation-0.parquet"]
        #expect(throws: WinnerSetError.severalSplits(two.url.path, ["validation", "test"])) { try DatasetFiles(tables, in: two.url, FolderWalk(two.url)) }
    }

    @Test func metadataFilesAreReadWhereTheyStand() throws {
        let texts = [
            "train/metadata.jsonl": """
            {"file_name": "0.png", "text": "zero"}
            {"file_name": "sub/1.png", "text": "one", "loser_file_name": "0.png"}
            """,
            "train/more/metadata.csv": "file_name,text\n2.png,two", "test/metadata.jsonl": #"{"file_name": "3.png", "text": "three"}"#,
        ]
        let found = try PictureFolder(["train/0.png", "train/sub/1.png", "train/more/2.png", "test/3.png"], texts: texts).winners()
        #expect(found.lines == ["train/0.png: zero", "train/sub/1.png: one", "train/more/2.png: two"])
        #expect(found.winners[1].loser?.name == "train/0.png")
        #expect(found.form == "image folder (train/metadata.jsonl, train/more/metadata.csv)")
        #expect(found.leftOut == ["test: not read: it is of the split test (pictures: 1)"])
    }

    @Test func aMetadataFileAboveTheSplitsIsReadForTrain() throws {
        let rows = (0..<3).map { #"{"file_name": "\#($0 < 2 ? "train" : "test")/\#($0).png", "text": "\#($0)"}"# }.joined(separator: "\n")
        let found = try PictureFolder(["train/0.png", "train/1.png", "test/2.png"], texts: ["metadata.jsonl": rows]).winners()
        #expect(found.lines == ["train/0.png: 0", "train/1.png: 1"])
        #expect(found.leftOut.contains("metadata.jsonl: rows of other splits than train, not read: 1"))
    }

    @Test func nestedMetadataMayNotLeaveTheDataSet() throws {
        let rows = "{\"file_name\": \"../b.png\", \"text\": \"b\"}\n{\"file_name\": \"../../c.png\", \"text\": \"c\"}"
        let found = try PictureFolder(["b.png"], texts: ["sub/metadata.jsonl": rows]).winners()
        #expect(found.lines == ["b.png: b"] && found.leftOut == ["sub/metadata.jsonl:2: ../../c.png is outside the folder"])
    }

    @Test func picturesUnderNoMetadataFileHaveCaptionFiles() throws {
        let texts = ["a/metadata.jsonl": #"{"file_name": "0.png", "text": "zero"}"#, "a/1.txt": "one", "b/2.txt": "two"]
        let found = try PictureFolder(["a/0.png", "a/1.png", "b/2.png"], texts: texts).winners()
        #expect(found.lines == ["a/0.png: zero", "b/2.png: two"])
        #expect(found.leftOut == ["a/metadata.jsonl: pictures with a caption beside them that it does not name, not read: 1, such as a/1.png"])
        #expect(found.form == "image folder (a/metadata.jsonl, captions beside the images)")
    }

    @Test func whatASplitWritesIsReadBack() throws {
        let source = try PictureFolder((0..<6).map { "\($0).png" }, texts: Dictionary(uniqueKeysWithValues: (0..<6).map { ("\($0).txt", "caption \($0)") }))
        let set = try source.winners()
        let parts = [(name: "train", winners: Array(set.winners[..<4])), (name: "held-out", winners: Array(set.winners[4...]))]
        let written = source.beside("parts")
        _ = try WinnerFolder.write(parts, to: written)
        let whole = try WinnerSet.list(written)
        #expect(whole.winners.map(\.image.digest) == parts[0].winners.map(\.image.digest) && whole.winners.map(\.caption) == parts[0].winners.map(\.caption))
        #expect(whole.leftOut == ["held-out: not read: it is of the split held-out (pictures: 2)"])
        let heldOut = try WinnerSet.list(written.appendingPathComponent("held-out"))
        #expect(heldOut.winners.map(\.caption) == parts[1].winners.map(\.caption) && heldOut.leftOut.isEmpty)
    }
}
