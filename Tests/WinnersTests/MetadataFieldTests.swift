import Foundation
import Pages
import Testing
import Winners

/// What a metadata file calls things, and what Python writes.
@Suite struct MetadataFieldTests {
    private func rows(_ rows: String..., columns: ParquetColumnNames = ParquetColumnNames()) throws -> WinnerSet {
        let ok = #"{"file_name": "ok.png", "text": "ok", "title": "titled", "picture": "ok.png"}"#
        return try PictureFolder(["ok.png", "a.png", "sub/b.png"], texts: ["metadata.jsonl": (rows + [ok]).joined(separator: "\n")]).winners(columns: columns)
    }

    @Test(arguments: [
        #"{"file_name": "a.png", "caption": "a cat"}"#, #"{"file_name": "a.png", "prompt": "a cat"}"#, #"{"image": "a.png", "text": "a cat"}"#,
        #"{"image_file_name": "a.png", "text": "a cat"}"#, #"{"file_name": "a.png", "text": null, "caption": "a cat"}"#,
        #"{"file_name": "a.png", "text": "", "caption": "a cat"}"#, #"{"file_name": "a.png", "text": "a cat", "caption": "no", "score": NaN}"#,
        #"{"file_name": "a.png", "text": "a cat", "score": Infinity, "other": [-Infinity]}"#,
        #"{"file_name": "a.png", "text": "first", "text": "a cat"}"#, #"{"file_name": "b.png", "file_name": "a.png", "text": "a cat"}"#,
    ])
    func read(_ row: String) throws {
        let found = try rows(row)
        #expect(found.lines.first == "a.png: a cat" && found.leftOut.isEmpty, "\(found.leftOut)")
    }

    @Test(arguments: [
        (#"{"file_name": "a.png", "label": 3}"#, "no text, caption, captions, prompt; there is file_name, label"),
        (#"{"file_name": "a.png", "text": 3, "caption": "a cat"}"#, "text is a number, which is no caption: a text or a list of texts is needed"),
        (#"{"file_name": "a.png", "text": {"en": "a cat"}}"#, "text is an object, which is no caption: a text or a list of texts is needed"),
        (#"{"file_name": ["a.png"], "text": "a cat"}"#, "file_name is a list, not a text"),
        (#"{"file_name": "a.png", "text": []}"#, "the caption is empty"),
        (#"{"file_name": "a.png", "text": ["a", 7]}"#, "text is a list that holds a number, not texts alone"),
        (#"{"file_name": "a.PNG", "text": "a cat"}"#, "a.PNG is missing; there is a.png"),
        (#"{"file_name": "sub", "text": "a cat"}"#, "sub is not a .png, .jpg, .jpeg or .webp file"),
        (#"{"file_name": "a.png", "text": "a cat", }"#, "not valid JSON: a key in double quotes was expected at byte 41"),
    ])
    func leftOut(_ row: String, _ reason: String) throws { #expect(try rows(row).leftOut == ["metadata.jsonl:1: \(reason)"]) }

    @Test func aListHasSeveralCaptions() throws {
        let found = try rows(#"{"file_name": "a.png", "text": ["one", " ", "two"]}"#, #"{"file_name": "sub/b.png", "caption": null, "captions": ["three"]}"#)
        #expect(found.winners.map(\.captions) == [["one", "two"], ["three"], ["ok"]])
    }

    @Test func backslashesPartFolders() throws { #expect(try rows(#"{"file_name": "sub\\b.png", "text": "b"}"#).lines.first == "sub/b.png: b") }

    @Test func halfACharacterIsReadAndSaid() throws {
        let found = try rows(#"{"file_name": "a.png", "text": "three \ud83d"}"#, #"{"file_name": "sub/b.png", "text": "four \ud83e\udd86"}"#)
        #expect(found.winners.map(\.caption) == ["three \u{FFFD}", "four 🦆", "ok"])
        #expect(found.notes == ["captions with U+FFFD, which stands for a character that was lost before: 1"])
    }

    @Test func columnsThatAreNamed() throws {
        #expect(try rows(columns: ParquetColumnNames(caption: "title")).lines == ["ok.png: titled"])
        let picture = try rows(#"{"picture": "a.png", "text": "a"}"#, columns: ParquetColumnNames(image: "picture"))
        #expect(picture.lines == ["a.png: a", "ok.png: ok"])
        // Nothing else is taken for what was named.
        let missing = try rows(#"{"file_name": "a.png", "text": "a"}"#, columns: ParquetColumnNames(caption: "title"))
        #expect(missing.lines == ["ok.png: titled"] && missing.leftOut == ["metadata.jsonl:1: no title; there is file_name, text"])
        let beside = try PictureFolder(["a.png"], texts: ["a.txt": "a"])
        let error = #expect(throws: WinnerSetError.noColumns(beside.url.path, "title")) { try beside.winners(columns: ParquetColumnNames(caption: "title")) }
        #expect(error?.description.contains("has no columns") == true)
    }

    /// A table by its name → what is wrong with it as a whole.
    @Test(arguments: [
        ("metadata.csv", "file_name;text\na.png;a, b", "metadata.csv:1: the columns are separated by semicolons: save the file with commas between them"),
        ("metadata.csv", "file_name\ttext\na.png\ta", "metadata.csv:1: the columns are separated by tabs: save the file with commas between them"),
        ("metadata.csv", "name,label\na.png,a", "or captions or prompt; it has name, label"),
        ("metadata.csv", "", "metadata.csv: is empty"),
        ("metadata.jsonl", "[{\"file_name\": \"a.png\"}]", "metadata.jsonl: holds a JSON array: write one object a line"),
        ("metadata.json", "[]", "metadata.json: not read: write one JSON object a line, as metadata.jsonl"),
        ("metadata.tsv", "", "metadata.tsv: not read: save it with commas, as metadata.csv"),
        ("metadata.parquet", "PAR1", "metadata.parquet: not read: write its rows as metadata.jsonl"),
    ])
    func tablesThatCannotBeRead(_ name: String, _ content: String, _ reason: String) throws {
        let folder = try PictureFolder(["a.png"], texts: [name: content])
        let error = #expect(throws: WinnerSetError.self) { try folder.winners() }
        #expect(error?.description.contains(reason) == true, "\(error as Any)")
    }

    @Test func wideTablesAreNamed() throws {
        let folder = try PictureFolder(["a.png"])
        let text = "{\"file_name\": \"a.png\", \"text\": \"a street in 東京\"}\r\n"
        for (mark, isBig) in [([0xFF, 0xFE], false), ([0xFE, 0xFF], true), ([], false), ([], true)] as [([UInt8], Bool)] {
            let bytes = text.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
            try folder.write(mark + (isBig ? stride(from: 0, to: bytes.count, by: 2).flatMap { [bytes[$0 + 1], bytes[$0]] } : bytes), to: "metadata.jsonl")
            let error = #expect(throws: WinnerSetError.self) { try folder.winners() }
            #expect(error?.description.contains("metadata.jsonl: is UTF-16, not UTF-8") == true, "\(mark) \(error as Any)")
        }
    }

    @Test func aRowThatIsNotUTF8LeavesTheOthers() throws {
        let folder = try PictureFolder(["a.png", "b.png"])
        let rows = Array("{\"file_name\": \"a.png\", \"text\": \"a caf".utf8) + [0xE9] + Array("\"}\n{\"file_name\": \"b.png\", \"text\": \"b\"}".utf8)
        try folder.write(rows, to: "metadata.jsonl")
        #expect(try folder.winners().lines == ["b.png: b"] && folder.winners().leftOut == ["metadata.jsonl:1: not UTF-8"])
    }

    @Test func csvTakesCaptionAndPrompt() throws {
        let found = try PictureFolder(["a.png", "b.png"], texts: ["metadata.csv": "prompt,image,text\na cat,a.png,\nno,b.png,a dog"]).winners()
        #expect(found.lines == ["a.png: a cat", "b.png: a dog"])
    }
}
