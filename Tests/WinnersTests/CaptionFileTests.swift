import Foundation
import Pages
import Testing

/// Captions beside pictures, as sd-scripts, OneTrainer and macOS leave them.
@Suite struct CaptionFileTests {
    @Test func severalLinesAreJoinedAndSaid() throws {
        let folder = try PictureFolder(["a.png", "b.png"], texts: ["a.txt": "1girl, hat\n a woman in a hat \n\nportrait\r\n", "b.txt": "a house\n\n"])
        let joined = try folder.winners()
        #expect(joined.lines == ["a.png: 1girl, hat a woman in a hat portrait", "b.png: a house"])
        #expect(joined.notes == ["captions of several lines: 1; the lines of each are joined into one caption"])
        #expect(joined.summary.contains("several lines: 1"))
        let first = try folder.winners(captionLines: .first)
        #expect(first.lines == ["a.png: 1girl, hat", "b.png: a house"])
        #expect(first.notes == ["captions of several lines: 1; the first line of each is its caption"])
    }

    @Test func linesOfMetadataAreTreatedAlike() throws {
        let folder = try PictureFolder(["a.png"], texts: ["metadata.jsonl": #"{"file_name": "a.png", "text": "one\ntwo"}"#])
        #expect(try folder.winners(captionLines: .first).lines == ["a.png: one"])
        #expect(try folder.winners().notes.count == 1)
    }

    @Test func endings() throws {
        let images = ["a.png", "b.PNG", "c.jpeg", "d.webp", "e.png", "f.png"]
        let texts = [
            "a.caption": "a", "b.TXT": "b", "c.jpeg.txt": "c", "d.webp.caption": "d", "e.txt": "text", "e.caption": "caption", "f.png.txt": "long",
            "f.caption": "short",
        ]
        let found = try PictureFolder(images, texts: texts).winners()
        #expect(found.lines == ["a.png: a", "b.PNG: b", "c.jpeg: c", "d.webp: d", "e.png: text", "f.png: short"])
        #expect(found.leftOut == ["e.caption: not read, because e.txt is there", "f.png.txt: no image beside it"])
    }

    @Test func aFolderOfSdScripts() throws {
        let images = ["10_cat/a.png", "10_cat/b.png", "1_dog/a.png", "10_cat/mask/a.png", "__MACOSX/z.png", "10_cat/c.jpg", "10_cat/c.png"]
        let texts = ["10_cat/a.caption": "cat, sitting", "1_dog/a.txt": "dog", "10_cat/c.txt": "cat, twice", "__MACOSX/z.txt": "no", "10_cat/a.npz": "PK"]
        let found = try PictureFolder(images, texts: texts).winners()
        #expect(found.lines == ["10_cat/a.png: cat, sitting", "10_cat/c.jpg: cat, twice", "10_cat/c.png: cat, twice", "1_dog/a.png: dog"])
        #expect(found.leftOut == ["10_cat/b.png: no caption: b.txt is missing", "10_cat/mask/a.png: no caption: a.txt is missing"])
        #expect(
            found.notes == [
                "pictures with one caption file between them and another picture: 1",
                "folders named for repeats (10_cat, 1_dog): nothing is repeated, every picture counts once",
            ])
    }

    private static let composed = "caf\u{E9}"
    private static let decomposed = "cafe\u{301}"

    @Test func accentsWrittenInTwoWays() throws {
        let matched = try PictureFolder(["\(Self.composed).png"], texts: ["\(Self.decomposed).txt": "one"]).winners()
        #expect(matched.winners.map(\.caption) == ["one"] && matched.leftOut.isEmpty)

        let both = try PictureFolder(["\(Self.composed).png", "\(Self.decomposed).png"])
        try both.write(Array("composed".utf8), to: "\(Self.composed).txt")
        try both.write(Array("decomposed".utf8), to: "\(Self.decomposed).txt")
        // e and an accent come before é, byte by byte.
        #expect(try both.winners().winners.map(\.caption) == ["decomposed", "composed"])
        #expect(try both.winners().notes.isEmpty)

        let unclear = try PictureFolder(["\(Self.composed).png", "\(Self.decomposed).png", "z.png"])
        try unclear.write(Array("composed".utf8), to: "\(Self.composed).txt")
        try unclear.write(Array("z".utf8), to: "z.txt")
        let found = try unclear.winners()
        #expect(found.winners.map(\.caption) == ["composed", "z"])
        #expect(found.report.first?.reason.contains("accents") == true && found.report.count == 1, "\(found.leftOut)")
    }

    @Test func accentsOfMetadata() throws {
        let named = try PictureFolder(["\(Self.decomposed).png"], texts: ["metadata.jsonl": "{\"file_name\": \"\(Self.composed).png\", \"text\": \"a\"}"])
            .winners()
        #expect(named.winners.map(\.caption) == ["a"] && named.leftOut.isEmpty)
    }

    @Test func otherPicturesAreNamed() throws {
        let texts = ["a.txt": "a", "b.avif": "x", "c.GIF": "x", "d.jif": "x", "e.heic": "x"]
        let found = try PictureFolder(["a.png"], texts: texts).winners()
        #expect(
            found.leftOut == [
                "b.avif: an AVIF image, which is not read: save it as PNG, JPEG or WebP", "c.GIF: a GIF image, which is not read: save it as PNG, JPEG or WebP",
                "d.jif: a JPEG by another name: rename it to end in .jpg", "e.heic: an HEIC image, which is not read: save it as PNG, JPEG or WebP",
            ])
        let row = try PictureFolder(["a.png", "b.gif"], texts: ["metadata.csv": "file_name,text\na.png,a\nb.gif,b"]).winners()
        #expect(row.leftOut == ["metadata.csv:3: b.gif is a GIF image, which is not read: save it as PNG, JPEG or WebP"])
    }

    /// Bytes → why they are no caption; nil where they are one.
    @Test func textIsUTF8OrRefused() throws {
        let texts: [(String, [UInt8], String?)] = [
            ("utf8", Array("café 猫".utf8), nil), ("mark", [0xEF, 0xBB, 0xBF] + Array("a".utf8), nil),
            ("utf16", [0xFF, 0xFE] + "a cat".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }, "is UTF-16, not UTF-8: save it as UTF-8"),
            ("utf16bare", "a cat".utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }, "is UTF-16, not UTF-8: save it as UTF-8"),
            ("utf32", [0xFF, 0xFE, 0, 0, 0x61, 0, 0, 0], "is UTF-32, not UTF-8: save it as UTF-8"),
            ("latin", Array("one\ncaf".utf8) + [0xE9], "is not UTF-8 (line 2): save it as UTF-8"),
            ("zero", Array("a long caption with one\0zero".utf8), "holds zero bytes, which no text does: save it as UTF-8"),
        ]
        let folder = try PictureFolder(texts.map { "\($0.0).png" })
        for (name, bytes, _) in texts { try folder.write(bytes, to: "\(name).txt") }
        let found = try folder.winners()
        #expect(Set(found.leftOut) == Set(texts.compactMap { text in text.2.map { "\(text.0).txt: \($0)" } }))
        #expect(Set(found.winners.map(\.caption)) == ["café 猫", "a"])
    }
}
