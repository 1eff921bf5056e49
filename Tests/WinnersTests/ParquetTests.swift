import Foundation
import Pages
import TestFiles
import Testing

@testable import Media
@testable import Storage
@testable import Winners

/// Files that `Tests/Fixtures/make_parquet.py` made.
@Suite struct ParquetTests {
    static let folder = Fixtures.images.deletingLastPathComponent().appendingPathComponent("parquet")
    private let pairs = folder.appendingPathComponent("pick-a-pic.parquet")
    private let hub = folder.appendingPathComponent("hub.parquet")
    private let ambiguous = folder.appendingPathComponent("ambiguous.parquet")
    private let captions = ["a red circle", "a blue square", "a green triangle above a red circle", "ein gelber Fuß 🦶", "a blue square"]

    private func reasons(_ set: WinnerSet) -> [String] { set.report.map(\.description) }

    @Test func pickAPic() throws {
        let found = try WinnerSet.list(pairs)
        #expect(
            found.counts == [
                .init("rows", 15), .init("ties", 2), .init("without label", 2), .init("unusable", 5), .init("winners", 5), .init("repeated", 1),
            ])
        #expect(found.winners.map(\.caption) == captions)
        #expect(
            reasons(found) == [
                "pick-a-pic.parquet:10: the same image and caption as row 1", "pick-a-pic.parquet:11: the caption is empty",
                "pick-a-pic.parquet:12: no caption", "pick-a-pic.parquet:13: no bytes in jpg_0", "pick-a-pic.parquet:14: no bytes in jpg_1",
                "pick-a-pic.parquet:15: the labels 0.7 and 0.3 name no winner",
            ])
        // Row 1 prefers the first image, row 2 the second.
        let images = Self.folder.appendingPathComponent("images")
        for (number, winner) in found.winners.enumerated() {
            #expect(try winner.image.bytes() == [UInt8](Data(contentsOf: images.appendingPathComponent("\(number).jpg"))))
            #expect(try winner.loser?.bytes() == [UInt8](Data(contentsOf: images.appendingPathComponent("losers/\(number).jpg"))))
        }
    }

    @Test func hubColumns() throws {
        let found = try WinnerSet.list(hub)
        #expect(found.form == "Parquet (one file, columns image.bytes and text)")
        #expect(found.counts == [.init("rows", 9), .init("unusable", 3), .init("winners", 5), .init("repeated", 1)])
        #expect(found.winners.map(\.caption) == captions && found.winners.allSatisfy { $0.loser == nil })
        #expect(found.winners[0].image.name == "hub.parquet:1")
        #expect(
            reasons(found) == [
                "hub.parquet:6: the same image and caption as row 1", "hub.parquet:7: no bytes in image.bytes: only the path of a file outside, elsewhere.jpg",
                "hub.parquet:8: no bytes in image.bytes",
                "hub.parquet:9: the caption is empty",
            ])
    }

    @Test func columnsThatDoNotTellAreAskedFor() throws {
        let error = #expect(throws: ParquetError.self) { try WinnerSet.list(ambiguous) }
        let image = "a struct of bytes, path"
        let all = ["original (\(image))", "edited (\(image))", "title (text)", "body (text)", "score (a number)"]
        #expect(error?.problem == .noColumn(.caption, among: all) && error?.description.contains("--caption-column") == true)
        #expect(throws: ParquetError(path: ambiguous.path, problem: .severalColumns(.image, ["original", "edited"]))) {
            try WinnerSet.list(ambiguous, columns: ParquetColumnNames(caption: "title"))
        }
        let unusable = ParquetError.Problem.unusable(.image, name: "score", type: "a number", instead: ["original", "edited"])
        #expect(throws: ParquetError(path: ambiguous.path, problem: unusable)) {
            try WinnerSet.list(ambiguous, columns: ParquetColumnNames(image: "score", caption: "title"))
        }
        let chosen = try WinnerSet.list(ambiguous, columns: ParquetColumnNames(image: "edited", caption: "body"))
        #expect(chosen.winners.map(\.caption) == ["two"])
        #expect(chosen.winners[0].image.digest == (try WinnerSet.list(hub)).winners[1].image.digest)
    }

    @Test func aFolderOfFiles() throws {
        try withTemporaryFolder { folder in
            func copy(_ file: URL, _ name: String) throws {
                let target = folder.appendingPathComponent(name)
                try FileManager.default.createDirectory(at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
                try FileManager.default.copyItem(at: file, to: target)
            }
            try copy(pairs, "data/b.parquet")
            try copy(hub, "data/a.parquet")
            let both = try WinnerSet.list(folder)
            let columns = "columns image.bytes and text in data/a.parquet; Pick-a-Pic's columns in data/b.parquet"
            #expect(both.form == "Parquet (2 files with different columns: \(columns))")
            // A pair is another winner than its image alone.
            #expect(both.winners.count == 10 && both.winners[0].image.name == "data/a.parquet:1")
            try copy(hub, "data/train-00000-of-00001.parquet")
            let train = try WinnerSet.list(folder)
            #expect(train.winners.count == 5 && train.winners[0].image.name == "data/train-00000-of-00001.parquet:1")
            #expect(train.report.suffix(2).map(\.file) == ["data/a.parquet", "data/b.parquet"])
        }
    }

    @Test func imagesComeInAnyOrderAndToAnyThread() throws {
        let winners = try WinnerSet.list(pairs).winners
        let images = (winners.map(\.image) + winners.compactMap(\.loser)).reversed()
        for image in Array(images) + images.shuffled() { #expect(try ImageReference.digest(of: image.bytes()) == image.digest) }
        DispatchQueue.concurrentPerform(iterations: 40) { number in
            let image = winners[number * 7 % 5].image
            #expect((try? image.bytes()).map { ImageReference.digest(of: $0) } == image.digest)
        }
    }

    @Test func anOpenFileIsLetGoOfAndReadAgain() throws {
        let images = ParquetImages()
        let source = ParquetImageSource(images: images, path: hub.path, rowGroup: 0, row: 1, column: "image.bytes")
        let bytes = try source.bytes()
        #expect(images.isOpen)
        source.release()
        #expect(!images.isOpen)
        #expect(try source.bytes() == bytes && images.isOpen)
    }

    // MARK: Damage

    @Test func damagedFilesAreErrors() throws {
        try withTemporaryFolder { folder in
            let file = folder.appendingPathComponent("a.parquet")
            let bytes = try Data(contentsOf: hub)
            func message(_ data: Data) throws -> String {
                try data.write(to: file)
                return #expect(throws: ParquetError.self) { try WinnerSet.list(file) }?.description ?? ""
            }
            #expect(try message(Data()).contains("a.parquet: cannot be read as Parquet"))
            #expect(try message(bytes.prefix(bytes.count - 1)).contains("a.parquet: cannot be read as Parquet"))
            #expect(try message(bytes.prefix(3000)).contains("cannot be read as Parquet"))
            // One bit of a page: its checksum tells.
            var flipped = bytes
            let image = try Data(contentsOf: Self.folder.appendingPathComponent("images/1.jpg"))
            flipped[try #require(flipped.range(of: image.suffix(100))).lowerBound] ^= 1
            #expect(try message(flipped).contains("CRC"))
            try bytes.write(to: file)
            let found = try WinnerSet.list(file)
            #expect(found.winners.count == 5, "the same file, whole")
            try flipped.write(to: file)
            #expect(throws: ImageError.self) { try found.winners[1].image.image() }
            try FileManager.default.removeItem(at: file)
            #expect(throws: ImageError.self) { try found.winners[0].image.image() }
        }
        let notAFile = URL(fileURLWithPath: "/dev/null")
        #expect(throws: ParquetError(path: notAFile.path, problem: .notAFile)) { try ParquetFile(notAFile.path) }
    }

    /// Whatever Arrow makes of a damaged file, it is an error or an answer.
    @Test(arguments: ["hub", "types/captions-list", "types/view"]) func neverCrashes(name: String) throws {
        try withTemporaryFolder { folder in
            let file = folder.appendingPathComponent("mutant.parquet")
            let original = [UInt8](try Data(contentsOf: Self.folder.appendingPathComponent("\(name).parquet")))
            var random = SeededGenerator(seed: 5)
            var (accepted, refused) = (0, 0)
            for _ in 0..<500 {
                var bytes = original
                for _ in 0...random.integer(below: 3) {
                    // Half of the changes in the footer, which says where everything is.
                    let place = random.integer(below: 2) == 0 ? bytes.count - 1 - random.integer(below: 2500) : random.integer(below: bytes.count)
                    bytes[place] = UInt8(truncatingIfNeeded: random.next())
                }
                remove(file.path)
                let handle = try #require(fopen(file.path, "w"))
                fwrite(bytes, 1, bytes.count, handle)
                fclose(handle)
                do {
                    for winner in try WinnerSet.list(file).winners { _ = try? winner.image.bytes() }
                    accepted += 1
                } catch {
                    refused += 1
                }
            }
            #expect(accepted > 30 && refused > 30, "\(accepted) accepted, \(refused) refused")
        }
    }
}
