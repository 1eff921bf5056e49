import Foundation
import Media
import TestFiles
import Testing

@testable import Winners

/// Data sets of clips in every layout that people have them in.
@Suite struct ClipLayoutTests {
    @Test func captionsBesideClips() throws {
        let texts = ["a.txt": "a cat\r\n", "sub/b.caption": "a dog", "c.gif.txt": "a cow", "e.txt": "none"]
        let folder = try ClipFolder(["a.mp4", "sub/b.webm", "c.gif", "d.mp4"], texts: texts)
        let set = try folder.winners()
        #expect(set.clipLines == ["a.mp4: a cat", "c.gif: a cow", "sub/b.webm: a dog"])
        #expect(set.report.map(\.description) == ["d.mp4: no caption: d.txt is missing", "e.txt: no clip beside it"])
        #expect(set.counts.contains(WinnerSet.Count("clips", 3)))
        #expect(set.form == "clips (captions beside the clips)")
    }

    @Test func listsLineByLine() throws {
        let texts = ["videos.txt": "videos/a.mp4\r\nvideos/b.mp4\r\n", "prompts.txt": "a cat, asleep\r\nb'a \\xc3\\xa9'\r\n"]
        let folder = try ClipFolder(["videos/a.mp4", "videos/b.mp4"], texts: texts)
        #expect(try folder.winners().clipLines == ["videos/a.mp4: a cat, asleep", "videos/b.mp4: a é"])
        // One line less, and none belongs to any other.
        try folder.write(Array("a cat".utf8), to: "prompts.txt")
        do {
            _ = try folder.winners()
            Issue.record("lists of different lengths were read")
        } catch {
            #expect("\(error)".contains("videos.txt: has 2 lines and prompts.txt 1: line by line they belong together"))
        }
    }

    @Test func metadataLines() throws {
        let rows = """
            \u{FEFF}{"file_name": "a.mp4", "text": "a cat"}\r
            {"file_name": "sub/b.mp4", "caption": ["one", "two"], "loser_file_name": "a.mp4"}
            {"file_name": "missing.mp4", "text": "a dog"}
            {"file_name": "a.mp4", "text": "  "}
            {"file_name": "../out.mp4", "text": "a dog"}
            {"file_name": "a.mp4", "text": "a cat"}
            {"file_name": "metadata.jsonl", "text": "a cat"}
            """
        let set = try ClipFolder(["a.mp4", "sub/b.mp4"], texts: ["metadata.jsonl": rows]).winners()
        #expect(set.clipLines == ["a.mp4: a cat", "sub/b.mp4: one | two"])
        #expect(set.winners[1].losingMedium?.name == "a.mp4")
        #expect(
            set.report.map(\.description) == [
                "metadata.jsonl:3: missing.mp4 is missing", "metadata.jsonl:4: the caption is empty", "metadata.jsonl:5: ../out.mp4 is outside the folder",
                "metadata.jsonl:6: the same image and caption as row 1",
                "metadata.jsonl:7: metadata.jsonl is no clip: neither a video file nor a folder of frames",
            ])
    }

    @Test func metadataOfCommas() throws {
        let rows = "\u{FEFF}file_name,text\r\na.mp4,\"a cat, \"\"asleep\"\"\"\r\nb.mp4,a dog\r\n"
        let set = try ClipFolder(["a.mp4", "b.mp4"], texts: ["metadata.csv": rows]).winners()
        #expect(set.clipLines == ["a.mp4: a cat, \"asleep\"", "b.mp4: a dog"])
    }

    @Test func musubiLinesWithFoldersOfFrames() throws {
        let rows = [("a.mp4", "a cat"), ("frames/b", "a dog"), ("none", "a cow")].map { "{\"video_path\": \"\($0)\", \"caption\": \"\($1)\"}\n" }.joined()
        let folder = try ClipFolder(["a.mp4", "frames/b"], texts: ["data.jsonl": rows])
        for set in [try folder.winners(), try folder.winners("data.jsonl")] {
            #expect(set.clipLines == ["a.mp4: a cat", "frames/b: a dog"])
            #expect(set.report.map(\.description) == ["data.jsonl:3: none is no clip: neither a video file nor a folder of frames"])
        }
        let clip = try #require(try folder.winners().winners[1].medium.clip)
        #expect(try clip.decoder().clip().frames == ClipFolder.clip(1).frames)
    }

    @Test func aFolderOfFramesWithACaptionBesideIt() throws {
        let set = try ClipFolder(["x"], texts: ["x.txt": "a cat"]).winners()
        #expect(set.clipLines == ["x: a cat"])
    }

    @Test func diffusionPipesCaptions() throws {
        let set = try ClipFolder(["a.mp4", "b.mp4"], texts: ["captions.json": "{\"b.mp4\": [\"a dog\"], \"a.mp4\": [\"a cat\", \"one cat\"]}"]).winners()
        #expect(set.clipLines == ["a.mp4: a cat | one cat", "b.mp4: a dog"])
    }

    @Test func webVid() throws {
        let rows = """
            videoid,contentUrl,duration,page_dir,name
            1001,https://a/1.mp4,PT10S,000001_000050,"A cat, asleep"
            1002,https://a/2.mp4,PT10S,000001_000050,A dog
            1003,https://a/3.mp4,PT10S,x,A cow
            """
        let set = try ClipFolder(["000001_000050/1001.mp4", "1002.mp4"], texts: ["results.csv": rows]).winners()
        #expect(set.clipLines == ["000001_000050/1001.mp4: A cat, asleep", "1002.mp4: A dog"])
        #expect(set.report.map(\.description) == ["results.csv:4: 1003 is missing: there is no 1003.mp4 or the like"])
    }

    /// A clip that is in two folders belongs to the row that names the folder.
    @Test func anIdentifierNamesOneClip() throws {
        let folder = try ClipFolder(["x/7.mp4", "y/7.mp4"], texts: ["a.csv": "videoid,page_dir,name\n7,y,A cat\n"])
        #expect(try folder.winners().clipLines == ["y/7.mp4: A cat"])
        try folder.write(Array("videoid,name\n7,A cat\n".utf8), to: "a.csv")
        do {
            _ = try folder.winners()
            Issue.record("one of two clips was taken")
        } catch {
            #expect("\(error)".contains("7 names several clips: x/7.mp4, y/7.mp4"))
        }
    }

    @Test func magicTimesTimeLapseClipsAreSeenWhole() throws {
        let rows = "videoid,name,is_transmit\na,A flower opens,0\nb,A man walks,1\nc,A dog,\nd,A cow,maybe\n"
        let folder = try ClipFolder(["v/a.mp4", "v/b.mp4", "v/c.mp4", "v/d.mp4"], texts: ["list.csv": rows])
        let set = try folder.winners()
        #expect(set.clipLines == ["v/a.mp4: A flower opens", "v/b.mp4: A man walks", "v/c.mp4: A dog"])
        #expect(set.winners.map { $0.medium.clip?.spacing } == [.uniform, .stride, nil])
        #expect(set.report.map(\.description) == ["list.csv:5: is_transmit is maybe, neither 0 nor 1"])
        let rule = FrameRule(frames: 4, spacing: .first, start: .first)
        let frames = try set.winners.map { try $0.medium.clip!.clip(rule, seed: 0).times.map { Int(($0 * 8).rounded()) } }
        #expect(frames == [[0, 3, 6, 9], [0, 3, 6, 9], [0, 1, 2, 3]])
        #expect(try set.winners[0].medium.clip!.clip(rule.spaced(.stride), seed: 0).times == set.winners[0].medium.clip!.clip(rule, seed: 0).times)
    }

    @Test func chronoMagicsSentences() throws {
        let text = #"{"videos": [], "sentences": [{"sen_id": 0, "video_id": "a", "caption": "A flower"}, {"video_id": "b", "caption": "A tree"}]}"#
        let set = try ClipFolder(["a.mp4", "b.mp4"], texts: ["test.json": text, "config.json": "{\"_class_name\": \"X\"}"]).winners()
        #expect(set.clipLines == ["a.mp4: A flower", "b.mp4: A tree"])
    }

    @Test func openVid() throws {
        let header = "video,caption,aesthetic score,motion score,temporal consistency score,camera motion,frame,fps,seconds\n"
        let row = "celebv_0.mp4,\"A man, talking\",5.1,2.2,0.99,static,142,30.0,4.7\n"
        let set = try ClipFolder(["celebv_0.mp4"], texts: ["OpenVid-1M.csv": header + row]).winners()
        #expect(set.clipLines == ["celebv_0.mp4: A man, talking"])
    }

    @Test func panda70MsParts() throws {
        let header = "videoID,url,timestamp,caption,matching_score\n"
        let row = "abc,https://y/abc,\"[['0:00:08.542', '0:00:17.1'], ['0:00:17.1', '0:00:25.2']]\",\"['A cat.', \"\"A dog's bed.\"\"]\",\"[0.4, 0.5]\"\n"
        let other = "def,https://y/def,\"[['0:00:01', '0:00:02']]\",['A cow.'],[0.4]\n"
        let wrong = "ghi,https://y/ghi,\"[['0:00:01', '0:00:02'], ['0:00:03', '0:00:04']]\",['A cow.'],[0.4]\n"
        let set = try ClipFolder(["abc_0.mp4", "abc_1.mp4", "def.mp4"], texts: ["panda70m.csv": header + row + other + wrong]).winners()
        #expect(set.clipLines == ["abc_0.mp4: A cat.", "abc_1.mp4: A dog's bed.", "def.mp4: A cow."])
        #expect(set.report.map(\.description) == ["panda70m.csv:4: caption is no list of 2 captions, as timestamp is of times"])
    }

    @Test func shards() throws {
        let folder = try ClipFolder(["a.mp4", "b.gif"])
        var tar = TarBytes()
        for name in ["a.mp4", "b.gif"] {
            tar.file(name, [UInt8](try Data(contentsOf: folder.url.appendingPathComponent(name))))
            tar.file(String(name.prefix(2)) + "txt", "a \(name)")
        }
        tar.end()
        try folder.write(tar.bytes, to: "shards/000.tar")
        let set = try folder.winners("shards")
        #expect(set.clipLines == ["000.tar/a.mp4: a a.mp4", "000.tar/b.gif: a b.gif"])
        #expect(try set.winners[1].medium.clip!.decoder().clip().frames == ClipFolder.clip(1).frames)
    }

    @Test func columnsOfVideos() throws {
        let set = try WinnerSet.list(Fixture.url("clips/hub.parquet"))
        #expect(set.clipLines == ["hub.parquet:1: a cat", "hub.parquet:2: a dog", "hub.parquet:3: a cow"])
        #expect(set.counts.contains(WinnerSet.Count("clips", 3)))
        let clip = try #require(set.winners[0].medium.clip)
        let file = ClipDecoder(.file(Fixture.url("clips/plain.mp4").path), name: "plain")
        #expect(try clip.decoder().clip() == file.clip())
    }

    @Test func metadataParquet() throws {
        let folder = try ClipFolder(["a.mp4", "b.mp4"])
        try folder.write([UInt8](Data(contentsOf: Fixture.url("clips/metadata.parquet"))), to: "metadata.parquet")
        #expect(try folder.winners().clipLines == ["a.mp4: a cat | one cat", "b.mp4: a dog"])
    }

    // MARK: Pictures

    @Test func aFolderOfPicturesStaysOne() throws {
        let folder = try PictureFolder(["a.png"], texts: ["a.txt": "a cat", "b.mp4": "no clip", "b.txt": "a dog"])
        let set = try folder.winners()
        #expect(set.lines == ["a.png: a cat"])
        #expect(set.winners[0].medium.clip == nil)
        #expect(set.counts == [WinnerSet.Count("winners", 1), WinnerSet.Count("repeated", 0)])
    }

    @Test func aClipIsNoPicture() throws {
        let winner = try ClipFolder(["a.mp4"], texts: ["a.txt": "a cat"]).winners().winners[0]
        #expect(winner.image.digest == winner.medium.digest)
        #expect(throws: ImageError.self) { try winner.image.image() }
    }

    @Test func aClipThatChangedIsNotRead() throws {
        let folder = try ClipFolder(["a.mp4", "b.mp4"], texts: ["a.txt": "a cat"])
        let clip = try #require(try folder.winners().winners[0].medium.clip)
        #expect(try clip.decoder().times().count == 10)
        try folder.write([UInt8](Data(contentsOf: folder.url.appendingPathComponent("b.mp4"))), to: "a.mp4")
        #expect(throws: ClipError(file: "a.mp4", reason: .file("has changed since it was listed"))) { try clip.decoder() }
    }

    // MARK: What is done with them

    @Test func copiesAreReadAsTheSameWinners() throws {
        let rows = "videoid,name,is_transmit\na,A flower,0\nb,A man,1\nc,A dog,\n"
        let folder = try ClipFolder(["a.mp4", "b.webm"], texts: ["list.csv": rows])
        try ClipFolder.clip(2).write(to: folder.url.appendingPathComponent("c.gif"))
        let set = try folder.winners()
        #expect(try WinnerFolder.write([("", set.winners)], to: folder.beside("copy")) == [])
        let copy = try WinnerSet.list(folder.beside("copy"))
        #expect(copy.clipLines == ["00000.mp4: A flower", "00001.webm: A man", "00002.gif: A dog"])
        #expect(copy.winners.map(\.medium.digest) == set.winners.map(\.medium.digest))
        #expect(copy.winners.map { $0.medium.clip?.spacing } == [.uniform, .stride, nil])
        #expect(try WinnerShard.write(set.winners, to: folder.beside("copy.tar")) == [])
        #expect(try WinnerSet.list(folder.beside("copy.tar")).winners.map(\.medium.digest) == set.winners.map(\.medium.digest))
    }

    @Test func anInspectionDecodesEveryFrame() throws {
        let folder = try ClipFolder(["a.mp4", "b.mp4"], texts: ["a.txt": "a cat", "b.txt": "a dog", "c.txt": "cut", "d.txt": "none"])
        try folder.write([UInt8](Data(contentsOf: Fixture.url("clips/cut.mp4"))), to: "c.mp4")
        try folder.write([1, 2, 3], to: "d.mp4")
        let report = try DatasetReport(folder.url.path, images: 0)
        #expect(report.dataset.clips == 4)
        #expect(report.dataset.winners == 3)
        #expect(report.dataset.frames.map { [$0.min, $0.median, $0.max] } == [3, 10, 10])
        #expect(report.text.contains("4 clips of 3 to 10 (median 10) frames, 0.4 to 1.2 seconds (median 1.2)"))
        #expect(report.problems.contains { $0.hasPrefix("c.mp4: ") && $0.hasSuffix("3 frames are read") })
        #expect(report.problems.contains { $0.hasPrefix("d.mp4: ") })
    }

    @Test func theSheetShowsTheFramesThatAreSeen() throws {
        let folder = try ClipFolder(["a.gif"], texts: ["a.txt": "a cat"])
        let set = try folder.winners()
        let rule = FrameRule(frames: 3, stride: 3)
        let clip = try set.winners[0].medium.clip!.clip(rule, seed: 5, fittedTo: (16, 16))
        let page = DatasetSheet(set, count: 1, resolution: 16, rule: rule, seed: 5).html()
        let sheet = Data(try RGBImage.sheet(clip.frames, columns: 3).encodedPNG()).base64EncodedString()
        #expect(page.contains(sheet))
        // Of another seed, others are.
        let starts = try Set((0..<60).map { try set.winners[0].medium.clip!.clip(rule, seed: $0).times[0] })
        #expect(starts.count == 4)
        let short = DatasetSheet(set, count: 1, resolution: 16, rule: FrameRule(frames: 4, stride: 4, shortClips: .skip)).html()
        #expect(short.contains("too short: it has 10 frames where 13 are needed"))
    }
}
