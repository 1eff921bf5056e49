import Foundation
import TestFiles
import Testing

@testable import Media
@testable import Winners

@Suite struct WebDatasetTests {
    private let image = try! RGBImage(width: 1, height: 1, pixels: [1, 2, 3]).encodedPNG()
    private let other = try! RGBImage(width: 1, height: 1, pixels: [3, 2, 1]).encodedPNG()

    private func set<Result>(_ shards: [String: (inout TarBytes) -> Void], _ body: (URL) throws -> Result) throws -> Result {
        try withTemporaryFolder { folder in
            for (name, build) in shards {
                var tar = TarBytes()
                build(&tar)
                tar.end()
                let file = folder.appendingPathComponent(name)
                try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(tar.bytes).write(to: file)
            }
            return try body(folder)
        }
    }

    @Test func samplesAreNeighboursWithOneKey() throws {
        let build: (inout TarBytes) -> Void = {
            $0.file("a/0.b.jpg", "not an image of key a/0, since the kind is b.jpg")
            $0.file("a/0.JPG", image)
            $0.file("a/0.txt", "one\r\n")
            $0.file("a.c/1.json", #"{"prompt": "p", "text": "two", "width": 3}"#)
            $0.file("a.c/1.png", image)
            $0.file("2.txt", " \n")
            $0.file("2.json", #"{"caption": "three", "text": "no"}"#)
            $0.file("2.webp", image)
            $0.file("2.loser.webp", other)
            $0.file("2.cls", "7")
            $0.file("._3.jpg", "a hidden file")
            $0.file("README", "no dot")
        }
        try set(["s.tar": build]) { folder in
            for url in [folder, folder.appendingPathComponent("s.tar")] {
                let found = try WinnerSet.list(url)
                #expect(found.winners.map(\.caption) == ["one", "two", "three"])
                #expect(found.winners.map(\.image.name) == ["s.tar/a/0.JPG", "s.tar/a.c/1.png", "s.tar/2.webp"])
                #expect(found.winners.map { $0.loser?.name } == [nil, nil, "s.tar/2.loser.webp"])
                #expect(try found.winners[2].loser?.image().pixels == [3, 2, 1] && found.winners[1].image.image().pixels == [1, 2, 3])
                #expect(found.form == "WebDataset (one shard)" && found.report.isEmpty)
                #expect(found.counts == [.init("samples", 3), .init("unusable", 0), .init("winners", 3), .init("repeated", 0)])
            }
        }
    }

    @Test func whatIsLeftOutIsSaid() throws {
        let cases: [(reason: String, files: [(String, [UInt8])])] = [
            ("no caption: neither .txt nor .json", [("jpg", image)]), ("no image", [("txt", Array("a".utf8))]),
            ("the caption is empty", [("jpg", image), ("txt", [])]), ("0000.txt is not UTF-8 (line 1): save it as UTF-8", [("jpg", image), ("txt", [0xFF])]),
            ("0000.json has no caption, captions, text, prompt; its keys are a, b", [("jpg", image), ("json", Array(#"{"b": "x", "a": 1}"#.utf8))]),
            (
                "0000.json: text is a number, which is no caption: a text or a list of texts is needed",
                [("jpg", image), ("json", Array(#"{"text": 3}"#.utf8))]
            ),
            ("more than one image: 0000.jpg and 0000.png", [("jpg", image), ("png", image), ("txt", Array("a".utf8))]),
            ("more than one .txt file: 0000.txt and 0000.txt", [("jpg", image), ("txt", Array("a".utf8)), ("txt", Array("b".utf8))]),
            ("0000.jpg: the file is empty", [("jpg", []), ("txt", Array("a".utf8))]),
            ("0000.txt is longer than 1048576 bytes", [("jpg", image), ("txt", [UInt8](repeating: 65, count: 1 << 21))]),
        ]
        for (reason, files) in cases {
            try set([
                "s.tar": { tar in
                    for (kind, bytes) in files { tar.file("0000." + kind, bytes) }
                    tar.file("1.png", image)
                    tar.file("1.txt", "good")
                }
            ]) { folder in
                let found = try WinnerSet.list(folder)
                #expect(found.winners.map(\.caption) == ["good"])
                #expect(found.report == [Skip(file: "s.tar/0000", reason: reason)])
            }
        }
    }

    @Test func shardsComeInOrderAndRepeatsAreDropped() throws {
        func sample(_ caption: String) -> (inout TarBytes) -> Void {
            { tar in
                tar.file("0.png", image)
                tar.file("0.txt", caption)
            }
        }
        try set(["b.tar": sample("b"), "a/z.tar": sample("a"), "c.tar": sample("a")]) { folder in
            let found = try WinnerSet.list(folder)
            #expect(found.winners.map(\.caption) == ["a", "b"] && found.form == "WebDataset (3 shards)")
            #expect(found.report == [Skip(file: "c.tar/0", reason: "the same image and caption as a/z.tar/0")])
        }
        try set(["data/train-0.tar": sample("a"), "data/validation-0.tar": sample("b"), "train/1.tar": sample("c")]) { folder in
            let found = try WinnerSet.list(folder)
            #expect(found.winners.map(\.caption) == ["a", "c"])
            #expect(found.report.map(\.file) == ["data/validation-0.tar"])
        }
    }

    @Test func damagedAndCompressedShardsAreErrors() throws {
        try set(["s.tar": { $0.file("0.png", image) }]) { folder in
            let shard = folder.appendingPathComponent("s.tar")
            try Data(contentsOf: shard).prefix(550).write(to: shard)
            #expect(throws: TarError(path: shard.path, offset: 0, problem: .truncated(member: "0.png"))) { try WinnerSet.list(folder) }
        }
        try withTemporaryFolder { folder in
            let shard = folder.appendingPathComponent("s.tar.gz")
            try Data([0x1F, 0x8B, 8, 0]).write(to: shard)
            #expect(throws: TarError(path: shard.path, offset: 0, problem: .compressed(by: "gunzip"))) { try WinnerSet.list(folder) }
        }
    }

    @Test func aShardThatChangedIsNotUsed() throws {
        try set([
            "s.tar": { tar in
                tar.file("0.png", image)
                tar.file("0.txt", "a")
            }
        ]) { folder in
            let found = try WinnerSet.list(folder)
            let shard = folder.appendingPathComponent("s.tar")
            var bytes = try Data(contentsOf: shard)
            bytes[512 + 30] ^= 1
            try bytes.write(to: shard)
            #expect(throws: ImageError(file: "s.tar/0.png", reason: .file("has changed since it was listed"))) { try found.winners[0].image.image() }
        }
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        try withTemporaryFolder { folder in
            let images = Fixtures.images.deletingLastPathComponent().appendingPathComponent("parquet/images")
            let first = try WinnerSet.list(images)
            let (shard, copy) = (folder.appendingPathComponent("a.tar"), folder.appendingPathComponent("copy"))
            #expect(try WinnerShard.write(first.winners, to: shard).isEmpty)
            #expect(try WinnerFolder.write([("", WinnerSet.list(shard).winners)], to: copy).isEmpty)
            for again in [try WinnerSet.list(shard), try WinnerSet.list(copy)] {
                #expect(again.winners.map(\.caption) == first.winners.map(\.caption))
                #expect(again.winners.map(\.image.digest) == first.winners.map(\.image.digest))
                #expect(again.winners.map { $0.loser?.digest } == first.winners.map { $0.loser?.digest })
            }
        }
    }
}
