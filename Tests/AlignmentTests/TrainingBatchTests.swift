import Diffusion
import Encoding
import Foundation
import TestSupport
import Testing
import Torch

@testable import Alignment

/// Every random number of an example comes from (seed, purpose, index of the example) alone.
@Suite struct TrainingBatchTests {
    let world: TinyWorld
    let settings: AlignmentSettings
    let winners: EncodedWinners

    init() throws {
        world = try TinyWorld()
        settings = world.settings { ($0.data.captionDropout, $0.data.flipImages) = (0.3, true) }
        winners = try world.encoded(settings)
    }

    private func batch(_ numbers: Range<Int>, settings: AlignmentSettings? = nil, winners: EncodedWinners? = nil) -> TrainingBatch {
        try! TrainingBatch.take(winners ?? self.winners, rows: numbers.map { _ in 2 }, numbers: numbers, settings: settings ?? self.settings)
    }

    private func draw(_ batch: TrainingBatch, _ purpose: String = "loss") -> NoiseDraw { batch.draw(purpose, of: world.pipeline.schedule) }

    @Test func anExampleDoesNotDependOnItsBatch() {
        let whole = batch(0..<40)
        for range in [0..<1, 7..<12, 39..<40] {
            let part = batch(range)
            #expect(sameBits(part.latents, whole.latents[range].contiguous()))
            #expect(sameBits(part.conditioning["text"], whole.conditioning[range]["text"].contiguous()))
            #expect(sameBits(draw(part).noise, draw(whole).noise[range].contiguous()))
            #expect(draw(part).times == Array(draw(whole).times[range]))
        }
    }

    @Test func purposesIndicesAndSeedsDiffer() {
        let one = batch(3..<4)
        #expect(!sameBits(draw(one).noise, draw(one, "loss loser").noise))
        #expect(!sameBits(draw(one).noise, draw(batch(4..<5)).noise))
        var other = settings
        other.run.seed += 1
        #expect(!sameBits(draw(one).noise, draw(batch(3..<4, settings: other)).noise))
        let purposes = ["loss", "loss loser", "anchor 1", "anchor 2"].map { draw(batch(0..<30), $0).times }
        #expect(Set(purposes).count == 4)
    }

    @Test func timestepsAreUniform() {
        let timesteps = draw(batch(0..<4000)).times.map { Int($0) }
        #expect(timesteps.min()! >= 0 && timesteps.max()! < 1000)
        let counts = (0..<10).map { decile in Double(timesteps.filter { $0 / 100 == decile }.count) }
        // χ² with nine degrees of freedom, 0.9999.
        #expect(counts.reduce(0) { $0 + pow($1 - 400, 2) / 400 } < 33.72)
    }

    @Test func captionsAreDroppedAtTheirShare() {
        let count = 2000
        let states = batch(0..<count).conditioning["text"]
        let dropped = (0..<count).filter { sameBits(states[$0], winners.unconditional["text"][0]) }.count
        // Four standard deviations.
        #expect(abs(Double(dropped) - 0.3 * Double(count)) < 4 * (Double(count) * 0.3 * 0.7).squareRoot())
        var none = settings
        none.data.captionDropout = 0
        let kept = batch(0..<50, settings: none).conditioning["text"]
        #expect((0..<50).allSatisfy { !sameBits(kept[$0], winners.unconditional["text"][0]) })
        var all = settings
        all.data.captionDropout = 1
        #expect((0..<50).allSatisfy { sameBits(batch(0..<50, settings: all).conditioning["text"][$0], winners.unconditional["text"][0]) })
    }

    @Test func halfOfTheImagesAreMirrored() throws {
        let count = 1000
        var mode = settings
        mode.data.vaePosterior = .mode
        let winners = try world.encoded(mode)
        let (own, flipped) = (try winners.latents([2]).mean[0], try winners.latents([2], .mirrored).mean[0])
        let latents = batch(0..<count, settings: mode, winners: winners).latents
        let plain = (0..<count).filter { sameBits(latents[$0].contiguous(), own) }.count
        let mirrored = (0..<count).filter { sameBits(latents[$0].contiguous(), flipped) }.count
        #expect(plain + mirrored == count)
        #expect(abs(Double(plain) - 500) < 4 * 250.0.squareRoot())
    }

    @Test func thePosteriorIsSampledOrItsModeTaken() throws {
        var plain = settings
        plain.data.flipImages = false
        let winners = try world.encoded(plain)
        let count = 3000
        let latents = batch(0..<count, settings: plain, winners: winners).latents
        let posterior = try winners.latents([2])
        let (mean, deviation) = (posterior.mean[0], posterior.deviation![0])
        let standardised = (latents - mean) / deviation
        // Standard errors: 1/√n of the mean, 1/√2n of the deviation; the largest of 64 elements.
        #expect(standardised.mean([0]).magnitude.max().item < 5 / Double(count).squareRoot())
        #expect((standardised.standardDeviation([0]) - 1).magnitude.max().item < 5 / Double(2 * count).squareRoot())
        var mode = plain
        mode.data.vaePosterior = .mode
        let fixed = batch(0..<3, settings: mode, winners: try world.encoded(mode)).latents
        #expect((0..<3).allSatisfy { sameBits(fixed[$0], mean) })
    }
}
