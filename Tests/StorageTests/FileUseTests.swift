import Foundation
import Storage
import TestFiles
import Testing

@Suite struct FileUseTests {
    private let folder = TemporaryFolder()

    init() throws {
        let manager = FileManager.default
        try manager.createDirectory(at: folder.url("a/b"), withIntermediateDirectories: true)
        try manager.createDirectory(at: folder.url("c"), withIntermediateDirectories: true)
        try manager.createSymbolicLink(atPath: folder.url("c/to-b").path, withDestinationPath: "../a/b")
        try manager.createSymbolicLink(atPath: folder.url("c/nowhere").path, withDestinationPath: "../a/new")
        try manager.createSymbolicLink(atPath: folder.url("c/loop").path, withDestinationPath: "loop")
        _ = try folder.write("x", to: "a/file")
        try manager.linkItem(at: folder.url("a/file"), to: folder.url("c/twin"))
    }

    private func relation(_ read: String, _ written: String) -> FileUseError.Relation? {
        var use = FileUse()
        use.reads("in", folder.url(read))
        use.writes("out", folder.url(written))
        do {
            try use.check()
            return nil
        } catch {
            return error.relation
        }
    }

    @Test(
        arguments: [
            ("a", "a", .same), ("a/", "a/.", .same), ("a", "a/b", .around), ("a/b", "a", .within), ("a", "ab", nil), ("ab", "a", nil), ("a", "c", nil),
            ("a", "c/to-b", .around), ("a/b", "c/to-b", .same), ("c/to-b/deep/er", "a", .within), ("c/to-b/..", "a", .same), ("c/to-b/../../c", "c", .same),
            // Places that are not there.
            ("new", "new/er", .around), ("new", "newer", nil), ("a/new/x", "c/nowhere", .within), ("a/new", "c/nowhere/x", .around), ("new/../a", "a", .same),
            ("c/loop", "c/loop", .same), ("c/loop", "a", nil), ("a/file", "c/twin", .same), ("a/file", "c/other", nil), ("a/file", "c", nil),
        ] as [(String, String, FileUseError.Relation?)])
    func relations(read: String, written: String, expected: FileUseError.Relation?) {
        #expect(relation(read, written) == expected, "\(read) \(written)")
    }

    @Test func namesAreTold() {
        var use = FileUse()
        use.reads("--model", folder.url("a/b"))
        use.reads("--lora", nil)
        use.writes("--output", folder.url("a"))
        let error = #expect(throws: FileUseError.self) { try use.check() }
        #expect(error?.description.contains("--model \(folder.url("a/b").path) lies within --output \(folder.url("a").path)") == true)
    }
}
