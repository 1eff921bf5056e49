import Diffusion
import Foundation
import TestSupport
import Testing
import Torch

@testable import Encoding
@testable import Winners

/// Winners are encoded each by itself, once, and found again only where nothing they depend on has changed.
@Suite struct EncodedWinnersTests {
    let world: TinyWorld
    let cache: EncodingCache
    static let settings = EncodingSettings(resolution: TinyWorld.side, posterior: .sample, flipsImages: true, withLosers: true)

    init() throws {
        world = try TinyWorld()
        cache = EncodingCache(world.folder.appendingPathComponent("cache"))
    }

    private func winners(
        _ settings: EncodingSettings = settings, pipeline: Pipeline? = nil, store: any EncodingStore = EncodingMemory()
    ) throws -> EncodedWinners {
        try EncodedWinners.open(WinnerSet.list(world.winners), WinnerEncoder.load(pipeline ?? world.pipeline), settings, store: store)
    }

    private static let all = Array(0..<5)

    private func tensors(_ winners: EncodedWinners) throws -> [String: Tensor] {
        #expect(try winners.prepare(Self.all) == [true, true, true, true, true])
        var tensors = ["states": try winners.conditioning(Self.all)["text"], "empty": winners.unconditional["text"]]
        for view in [WinnerView.winner, .mirrored, .loser] {
            let posterior = try winners.latents(Self.all, view)
            tensors["\(view) mean"] = posterior.mean
            tensors["\(view) deviation"] = posterior.deviation
        }
        #expect(tensors.values.allSatisfy { $0.strides == $0.contiguous().strides }, "sums over another order in memory would round otherwise")
        return tensors
    }

    @Test func memoryDiskAndAFilledDiskGiveTheSameBits() throws {
        let inMemory = try tensors(winners())
        #expect(inMemory.count == 8 && inMemory["winner mean"]?.shape == [5, 4, 4, 4])
        let (cold, warm) = (CountingStore(cache), CountingStore(cache))
        #expect(sameBits(try tensors(winners(store: cold)), inMemory))
        // Five captions and the empty one; winner, its mirror image and loser.
        #expect(cold.latents == 15 && cold.states == 6)
        #expect(sameBits(try tensors(winners(store: warm)), inMemory))
        #expect(warm.latents == 0 && warm.states == 0)
        #expect(!sameBits(inMemory["winner mean"]!, inMemory["mirrored mean"]!), "the twin")
    }

    /// Batches, threads and neighbours are nothing to an image.
    @Test func latentsAreAFunctionOfTheImageAlone() throws {
        let threads = Runtime.threads
        defer { Runtime.threads = threads }
        let whole = try tensors(winners())
        for count in [1, 2, 3] {
            Runtime.threads = count
            let alone = try winners()
            for row in Self.all.reversed() {
                #expect(sameBits(try alone.latents([row]).mean[0], whole["winner mean"]![row]))
                #expect(sameBits(try alone.conditioning([row])["text"][0], whole["states"]![row]))
            }
            #expect(Runtime.threads == count)
        }
    }

    @Test func whateverALatentDependsOnMatters() throws {
        /// What has to be made again after a change, and whether a run would notice.
        func expect(
            _ latents: Int, _ states: Int, key isOther: Bool = true, _ what: String, _ settings: EncodingSettings = Self.settings, pipeline: Pipeline? = nil,
            _ change: () throws -> Void = {}
        ) throws {
            let before = try winners(store: cache)
            _ = try before.prepare(Self.all)
            try change()
            let store = CountingStore(cache)
            let after = try winners(settings, pipeline: pipeline, store: store)
            _ = try after.prepare(Array(0..<after.count))
            #expect(store.latents == latents && store.states == states, "\(what): \(store.latents), \(store.states)")
            #expect((after.key != before.key) == isOther, "\(what)")
        }
        try expect(0, 0, key: false, "nothing")
        try expect(2, 0, "a changed image") { try TinyWorld.image(50).writePNG(to: world.winners.appendingPathComponent("2.png")) }
        try expect(1, 0, "a changed losing image") { try TinyWorld.image(51).writePNG(to: world.winners.appendingPathComponent("losers/2.png")) }
        try expect(0, 1, "a changed caption") { try world.writeCaptions(["a red circle", "a blue square", "a red square", "a green star", "a red star"]) }
        try expect(0, 0, key: false, "a caption of the same tokens") {
            try world.writeCaptions(["A red circle", "a blue square", "a red square", "a green star", "a red star"])
        }
        try expect(0, 0, "the order") { try world.writeCaptions(["a red circle", "a blue square", "a red square", "a red star", "a green star"]) }
        try expect(0, 0, "without mirrored images", EncodingSettings(resolution: TinyWorld.side, posterior: .sample, flipsImages: false, withLosers: true))
        try expect(15, 0, "the mode", EncodingSettings(resolution: TinyWorld.side, posterior: .mode, flipsImages: true, withLosers: true))
        try expect(15, 0, "another size", EncodingSettings(resolution: 2 * TinyWorld.side, posterior: .sample, flipsImages: true, withLosers: true))
        try expect(15, 6, "other encoder weights", pipeline: try TinyWorld.makePipeline(seed: 2))
        try expect(15, 0, "another scaling factor", pipeline: try rescaled())
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
        return try Pipeline.load(copy)
    }

    private func files() throws -> [URL] {
        let all = FileManager.default.enumerator(at: cache.folder, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
        return all.filter { $0.pathExtension == "safetensors" }.sorted { $0.path < $1.path }
    }

    /// Found damaged at the start, or only when it is read.
    @Test(arguments: [true, false]) func aDamagedFileIsMadeAgain(isKnownGood: Bool) throws {
        let before = try tensors(winners(store: cache))
        #expect(try files().count == 21)
        let encoder = try WinnerEncoder.load(world.pipeline)
        let image = try WinnerSet.list(world.winners).winners[2].image
        for file in [
            cache.file(.latents, encoder.key(ofImage: image.digest, mirrored: true, Self.settings)),
            cache.file(.states, encoder.key(ofCaption: isKnownGood ? TinyWorld.captions[2] : "")),
        ] {
            let whole = try Data(contentsOf: file)
            var flipped = whole
            flipped[whole.count - 3] ^= 4
            let header = whole.prefix(8).reversed().reduce(8) { $0 << 8 | Int($1) }
            for damaged in [whole.prefix(whole.count / 2), whole.prefix(whole.count - 1), whole.prefix(header), Data(), flipped, Data("nonsense".utf8)] {
                let known = isKnownGood ? try winners(store: cache) : nil
                _ = try known?.prepare(Self.all)
                try damaged.write(to: file)
                #expect(sameBits(try tensors(known ?? winners(store: cache)), before))
                #expect(try Data(contentsOf: file) == whole)
            }
        }
    }

    @Test func aClearedCacheIsFilledAgainAndTheNetworksComeBackForIt() throws {
        let encoder = try WinnerEncoder.load(ModelFiles(world.model))
        let winners = try EncodedWinners.open(WinnerSet.list(world.winners), encoder, Self.settings, store: cache)
        let before = try tensors(winners)
        winners.releaseEncoder()
        #expect(sameBits(try tensors(winners), before))
        #expect(!encoder.holdsNetworks)
        try FileManager.default.removeItem(at: cache.folder)
        #expect(sameBits(try tensors(winners), before))
        #expect(encoder.holdsNetworks)
        // Other networks would make other latents of the rest of a run.
        winners.releaseEncoder()
        try FileManager.default.removeItem(at: cache.folder)
        try TinyWorld.makePipeline(seed: 3).write(to: world.model)
        #expect(throws: WinnerEncoder.ModelChanged.self) { try winners.latents([0]) }
    }

    @Test func imagesThatCannotBeUsedAreListedAndPassedOver() throws {
        let set = try WinnerSet.list(world.winners)
        try Data("no picture".utf8).write(to: world.winners.appendingPathComponent("1.png"))
        let plain = EncodingSettings(resolution: TinyWorld.side)
        let broken = try EncodedWinners.open(WinnerSet.list(world.winners), WinnerEncoder.load(world.pipeline), plain, store: cache)
        #expect(try broken.prepare([3, 1, 1, 0]) == [true, false, false, true])
        #expect(broken.skips == [Skip(file: "1.png", reason: "not a PNG, JPEG or WebP image")])
        // What was listed is not there any more, or is another.
        try FileManager.default.removeItem(at: world.winners.appendingPathComponent("4.png"))
        try TinyWorld.image(60).writePNG(to: world.winners.appendingPathComponent("losers/2.png"))
        let vanished = try EncodedWinners.open(set, WinnerEncoder.load(world.pipeline), Self.settings)
        #expect(try vanished.prepare(Self.all) == [true, false, false, true, false])
        #expect(
            vanished.skips.map(\.description) == [
                "1.png: has changed since it was listed", "losers/2.png: has changed since it was listed", "4.png: No such file or directory",
            ])
        for index in [0, 2, 3] { try Data("no picture".utf8).write(to: world.winners.appendingPathComponent("\(index).png")) }
        let none = try EncodedWinners.open(WinnerSet.list(world.winners), WinnerEncoder.load(world.pipeline), plain)
        #expect(try none.prepare([0, 1, 2]) == [false, false, false])
        #expect(throws: WinnerSetError.self) { try none.prepare([3]) }
    }

    @Test func anInterruptionKeepsWhatWasDone() throws {
        struct Interrupted: Error {}
        let store = CountingStore()
        let winners = try winners(store: store)
        var calls: [Int] = []
        #expect(throws: Interrupted.self) {
            try winners.prepare(Self.all) { done, count in
                calls.append(done)
                #expect(count == 5)
                if done >= 2 { throw Interrupted() }
            }
        }
        #expect(calls.first == 0 && calls.last! >= 2 && store.latents == 3 * calls.last!)
        #expect(try winners.prepare(Self.all).allSatisfy { $0 } && store.latents == 15)
    }

    /// Threads that want the same winners at the same time make each of them once.
    @Test func everyWinnerIsEncodedOnce() throws {
        let store = CountingStore(delay: 0.002)
        let winners = try winners(store: store)
        DispatchQueue.concurrentPerform(iterations: 4) { number in
            for row in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 2, 0], [1, 4]][number] { #expect((try? winners.prepare([row])) == [true]) }
        }
        #expect(store.latents == 15 && store.states == 6)
    }

    @Test func droppedCaptionsTakeTheEmptyState() throws {
        let winners = try winners()
        let states = try winners.conditioning([3, 0, 3], dropped: [false, true, false])["text"]
        #expect(states.shape == [3] + Array(winners.unconditional["text"].shape[1...]))
        #expect(sameBits(states[1], winners.unconditional["text"][0]))
        let own = world.pipeline.textStates(["a green star"])
        #expect(largestDifference(states[0], own[0]) < 1e-6)
        #expect(largestDifference(winners.unconditional["text"], world.pipeline.textStates([""])) < 1e-6)
        #expect(sameBits(states[0], states[2]) && !sameBits(states[0], states[1]))
    }

    @Test func mirroredImagesAreEncodedMirrored() throws {
        let before = try tensors(winners())
        try TinyWorld.image(1).flippedHorizontally().writePNG(to: world.winners.appendingPathComponent("1.png"))
        let after = try tensors(winners())
        #expect(sameBits(after["winner mean"]![1], before["mirrored mean"]![1]))
        #expect(sameBits(after["mirrored mean"]![1], before["winner mean"]![1]))
        #expect(largestDifference(before["winner mean"]![1], before["mirrored mean"]![1]) > 1e-3)
    }

    @Test func posteriorIsTheAutoencoders() throws {
        let own = try winners().latents([4])
        let posterior = noGradients { world.pipeline.autoencoder.posterior(TinyWorld.image(4).tensor.unsqueezed(0)) }
        let scale = world.pipeline.autoencoder.configuration.scalingFactor
        #expect(largestDifference(own.mean, posterior.mean * scale) < 1e-6)
        let noise = Generator(seed: 1).normal(posterior.mean.shape)
        let sample = own.latents { noise }
        #expect(largestDifference(sample, posterior.sample(noise) * scale) < 1e-6)
        #expect(largestDifference(sample, own.mean) > 1e-3)
        let mode = try winners(EncodingSettings(resolution: TinyWorld.side, posterior: .mode)).latents([4])
        #expect(mode.deviation == nil)
        #expect(sameBits(mode.latents { fatalError("the mode needs no noise") }, own.mean))
    }
}
