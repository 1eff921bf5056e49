import Diffusion
import Foundation
import TestFiles
import Testing
import Torch

@testable import Encoding
@testable import Winners

/// One data set in four forms is one data set.
@Suite struct FormsTests {
    private func encoded(_ url: URL, withLosers: Bool) throws -> EncodedWinners {
        let settings = EncodingSettings(resolution: 32, withLosers: withLosers)
        return try EncodedWinners.open(WinnerSet.list(url), WinnerEncoder.load(Pipeline.load(BuiltInModel.scenes.folder)), settings)
    }

    private func latents(_ winners: EncodedWinners, _ view: WinnerView = .winner) throws -> LatentPosterior {
        try winners.latents(Array(0..<winners.count), view)
    }

    private func states(_ winners: EncodedWinners) throws -> Tensor {
        try winners.conditioning(Array(0..<winners.count))["text"]
    }

    private func same(_ a: Tensor?, _ b: Tensor?) -> Bool { a?.values(Float.self) == b?.values(Float.self) && a?.shape == b?.shape }

    @Test func theSamePicturesHaveTheSameLatents() throws {
        try withTemporaryFolder { folder in
            let images = Fixture.url("parquet").appendingPathComponent("images")
            var tar = TarBytes()
            for (number, winner) in try WinnerSet.list(images).winners.enumerated() {
                tar.file("\(number).jpg", try winner.image.bytes())
                tar.file("\(number).txt", winner.caption)
                tar.file("\(number).loser.jpg", try winner.loser!.bytes())
            }
            tar.end()
            let shard = folder.appendingPathComponent("shard.tar")
            try Data(tar.bytes).write(to: shard)

            let first = try encoded(images, withLosers: true)
            let (winners, losers) = (try latents(first), try latents(first, .loser))
            #expect(first.count == 5 && winners.mean.isFinite)
            for other in [shard, Fixture.url("parquet").appendingPathComponent("pick-a-pic.parquet")] {
                let found = try encoded(other, withLosers: true)
                let (itsWinners, itsLosers) = (try latents(found), try latents(found, .loser))
                #expect(same(itsWinners.mean, winners.mean) && same(itsWinners.deviation, winners.deviation))
                #expect(same(itsLosers.mean, losers.mean) && same(itsLosers.deviation, losers.deviation))
                #expect(try found.captions == first.captions && same(states(found), states(first)) && found.key == first.key)
                #expect(!same(itsLosers.mean, winners.mean), "winners and losers are not told apart")
            }
            let hub = try encoded(Fixture.url("parquet").appendingPathComponent("hub.parquet"), withLosers: false)
            #expect(try same(latents(hub).mean, winners.mean) && same(latents(hub).deviation, winners.deviation))
            #expect(try hub.captions == first.captions && same(states(hub), states(first)))
        }
    }

    @Test func formsAreToldApart() throws {
        try withTemporaryFolder { folder in
            #expect(throws: WinnerSetError.notThere(folder.path + "/none")) { try WinnerSet.list(folder.appendingPathComponent("none")) }
            let text = folder.appendingPathComponent("a.txt")
            try Data("a".utf8).write(to: text)
            #expect(throws: WinnerSetError.notADataSet(text.path)) { try WinnerSet.list(text) }
            // A metadata file says that the folder is one of images, whatever else lies there.
            let images = folder.appendingPathComponent("images")
            try FileManager.default.copyItem(at: Fixture.url("parquet").appendingPathComponent("images"), to: images)
            try FileManager.default.copyItem(at: Fixture.url("parquet").appendingPathComponent("hub.parquet"), to: images.appendingPathComponent("hub.parquet"))
            #expect(try WinnerSet.list(images).form == "image folder (metadata.jsonl)")
            try FileManager.default.removeItem(at: images.appendingPathComponent("metadata.jsonl"))
            #expect(try WinnerSet.list(images).form.hasPrefix("Parquet"))
            // As downloaders leave it: tables beside captioned images, or beside shards.
            try Data("a".utf8).write(to: images.appendingPathComponent("0.txt"))
            #expect(try WinnerSet.list(images).form == "image folder (captions beside the images)")
            _ = try WinnerShard.write(WinnerSet.list(images).winners, to: images.appendingPathComponent("00000.tar"))
            #expect(try WinnerSet.list(images).form == "WebDataset (one shard)")
        }
    }
}
