import Foundation
import TestFiles
import Testing

@testable import Winners

/// Data sets that lie together are asked for, and never mixed.
@Suite struct DatasetConfigurationsTests {
    private static let hub = ParquetTests.folder.appendingPathComponent("hub.parquet")
    private static let other = ParquetTests.folder.appendingPathComponent("types/captions-large-list.parquet")

    private func folder<Result>(_ files: [String], readme: String? = nil, _ body: (URL) throws -> Result) throws -> Result {
        try withTemporaryFolder { folder in
            for name in files {
                let target = folder.appendingPathComponent(name)
                try FileManager.default.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
                try FileManager.default.copyItem(at: name.hasPrefix("other") ? Self.other : Self.hub, to: target)
            }
            try readme?.write(to: folder.appendingPathComponent("README.md"), atomically: true, encoding: .utf8)
            return try body(folder)
        }
    }

    /// What the error names, without the folder around it.
    private func configurations(_ files: [String], readme: String? = nil) throws -> [String] {
        try folder(files, readme: readme) { folder throws in
            do {
                #expect(try WinnerSet.list(folder).winners.count >= 2)
                return []
            } catch WinnerSetError.severalConfigurations(_, let found) {
                return found.map { $0.replacingOccurrences(of: folder.standardizedFileURL.path + "/", with: "") }
            }
        }
    }

    private let readme = """
        ---
        license: mit
        configs:
        - config_name: photos
          data_files:
          - split: train
            path: photos/train-*
          - split: test
            path: photos/test-*
        - config_name: drawings
          data_files:
          - split: train
            path: "drawings/**/*.parquet"
        ---
        # Two of them
        """

    @Test func statedByTheReadme() throws {
        let both = ["photos/train-00000.parquet", "photos/test-00000.parquet", "drawings/a/train-1.parquet", "drawings/a/train-2.parquet"]
        #expect(try configurations(both, readme: readme) == ["photos: photos (one file)", "drawings: drawings/a (2 files)"])
        #expect(try configurations(Array(both.prefix(2)), readme: readme).isEmpty, "one of them was downloaded")
        let beside = try configurations(["photos/train-00000.parquet", "more/train-1.parquet"], readme: readme)
        #expect(beside == ["photos: photos (one file)", "in none of README.md's configurations: more (one file)"])
        let one = "---\nconfigs:\n- config_name: default\n  data_files: [data/*, more/*]\n---\n"
        #expect(try configurations(["data/train-1.parquet", "more/train-2.parquet"], readme: one).isEmpty)
        let files = "---\nconfigs:\n- config_name: a\n  data_files: a.parquet\n- config_name: b\n  data_files: b.parquet\n---\n"
        #expect(try configurations(["a.parquet", "b.parquet"], readme: files) == ["a: a.parquet", "b: b.parquet"])
        let bySplits = "---\nconfigs:\n- config_name: a\n  data_files: {train: a/*, test: c/*}\n- config_name: b\n  data_dir: b\n---\n"
        #expect(try configurations(["a/1.parquet", "b/2.parquet"], readme: bySplits) == ["a: a (one file)", "b: b (one file)"])
        for broken in ["---\nconfigs: [", "---\nconfigs: 3\n---\n", "no front matter\nconfigs:\n"] {
            #expect(try configurations(["data/train-1.parquet"], readme: broken).isEmpty)
        }
        // What the error says works.
        try folder(both, readme: readme) { folder throws in
            #expect(try WinnerSet.list(folder.appendingPathComponent("photos")).winners.count == 5)
            #expect(throws: WinnerSetError.self) { try WinnerSet.list(folder) }
        }
    }

    @Test func toldByNames() throws {
        #expect(
            try configurations(["photos/train-00000-of-00001.parquet", "drawings/train-00000-of-00001.parquet"])
                == ["drawings: drawings (one file)", "photos: photos (one file)"])
        #expect(try configurations(["a/train/0000.parquet", "b/train/0000.parquet"]) == ["a: a/train (one file)", "b: b/train (one file)"])
        #expect(try configurations(["a/part-00000-of-00001.parquet", "b/part-00000-of-00001.parquet"]).count == 2)
        // Parts of one data set.
        #expect(try configurations(["0/00000.parquet", "1/00001.parquet"]).isEmpty)
        #expect(try configurations(["year=2020/part-0.parquet", "year=2021/part-0.parquet"]).isEmpty)
        #expect(try configurations(["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]).isEmpty)
    }

    @Test func otherColumnsInAnotherFolder() throws {
        try folder(["a/1.parquet", "b/2.parquet"]) { folder throws in
            #expect(try WinnerSet.list(folder).form == "Parquet (2 files, columns image.bytes and text)")
            try FileManager.default.removeItem(at: folder.appendingPathComponent("b/2.parquet"))
            try FileManager.default.copyItem(at: Self.other, to: folder.appendingPathComponent("b/2.parquet"))
            let error = #expect(throws: ParquetError.self) { try WinnerSet.list(folder) }
            let description = "\(try #require(error))"
            #expect(description.contains("b/2.parquet: columns image.bytes and captions are found here, and columns image.bytes and text in a/1.parquet"))
        }
    }
}
