import Foundation
import Pages
import TestFiles
import Testing

@testable import Winners

/// Columns of every type under the names of captions and images: files that `Tests/Fixtures/make_parquet.py` made.
@Suite struct ParquetTypeTests {
    private func file(_ name: String) -> URL { ParquetTests.folder.appendingPathComponent("types/\(name).parquet") }

    private func captions(_ name: String, _ columns: ParquetColumnNames = ParquetColumnNames()) throws -> [[String]] {
        try WinnerSet.list(file(name), columns: columns).winners.map(\.captions)
    }

    private static let texts = [["a red circle"], ["a blue square"], ["a green triangle"]]

    /// Nulls and empty ones are no captions; what stands beside the list is never taken instead.
    @Test func aListIsSeveralCaptions() throws {
        let lists = [["one", "two"], ["three", "four", "five"]]
        #expect(try captions("captions-list") == lists)
        #expect(try captions("captions-large-list") == lists)
        #expect(try captions("captions-fixed-list") == [["one", "two"], ["three"], ["four", "five"]])
        #expect(try captions("captions-list", ParquetColumnNames(caption: "caption")) == lists)
        #expect(try captions("captions-list", ParquetColumnNames(caption: "filename")).count == 3, "asked for is asked for")
        let set = try WinnerSet.list(file("captions-list"))
        #expect(set.report == [Skip(file: "captions-list.parquet", row: 2, reason: "no caption")])
        #expect(set.counts.last == .init("with several captions", 2) && set.winners[1].image.name == "captions-list.parquet:3")
        #expect(try set.winners[1].image.bytes() == WinnerSet.list(file("large")).winners[2].image.bytes(), "rows of lists and of images keep together")
    }

    @Test func listsThatAreNoCaptionsAreLeftOut() throws {
        let set = try WinnerSet.list(file("captions-endless"))
        #expect(set.winners.map(\.captions) == [["short"]])
        #expect(set.report.map(\.reason) == ["the list of captions is too long", "the list of captions is too long"])
    }

    @Test(arguments: ["large", "dictionary", "view", "bytes-number"]) func theSameTextInOtherTypes(name: String) throws {
        #expect(try captions(name) == Self.texts)
    }

    @Test func bytesAreTextWhereTheyAreUTF8() throws {
        let set = try WinnerSet.list(file("bytes"))
        #expect(set.winners.map(\.captions) == [["a red circle"]])
        #expect(set.report.map(\.reason) == ["the caption is UTF-16, not UTF-8: save it as UTF-8", "the caption is not UTF-8 (line 1): save it as UTF-8"])
    }

    @Test(arguments: [
        ("caption-struct", "caption is a struct of en, fr, which is no caption", "--caption-column: caption.en, caption.fr, filename"),
        ("caption-number", "text is a number, which is no caption", "--caption-column: caption"),
        ("caption-lists-of-lists", "caption is a list of lists of text, which is no caption", "text or a list of texts is needed"),
        ("caption-structs", "caption is a list of structs of text, id, which is no caption", "text or a list of texts is needed"),
        ("caption-nulls", "text is null throughout, which is no caption", "text or a list of texts is needed"),
        ("labels", "no column is called as the caption would be", "wnid (text). Name one with --caption-column"),
        ("names", "no column is called as the caption would be", "file_name (text). Name one with --caption-column"),
        ("splits", "no column is called as the caption would be", "split (text). Name one with --caption-column"),
        ("image-list", "images is a list of structs of bytes, path, which is no image", "lists are not read"),
        ("image-text", "image is text, which is no image", "--image-column: photo"),
        ("image-path", "image is a struct of path, which is no image", "a picture's own bytes are needed"),
        ("two-images", "more than one column could be the image: jpg, png", "--image-column"),
        ("null-rows", "claims more rows than it has bytes", "1329"),
    ]) func whatCannotBeUsedSaysItsType(name: String, reason: String, remedy: String) throws {
        let error = try #require(#expect(throws: ParquetError.self) { try WinnerSet.list(file(name)) })
        #expect(error.description.hasPrefix(file(name).path + ": "))
        #expect(error.description.contains(reason) && error.description.contains(remedy), "\(error)")
    }

    @Test func whatIsNamedIsTaken() throws {
        #expect(try captions("caption-struct", ParquetColumnNames(caption: "caption.en")) == Self.texts)
        #expect(try captions("image-text", ParquetColumnNames(image: "photo")) == Self.texts)
        #expect(try captions("caption-number", ParquetColumnNames(caption: "caption")) == Self.texts)
        #expect(try captions("two-images", ParquetColumnNames(image: "png")) == Self.texts)
        #expect(try captions("control") == Self.texts, "image is the image, and not what conditioned it")
        let missing = ParquetError.Problem.missing(.caption, name: "title", among: ["image (bytes)", "text (text)"])
        #expect(throws: ParquetError(path: file("large").path, problem: missing)) { try captions("large", ParquetColumnNames(caption: "title")) }
        let pairs = ParquetTests.folder.appendingPathComponent("pick-a-pic.parquet")
        #expect(try WinnerSet.list(pairs, columns: ParquetColumnNames(caption: "caption")).winners.allSatisfy { $0.loser != nil })
    }

    @Test func aPathAloneIsNoPicture() throws {
        let error = #expect(throws: WinnerSetError.self) { try WinnerSet.list(file("image-paths")) }
        #expect("\(try #require(error))".contains("no bytes in image.bytes: only the path of a file outside, /data/0.png"))
    }

    @Test func pipesAndDevicesAreRefused() throws {
        try withTemporaryFolder { folder in
            for name in ["a.parquet", "a.tar"] {
                let pipe = folder.appendingPathComponent(name)
                #expect(mkfifo(pipe.path, 0o600) == 0)
                #expect(throws: (any Error).self) { try WinnerSet.list(pipe) }
                let device = folder.appendingPathComponent("device-\(name)")
                try FileManager.default.createSymbolicLink(atPath: device.path, withDestinationPath: "/dev/zero")
                #expect(throws: (any Error).self) { try WinnerSet.list(device) }
            }
        }
    }
}
