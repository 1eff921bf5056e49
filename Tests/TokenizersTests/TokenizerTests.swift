import Foundation
import TestFiles
import Testing
import Tokenizers

/// Ids of transformers' CLIPTokenizer: of every text that `make_tokenizer.py` made, with every vocabulary that it wrote.
@Suite struct TokenizerTests {
    private struct Expected: Decodable {
        let texts: [String]
        /// By folder, a list for each text.
        let ids: [String: [[Int]]]
        let padded: [Padded]
    }

    private struct Padded: Decodable {
        /// Its place among the texts.
        let text: Int
        let pair: [Int]
        let added: [Int]
    }

    private struct Training: Decodable {
        let captions: [String]
        let merges: [[String]]
    }

    private static let expected = try! Fixture.json("tokenizer/texts.json", as: Expected.self)
    static let folders = ["added", "pair", "single", "unknown"]

    private static func tokenizer(_ folder: String) throws -> CLIPTokenizer { try CLIPTokenizer(folder: Fixture.url("tokenizer/\(folder)")) }

    /// Texts whose ids differ.
    private static func differing(_ tokenizer: CLIPTokenizer, from folder: String) throws -> [String] {
        let ids = try #require(expected.ids[folder])
        return zip(expected.texts, ids).filter { tokenizer.encode($0) != $1 }.map(\.0)
    }

    @Test func allTextsAreThere() {
        #expect(Self.expected.texts.count == 251)
        #expect(Self.expected.ids.keys.sorted() == Self.folders)
        #expect(Self.expected.ids.values.allSatisfy { $0.count == Self.expected.texts.count })
    }

    @Test(arguments: folders) func idsAreThoseOfTransformers(folder: String) throws {
        let differing = try Self.differing(Self.tokenizer(folder), from: folder)
        #expect(differing.isEmpty, "\(differing.count) texts: \(differing.prefix(3).map(\.debugDescription))")
    }

    @Test func paddedIdsAreThoseOfTransformers() throws {
        let (pair, added) = (try Self.tokenizer("pair"), try Self.tokenizer("added"))
        #expect(Self.expected.padded.count == 13)
        for padded in Self.expected.padded {
            let text = Self.expected.texts[padded.text]
            #expect(pair.ids([text]) == [padded.pair] && added.ids([text]) == [padded.added], "\(text.prefix(40).debugDescription)")
        }
    }

    @Test func trainingFindsTheMergesOfAPlainRecount() throws {
        let training = try Fixture.json("tokenizer/training.json", as: Training.self)
        let folder = TemporaryFolder()
        try CLIPTokenizer.train(captions: training.captions, vocabularySize: 20_000).write(to: folder.url("trained"))
        let written = try CLIPTokenizer(folder: folder.url("trained"))
        let joined = training.merges.map { $0.joined() }
        var seen: Set<String> = []
        let pieces = joined.filter { seen.insert($0).inserted }
        #expect((512..<512 + pieces.count).map { written.token($0) } == pieces)
        #expect(written.vocabularySize == 512 + pieces.count + 2)
    }

    // MARK: Twins: each breaks one thing and must be seen.

    @Test(arguments: [("pair", "added"), ("added", "pair"), ("unknown", "single"), ("single", "unknown")])
    func anotherVocabularyIsSeen(folder: String, other: String) throws {
        #expect(try !Self.differing(Self.tokenizer(other), from: folder).isEmpty)
    }

    @Test func swappedMergesAreSeen() throws {
        let folder = TemporaryFolder()
        let copy = folder.url("pair")
        try FileManager.default.copyItem(at: Fixture.url("tokenizer/pair"), to: copy)
        let file = copy.appendingPathComponent("merges.txt")
        var lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
        lines.swapAt(1, 40)
        try Data(lines.joined(separator: "\n").utf8).write(to: file)
        #expect(try !Self.differing(CLIPTokenizer(folder: copy), from: "pair").isEmpty)
    }
}
