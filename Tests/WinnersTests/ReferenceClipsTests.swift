import Foundation
import Media
import TestFiles
import Testing
import Winners

/// A test set as it is published: a table of prompts, and a folder of reference clips elsewhere.
@Suite struct ReferenceClipsTests {
    private static let table = """
        videoid,name,sub_category,main_category
        a,"a cat, seen from above",animal,biological
        b,a dog,animal,biological
        c,a cow,,
        d,a hen,,
        gone,a whale,,
        a,another cat,,

        """

    private static func references(_ folder: ClipFolder, _ table: String = table, name: String = "list.csv") throws -> ReferenceClips {
        try table.write(to: folder.beside(name), atomically: true, encoding: .utf8)
        return try ReferenceClips.list(folder.beside(name), in: folder.url)
    }

    private static func folder() throws -> ClipFolder { try ClipFolder(["a.mp4", "b.gif", "deep/c.webm", "d", "unnamed.mp4"]) }

    @Test func clipsAreFoundByTheirIdentifiers() throws {
        let folder = try Self.folder()
        let found = try Self.references(folder)
        #expect(found.items.map(\.id) == ["a", "b", "c", "d"])
        #expect(found.items.map(\.clip.name) == ["a.mp4", "b.gif", "deep/c.webm", "d"])
        #expect(found.items[0].prompt == "a cat, seen from above")
        #expect(found.rows == 6 && found.skips.map(\.row) == [6, 7], "\(found.skips)")
        #expect(found.skips[0].reason.contains("gone is missing") && found.skips[1].reason == "a is there already, in row 2", "\(found.skips)")
        let clip = try withExtendedLifetime(folder) { try found.items[3].clip.clip(FrameRule(frames: 4, spacing: .uniform), seed: 0) }
        #expect(clip.frames == [0, 3, 6, 9].map { ClipFolder.clip(3).frames[$0] })
    }

    @Test func filesMayBeNamedInstead() throws {
        let folder = try Self.folder()
        let lines = #"{"file_name": "deep/c.webm", "text": "a cow"}"# + "\n"
        let found = try Self.references(folder, lines, name: "metadata.jsonl")
        #expect(found.items.map(\.id) == ["c"] && found.items[0].clip.name == "deep/c.webm")
    }

    @Test func whatIsNoTestSetIsRefused() throws {
        let folder = try Self.folder()
        #expect(throws: ReferenceClipsError.self) { try Self.references(folder, "a,b\n1,2\n") }
        #expect(throws: ReferenceClipsError.self) { try Self.references(folder, "anything", name: "list.txt") }
        #expect(throws: ReferenceClipsError.noFolder(folder.beside("nowhere").path)) {
            try ReferenceClips.list(folder.beside("list.csv"), in: folder.beside("nowhere"))
        }
        #expect(throws: ReferenceClipsError.self) { try ReferenceClips.list(folder.beside("nowhere.csv"), in: folder.url) }
        do {
            _ = try Self.references(folder, "videoid,name\ngone,a whale\n")
            Issue.record("none is left")
        } catch {
            #expect("\(error)".contains("1 rows left out") && "\(error)".contains("gone is missing"), "\(error)")
        }
    }

    /// By name, by bytes, by caption; and the twin that shares nothing.
    @Test func testClipsAmongWinnersAreFound() throws {
        let folder = try Self.folder()
        let references = try Self.references(folder)
        func shared(_ clips: [String], _ texts: [String: String], _ copies: [String: String] = [:]) throws -> [String] {
            let winners = try ClipFolder(["0.mp4", "1.mp4", "2.mp4", "3.mp4", "4.mp4"] + clips, texts: texts)
            for (from, to) in copies { try winners.write([UInt8](Data(contentsOf: folder.url.appendingPathComponent(from))), to: to) }
            return references.items(among: try winners.winners()).map(\.id)
        }
        #expect(try shared(["x.mp4"], ["x.txt": "a bird"]) == [])
        #expect(try shared(["other/b.mp4", "x.mp4"], ["other/b.txt": "a bird", "x.txt": "a fish"]) == ["b"])
        #expect(try shared(["x.mp4"], ["x.txt": "a cow"]) == ["c"])
        #expect(try shared([], ["y.txt": "a bird"], ["b.gif": "y.gif"]) == ["b"])
    }
}
