import Datasets
import Diffusion
import Foundation
import Testing
import Torch

@testable import Alignment

/// The cache of encoded winners gives back the same bits, and only where nothing it depends on has changed.
@Suite struct WinnerCacheTests {
    let world: TinyWorld
    var cache: URL { world.folder.appendingPathComponent("cache/winners.safetensors") }
    let settings = EncodingSettings(resolution: TinyWorld.side, posterior: .sample, flipsImages: true, withLosers: true)

    init() throws { world = try TinyWorld() }

    /// Encodes, or takes from the cache: an encoding calls `progress`, a hit does not.
    private func encode(
        _ settings: EncodingSettings? = nil, pipeline: Pipeline? = nil, limit: Int = 0, cached: Bool = true
    ) throws -> (winners: EncodedWinners, wasCached: Bool) {
        var calls = 0
        let winners = try EncodedWinners(
            WinnerSet(world.winners), pipeline ?? world.pipeline, settings ?? self.settings, limit: limit, cache: cached ? cache : nil,
            progress: { _, _ in calls += 1 })
        return (winners, calls == 0)
    }

    private func expectSame(_ a: EncodedWinners, _ b: EncodedWinners) {
        func tensors(_ w: EncodedWinners) -> [Tensor?] {
            [w.latents.mean, w.latents.deviation, w.mirrored?.mean, w.mirrored?.deviation, w.losers?.mean, w.losers?.deviation, w.states, w.emptyState]
        }
        for (one, other) in zip(tensors(a), tensors(b)) {
            guard let one, let other else {
                #expect(one == nil && other == nil)
                continue
            }
            #expect(sameBits(one, other))
            #expect(one.strides == other.strides, "sums over another order in memory would round otherwise")
        }
        #expect(a.captions == b.captions && a.captionRows == b.captionRows && a.skips == b.skips)
    }

    @Test func aHitIsBitEqual() throws {
        let fresh = try encode(cached: false).winners
        let written = try encode()
        let read = try encode()
        #expect(!written.wasCached && read.wasCached)
        expectSame(fresh, written.winners)
        expectSame(fresh, read.winners)
        #expect(read.winners.mirrored != nil && read.winners.losers != nil && read.winners.count == 5)
    }

    @Test func whateverItDependsOnMatters() throws {
        func expectMiss(_ what: String, _ settings: EncodingSettings? = nil, pipeline: Pipeline? = nil, limit: Int = 0, _ change: () throws -> Void = {}) throws
        {
            _ = try encode()
            #expect(try encode().wasCached)
            try change()
            #expect(!(try encode(settings, pipeline: pipeline, limit: limit)).wasCached, "\(what)")
        }
        try expectMiss("a changed image") { try TinyWorld.image(50).writePNG(to: world.winners.appendingPathComponent("2.png")) }
        try expectMiss("a changed losing image") { try TinyWorld.image(51).writePNG(to: world.winners.appendingPathComponent("losers/2.png")) }
        try expectMiss("a changed caption") { try world.writeCaptions(["a red circle", "a blue square", "a red square", "a green star", "a red star"]) }
        try expectMiss("a caption in other case") { try world.writeCaptions(["A red circle", "a blue square", "a red square", "a green star", "a red star"]) }
        try expectMiss("fewer winners", limit: 3)
        try expectMiss("without mirrored images", EncodingSettings(resolution: TinyWorld.side, posterior: .sample, flipsImages: false, withLosers: true))
        try expectMiss("the mode", EncodingSettings(resolution: TinyWorld.side, posterior: .mode, flipsImages: true, withLosers: true))
        try expectMiss("another size", EncodingSettings(resolution: 2 * TinyWorld.side, posterior: .sample, flipsImages: true, withLosers: true))
        try expectMiss("other encoder weights", pipeline: try TinyWorld.makePipeline(seed: 2))
        try expectMiss("another scaling factor", pipeline: try rescaled())
        try expectMiss("another unreadable row") {
            let table = world.winners.appendingPathComponent("metadata.jsonl")
            try (String(contentsOf: table, encoding: .utf8) + "no row\n").write(to: table, atomically: true, encoding: .utf8)
        }
    }

    /// The same weights under another configuration.
    private func rescaled() throws -> Pipeline {
        let copy = world.folder.appendingPathComponent("rescaled-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: world.model, to: copy)
        let file = copy.appendingPathComponent("vae/config.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        let changed = text.replacingOccurrences(of: #""scaling_factor" : 0.[0-9]+"#, with: #""scaling_factor" : 0.5"#, options: .regularExpression)
        #expect(changed != text)
        try changed.write(to: file, atomically: true, encoding: .utf8)
        return try Pipeline(copy)
    }

    @Test func aDamagedFileIsIgnoredAndRewritten() throws {
        let written = try encode().winners
        let whole = try Data(contentsOf: cache)
        for damaged in [whole.prefix(whole.count / 2), whole.prefix(7), Data(), Data("nonsense, and long enough to have a header".utf8)] {
            try damaged.write(to: cache)
            let again = try encode()
            #expect(!again.wasCached)
            expectSame(written, again.winners)
            #expect(try Data(contentsOf: cache) == whole)
        }
    }

    @Test func droppedCaptionsTakeTheEmptyState() throws {
        let winners = try encode().winners
        let states = winners.states([3, 0, 3], dropped: [false, true, false])
        #expect(states.shape == [3] + Array(winners.states.shape[1...]))
        #expect(sameBits(states[1], winners.emptyState[0]))
        let own = world.pipeline.textStates(["a green star"])
        #expect(largestDifference(states[0], own[0]) < 1e-6)
        #expect(sameBits(states[0], states[2]) && !sameBits(states[0], states[1]))
        #expect(sameBits(winners.states([3], dropped: [false])[0], states[0]))
    }

    @Test func mirroredImagesAreEncodedMirrored() throws {
        let winners = try encode().winners
        let mirrored = TinyWorld.image(1).flippedHorizontally()
        try mirrored.writePNG(to: world.winners.appendingPathComponent("1.png"))
        let again = try encode().winners
        #expect(largestDifference(again.latents.mean[1], winners.mirrored!.mean[1]) < 1e-6)
        #expect(largestDifference(again.mirrored!.mean[1], winners.latents.mean[1]) < 1e-6)
        #expect(largestDifference(winners.latents.mean[1], winners.mirrored!.mean[1]) > 1e-3)
    }

    @Test func posteriorIsTheAutoencoders() throws {
        let winners = try encode().winners
        let posterior = noGradients { world.pipeline.autoencoder.posterior(TinyWorld.image(4).tensor.unsqueezed(0)) }
        let scale = world.pipeline.autoencoder.configuration.scalingFactor
        #expect(largestDifference(winners.latents.mean[4], posterior.mean[0] * scale) < 1e-6)
        let noise = Generator(seed: 1).normal(posterior.mean.shape)
        let sample = winners.latents.latents([4]) { noise }
        #expect(largestDifference(sample, posterior.sample(noise) * scale) < 1e-6)
        #expect(largestDifference(sample, winners.latents.mean[4..<5]) > 1e-3)
        let mode = try encode(EncodingSettings(resolution: TinyWorld.side, posterior: .mode)).winners
        #expect(mode.latents.deviation == nil)
        #expect(sameBits(mode.latents.latents([4]) { fatalError("the mode needs no noise") }, winners.latents.mean[4..<5]))
    }
}
