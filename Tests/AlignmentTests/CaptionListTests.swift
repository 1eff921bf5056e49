import Foundation
import TestSupport
import Testing
import Torch

@testable import Alignment
@testable import Encoding
@testable import Storage
@testable import Winners

/// Of several captions of a winner every example takes one, by its own dice.
@Suite struct CaptionListTests {
    private let world = try! TinyWorld()
    private static let lists = [
        ["a red circle", "a circle", "red"], ["a blue square"], ["a red square", "square"], ["a green star"], ["a blue circle", "blue"],
    ]

    private func set(_ lists: [[String]] = lists) throws -> WinnerSet {
        var listing = WinnerListing()
        for (winner, captions) in zip(try WinnerSet.list(world.winners).winners, lists) {
            listing.add(Winner(image: winner.image, captions: captions, loser: winner.loser), from: winner.image.name)
        }
        return try WinnerSet(world.winners, form: "a test", listing, lookedFor: "nothing")
    }

    private func encoded(_ settings: AlignmentSettings, _ set: WinnerSet, store: any EncodingStore = EncodingMemory()) throws -> EncodedWinners {
        try EncodedWinners.open(set, WinnerEncoder.load(world.pipeline), EncodingSettings(resolution: TinyWorld.side), store: store)
    }

    @Test func everyCaptionIsEncodedOnce() throws {
        let store = CountingStore()
        let winners = try encoded(world.settings(), set(), store: store)
        _ = try winners.prepare(Array(0..<5))
        #expect(store.latents == 5 && store.states == 10, "nine captions and the empty one")
        #expect(winners.bytesMissing(Array(0..<5)) == 0)
        _ = try winners.conditioning([0, 0, 2], captions: [1, 2, 1])
        #expect(store.states == 10)
    }

    /// Caches and runs from before there were lists stay good.
    @Test func theKeyOfSingleCaptionsIsAsItWas() throws {
        let encoder = try WinnerEncoder.load(world.pipeline)
        let settings = EncodingSettings(resolution: TinyWorld.side)
        let single = try encoded(world.settings(), WinnerSet.list(world.winners))
        var key = ContentKey()
        key.update("winners 1 false false")
        for winner in single.winners {
            for part in [encoder.key(ofImage: winner.image.digest, mirrored: false, settings), encoder.key(ofCaption: winner.caption), ""] { key.update(part) }
        }
        #expect(single.key == key.text)
        var keys = Set([single.key])
        for lists in [Self.lists, Self.lists.map { $0.reversed() }, Self.lists.map { $0 + ["more"] }] {
            #expect(keys.insert(try encoded(world.settings(), set(lists)).key).inserted)
        }
    }

    /// Which caption of row 0 each example takes, found by its states.
    private func choices(_ numbers: Range<Int>, seed: UInt64 = 7) throws -> [Int] {
        let settings = world.settings { $0.run.seed = seed }
        let winners = try encoded(settings, set())
        let states = try TrainingBatch.take(winners, rows: numbers.map { _ in 0 }, numbers: numbers, settings: settings).conditioning["text"]
        let all = try (0..<3).map { try winners.conditioning([0], captions: [$0])["text"][0] }
        return try (0..<numbers.count).map { example in try #require(all.firstIndex { sameBits($0, states[example]) }) }
    }

    @Test func anExamplesDiceChoose() throws {
        let whole = try choices(0..<60)
        for caption in 0..<3 { #expect((10...30) ~= whole.count { $0 == caption }) }
        for range in [0..<1, 7..<12, 59..<60] { #expect(try choices(range) == Array(whole[range]), "whatever the micro-batch") }
        #expect(try choices(0..<60, seed: 8) != whole)
    }

    @Test func oneCaptionTakesNoDice() throws {
        let settings = world.settings { $0.data.captionDropout = 0.3 }
        let numbers = 0..<20
        let rows = numbers.map { $0 % 5 }
        let texts = try encoded(settings, WinnerSet.list(world.winners))
        let lists = try encoded(settings, set(TinyWorld.captions.map { [$0] }))
        let (one, other) = try (
            TrainingBatch.take(texts, rows: rows, numbers: numbers, settings: settings),
            TrainingBatch.take(lists, rows: rows, numbers: numbers, settings: settings)
        )
        #expect(sameBits(one.conditioning["text"], other.conditioning["text"]) && sameBits(one.latents, other.latents) && texts.key == lists.key)
    }

    private struct Killed: Error {}

    @Test func aResumedRunTakesTheSameCaptions() throws {
        func train(_ name: String, _ lists: [[String]] = Self.lists, killedAfter killed: Int? = nil) throws -> RunDirectory {
            let directory = try world.directory(name)
            let settings = world.settings {
                $0.objective.method = .sft
                $0.run.saveEvery = 2
            }
            do {
                try KeptTraining(settings, world.pipeline.denoising, encoded(settings, set(lists)), directory).run(stopping: StopSignals([])) {
                    if $0.update == killed { throw Killed() }
                }
            } catch is Killed {}
            return directory
        }
        let straight = try train("straight")
        _ = try train("killed", killedAfter: 3)
        let resumed = try train("killed")
        #expect(sameBits(try straight.weights(2), try resumed.weights(2)))
        // The twin: the first of each alone trains something else, and is another data set.
        #expect(!sameBits(try straight.weights(2), try train("first", Self.lists.map { [$0[0]] }).weights(2)))
        _ = try train("changed", killedAfter: 3)
        #expect(throws: RunError.self) { try train("changed", Self.lists.map { $0.reversed() }) }
    }
}
