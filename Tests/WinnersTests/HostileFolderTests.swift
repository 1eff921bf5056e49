import Foundation
import Media
import Pages
import Testing
import Winners

/// What lies in a folder that is no picture and no text, whatever it is called.
@Suite struct HostileFolderTests {
    private func folder() throws -> PictureFolder { try PictureFolder(["a.png", "b.png", "c.png"], texts: ["a.txt": "a"]) }

    @Test(.timeLimit(.minutes(1))) func pipesAreListedAndNotWaitedFor() throws {
        let folder = try folder()
        for name in ["b.txt", "d.png", "metadata.jsonl", "e.parquet"] { #expect(mkfifo(folder.url.appendingPathComponent(name).path, 0o600) == 0) }
        let found = try folder.winners()
        #expect(found.lines == ["a.png: a"])
        let pipes = ["b.txt", "d.png", "metadata.jsonl", "e.parquet"].map { "\($0): a pipe or a device, not a file" }
        #expect(Set(found.leftOut) == Set(pipes + ["b.png: no caption: b.txt is a pipe or a device", "c.png: no caption: c.txt is missing"]))
    }

    @Test func foldersWithNamesOfFiles() throws {
        let folder = try folder()
        for name in ["b.txt", "c.png.txt", "metadata.jsonl", "d.png"] {
            try FileManager.default.createDirectory(at: folder.url.appendingPathComponent(name), withIntermediateDirectories: true)
        }
        let found = try folder.winners()
        #expect(found.lines == ["a.png: a"])
        #expect(
            found.leftOut == [
                "metadata.jsonl: is a folder, not a file", "b.png: no caption: b.txt is a folder", "c.png: no caption: c.txt is missing",
            ])
    }

    @Test func namesThatAreNotUTF8AreListed() throws {
        let folder = try folder()
        let path = folder.url.path + "/"
        for name in [[0x63, 0xE9, 0x2E, 0x70, 0x6E, 0x67], [0x63, 0xE9, 0x2E, 0x74, 0x78, 0x74]] as [[CChar.BitPattern]] {
            let file = fopen(path.utf8CString.dropLast() + name.map { CChar(bitPattern: $0) } + [0], "w")
            // Not every file system takes such names.
            guard let file else { return }
            fclose(file)
        }
        let found = try folder.winners()
        #expect(found.lines == ["a.png: a"])
        let listed = ["c\\xE9.png", "c\\xE9.txt"].map { "\($0): the name is not UTF-8: rename it" }
        #expect(found.leftOut.filter { $0.contains("\\x") } == listed)
    }

    @Test func linksToNothingAreListed() throws {
        let folder = try folder()
        try FileManager.default.createSymbolicLink(atPath: folder.url.path + "/b.txt", withDestinationPath: "nowhere.txt")
        #expect(try folder.winners().leftOut.contains("b.png: no caption: b.txt is a link to something that is not there"))
    }

    @Test func longLinesAndLongCaptionsAreBounded() throws {
        let folder = try folder()
        let long = String(repeating: "x", count: 2 << 20)
        try folder.write(Array(long.utf8), to: "b.txt")
        #expect(try folder.winners().leftOut.contains { $0.hasPrefix("b.txt: has 2097152 bytes") })
        try folder.write(Array("{\"file_name\": \"a.png\", \"text\": \"\(long)\"}\n{\"file_name\": \"a.png\", \"text\": \"short\"}".utf8), to: "metadata.jsonl")
        let lines = try folder.winners()
        #expect(lines.lines == ["a.png: short"] && lines.leftOut.contains("metadata.jsonl:1: the line has more than 1048576 bytes"))
        try FileManager.default.removeItem(at: folder.url.appendingPathComponent("metadata.jsonl"))
        try folder.write(Array("file_name,text\na.png,\"\(long)\"\na.png,short".utf8), to: "metadata.csv")
        #expect(try folder.winners().leftOut.contains("metadata.csv:2: a field has more than 1048576 bytes"))
        let deep = "{\"file_name\": \"a.png\", \"text\": \"a\", \"x\": " + String(repeating: "[", count: 100_000)
        try folder.write(Array((deep + "\n{\"file_name\": \"a.png\", \"text\": \"short\"}").utf8), to: "metadata.jsonl")
        #expect(try folder.winners().leftOut.contains { $0.contains("more than 100 levels") })
    }

    /// A sparse file of more bytes than a metadata file may have takes no disk, and must take no memory.
    @Test func aTableOfGigabytesIsRefusedUnread() throws {
        let folder = try folder()
        try folder.write(Array("file_name,text\n".utf8), to: "metadata.csv")
        #expect(truncate(folder.url.path + "/metadata.csv", 8 << 30) == 0)
        let error = #expect(throws: WinnerSetError.self) { try folder.winners() }
        #expect(error?.description.contains("metadata.csv: has 8589934592 bytes") == true, "\(error as Any)")
    }

    @Test func unreadableFilesAreListed() throws {
        guard geteuid() != 0 else { return }
        let folder = try PictureFolder(["a.png", "b.png", "sub/c.png"], texts: ["a.txt": "a", "b.txt": "b"])
        #expect(chmod(folder.url.path + "/b.txt", 0) == 0 && chmod(folder.url.path + "/sub", 0) == 0)
        defer { chmod(folder.url.path + "/sub", 0o700) }
        let found = try folder.winners()
        #expect(found.leftOut == ["sub/: the folder cannot be opened: Permission denied", "b.txt: cannot be read: Permission denied"])
    }

    // MARK: Links

    @Test func linksThatLeaveAreCountedAndCanBeLeftOut() throws {
        let folder = try folder()
        let outside = folder.beside("private")
        try FileManager.default.createDirectory(at: outside, withIntermediateDirectories: true)
        let picture = try Data(RGBImage(width: 1, height: 1, pixels: [99, 9, 9]).encodedPNG())
        for name in ["x.png", "y.png"] { try (picture + Data(name.utf8)).write(to: outside.appendingPathComponent(name)) }
        for name in ["x.txt", "y.txt"] { try Data(name.utf8).write(to: outside.appendingPathComponent(name)) }
        let manager = FileManager.default
        // A folder, a picture and a caption outside; a link within.
        try manager.createSymbolicLink(at: folder.url.appendingPathComponent("sub"), withDestinationURL: outside)
        try manager.createSymbolicLink(at: folder.url.appendingPathComponent("d.png"), withDestinationURL: outside.appendingPathComponent("x.png"))
        try folder.write(Array("d".utf8), to: "d.txt")
        try manager.createSymbolicLink(at: folder.url.appendingPathComponent("b.txt"), withDestinationURL: outside.appendingPathComponent("y.txt"))
        try manager.createSymbolicLink(atPath: folder.url.path + "/c.txt", withDestinationPath: "a.txt")
        let found = try folder.winners()
        #expect(found.lines == ["a.png: a", "b.png: y.txt", "c.png: a", "d.png: d", "sub/x.png: x.txt", "sub/y.png: y.txt"])
        #expect(found.links.map(\.file) == ["b.txt", "d.png", "sub"] && found.notes == ["links that lead out of the data set: 3"])
        let inside = try found.withoutLinks()
        #expect(inside.lines == ["a.png: a", "c.png: a"] && inside.report.count == found.report.count + 4)
        let link = inside.leftOut.first { $0.hasPrefix("d.png: not copied: d.png: a link that leads out of the data set, to ") }
        #expect(link?.hasSuffix("/private/x.png") == true, "\(inside.leftOut)")

        try folder.write(Array(#"{"file_name": "sub/x.png", "text": "x"}"#.utf8), to: "metadata.jsonl")
        let listed = try folder.winners()
        #expect(throws: WinnerSetError.self) { try listed.withoutLinks() }
    }

    @Test func hiddenLinksCountToo() throws {
        let folder = try folder()
        try Data(RGBImage(width: 1, height: 1, pixels: [99, 9, 9]).encodedPNG()).write(to: folder.beside("x.png"))
        try FileManager.default.createSymbolicLink(at: folder.url.appendingPathComponent(".x.png"), withDestinationURL: folder.beside("x.png"))
        try folder.write(Array("{\"file_name\": \".x.png\", \"text\": \"x\"}\n{\"file_name\": \"a.png\", \"text\": \"a\"}".utf8), to: "metadata.jsonl")
        let found = try folder.winners()
        #expect(found.winners.count == 2 && found.links.map(\.file) == [".x.png"])
        #expect(try found.withoutLinks().lines == ["a.png: a"])
    }

    /// Every folder is entered once, in its own place first, however links go round.
    @Test(.timeLimit(.minutes(1))) func linksThatGoRound() throws {
        let folder = try PictureFolder((0..<6).map { "f\($0)/a.png" }, texts: Dictionary(uniqueKeysWithValues: (0..<6).map { ("f\($0)/a.txt", "\($0)") }))
        for from in 0..<6 {
            for to in 0..<6 { try FileManager.default.createSymbolicLink(atPath: "\(folder.url.path)/f\(from)/0\(to)", withDestinationPath: "../f\(to)") }
        }
        let found = try folder.winners()
        #expect(found.lines == (0..<6).map { "f\($0)/a.png: \($0)" } && found.links.isEmpty && found.report.isEmpty)
    }
}

extension CChar { typealias BitPattern = UInt8 }
