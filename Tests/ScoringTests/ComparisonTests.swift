import Foundation
import TestFiles
import Testing

@testable import Scoring

@Suite struct ComparisonTests {
    /// `captions` captions × 2 seeds × guidance 1 and 3, each image's quality shifted by `shift`.
    private func records(captions: Int = 12, shift: Double = 0) -> [ImageScores] {
        [1.0, 3.0].flatMap { guidance in
            (0..<captions).flatMap { caption in
                (0..<2).map { seed in
                    let quality = 0.5 + 0.01 * Double(caption) + shift
                    let scores = ["quality": quality, "faithfulness": 0.5]
                    return ImageScores(caption: "caption \(caption)", seed: UInt64(seed), guidance: guidance, scores: scores)
                }
            }
        }
    }

    @Test func summarisesPairs() throws {
        let comparison = try Comparison(records(shift: 0.1).shuffled(), base: records().reversed())
        #expect(comparison.n == 24 && comparison.captions == 12 && comparison.seeds == 2)
        #expect(comparison.results.map(\.guidance) == [1, 3])
        let quality = try #require(comparison.results[0].scores["quality"])
        #expect(abs(quality.mean - 0.655) < 1e-12 && abs(quality.base!.mean - 0.555) < 1e-12)
        #expect(abs(quality.difference!.low - 0.1) < 1e-12 && abs(quality.difference!.high - 0.1) < 1e-12)
        #expect(quality.winRate == 1)
        #expect(comparison.results[1].scores["faithfulness"]?.winRate == 0.5)
    }

    @Test func orderOfRecordsDoesNotMatter() throws {
        #expect(try Comparison(records()) == Comparison(records().shuffled()))
    }

    @Test func smallerErrorWins() throws {
        let image = ImageScores(caption: "a", seed: 0, guidance: 1, scores: ["denoising_error": 0.1])
        var base = image
        base.scores["denoising_error"] = 0.2
        #expect(try Comparison([image], base: [base]).results[0].scores["denoising_error"]?.winRate == 1)
    }

    @Test func jsonHasExactlyTheseKeys() throws {
        let data = try Comparison(records(shift: 0.1), base: records()).json()
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(object.keys.sorted() == ["captions", "n", "results", "seeds"])
        let result = try #require((object["results"] as? [[String: Any]])?.first)
        #expect(result.keys.sorted() == ["guidance", "scores"])
        let scores = try #require(result["scores"] as? [String: [String: Any]])
        #expect(scores.keys.sorted() == ["faithfulness", "quality"])
        #expect(scores["quality"]?.keys.sorted() == ["base", "difference", "high", "low", "mean", "win_rate"])
        #expect((scores["quality"]?["base"] as? [String: Any])?.keys.sorted() == ["high", "low", "mean"])
        #expect((scores["quality"]?["difference"] as? [String: Any])?.keys.sorted() == ["high", "low", "mean"])
    }

    @Test func withoutBaseOnlyTheMean() throws {
        let data = try Comparison(records()).json()
        #expect(!String(decoding: data, as: UTF8.self).contains("win_rate"))
        #expect(!String(decoding: data, as: UTF8.self).contains("null"))
    }

    @Test func roundTrip() throws {
        let comparison = try Comparison(records(shift: 0.1), base: records())
        #expect(try JSONDecoder().decode(Comparison.self, from: comparison.json()) == comparison)
    }

    @Test func theContractsExampleDecodes() throws {
        let example = """
            {"n": 490, "captions": 245, "seeds": 2, "results": [{"guidance": 1.0, "scores": {"quality": {"mean": 0.75, "low": 0.73, "high": 0.77,
             "base": {"mean": 0.61, "low": 0.58, "high": 0.63}, "difference": {"mean": 0.14, "low": 0.13, "high": 0.16}, "win_rate": 0.83}}}]}
            """
        let comparison = try JSONDecoder().decode(Comparison.self, from: Data(example.utf8))
        #expect(comparison.results[0].scores["quality"]?.winRate == 0.83)
        #expect(comparison.results[0].scores["quality"]?.difference?.excludesZero == true)
    }

    @Test func nothingIsLeftOutSilently() {
        var records = records()
        #expect(throws: ComparisonError.noRecords) { try Comparison([]) }
        #expect(throws: ComparisonError.noPartner(caption: "caption 11", seed: 1, guidance: 3)) { try Comparison(records, base: Array(records.dropLast())) }
        #expect(throws: ComparisonError.repeated(caption: "caption 0", seed: 0, guidance: 1)) { try Comparison(records + [records[0]]) }
        #expect(throws: ComparisonError.unequalGuidances([1, 3], counts: [24, 23])) { try Comparison(Array(records.dropLast())) }
        records[5].scores["quality"] = .nan
        #expect(throws: ComparisonError.notFinite(score: "quality", caption: "caption 2", seed: 1, guidance: 1)) { try Comparison(records) }
        records[5].scores = ["quality": 1]
        #expect(throws: ComparisonError.self) { try Comparison(records) }
    }
}
