import Experiments
import Pages
import Storage
import TestFiles
import Testing
import Torch

@Suite struct ScenesTests {
    @Test func thereAre1224CaptionsAndEachReadsBack() {
        #expect(Scene.all.count == 1_224)
        #expect(Set(Scene.all.map(\.caption)).count == 1_224)
        #expect(Scene.all.allSatisfy { Scene(caption: $0.caption) == $0 })
        #expect(Scene(SceneObject(.red, .circle), .leftOf, SceneObject(.blue, .square)).caption == "a red circle left of a blue square")
    }

    @Test(arguments: [
        "", "a red circle", "a red circle left of a red circle", "a red circle left a blue square", "a red circle left of the blue square",
        "a pink circle above a blue square", "A red circle above a blue square", "a red circle  above a blue square", "a red circle above a blue square ",
        "a red circle above a blue square and a cat",
    ])
    func otherTextIsNoCaption(_ text: String) {
        #expect(Scene(caption: text) == nil)
    }

    @Test func splitsArePartsOfTheWhole() {
        #expect(SceneSplit.heldOut.scenes.count == 244)
        #expect(SceneSplit.tune.scenes.count == 120)
        #expect(SceneSplit.train.scenes.count == 860)
        #expect(Set(SceneSplit.allCases.flatMap(\.scenes)) == Set(Scene.all))
        for split in SceneSplit.allCases {
            let scenes = split.scenes
            for object in SceneObject.all {
                #expect(scenes.count { $0.first == object } >= 4 && scenes.count { $0.second == object } >= 4, "\(object) in \(split)")
            }
            let aside = scenes.count { $0.relation == .leftOf || $0.relation == .rightOf }
            #expect(abs(2 * aside - scenes.count) <= 8, "\(split) is even in its relations")
        }
    }

    /// Figures published for one split mean nothing for another: this must never change.
    @Test func splitIsTheCommittedOne() {
        let listing = { (split: SceneSplit) in SeededGenerator.fnv1a(split.scenes.map(\.caption).joined(separator: "\n")) }
        #expect(listing(.heldOut) == 0xc846_7773_8ba7_a351)
        #expect(listing(.tune) == 0x6877_6248_7878_44b3)
        #expect(listing(.train) == 0xa118_d4b6_dc2b_6679)
    }

    @Test func trainingNeverSeesTheObjectsOfAHeldOutPictureAlongItsAxis() {
        let exchanged = { (scene: Scene) in Scene(scene.second, scene.relation, scene.first) }
        for scene in Scene.all {
            #expect(SceneSplit(of: scene.restated) == SceneSplit(of: scene) && SceneSplit(of: exchanged(scene)) == SceneSplit(of: scene))
        }
        // Twin: a split by caption alone, every fifth one, does let them through.
        let naive = Set(Scene.all.indices.filter { $0 % 5 == 0 }.map { Scene.all[$0] })
        #expect(Scene.all.contains { !naive.contains($0) && naive.contains($0.restated) })
        #expect(Scene.all.contains { !naive.contains($0) && naive.contains(exchanged($0)) })
    }

    @Test func pictureDependsOnSeedAndIndexAlone() {
        let short = SceneCorpus(quality: .mixed, split: .train, count: 20, seed: 7)
        let long = SceneCorpus(quality: .mixed, split: .train, count: 2_000, seed: 7)
        let backwards = (0..<20).reversed().map { long.sample(at: $0).pixels }
        #expect(Array(backwards.reversed()) == short.map(\.pixels))
        #expect((0..<20).allSatisfy { short.loser(at: $0).pixels == long.loser(at: $0).pixels })
        // Twins: another seed, another index.
        let other = SceneCorpus(quality: .mixed, split: .train, count: 20, seed: 8)
        #expect(zip(short, other).allSatisfy { $0.pixels != $1.pixels })
        #expect(Set(short.map(\.pixels)).count == 20)
    }

    @Test func picturesAreTheCommittedOnes() {
        let checksum = { (quality: SceneQuality) in
            let bytes = SceneCorpus(quality: quality, split: .train, count: 64, seed: 0).flatMap { $0.pixels.map { String(Int(($0 * 255).rounded())) } }
            return SeededGenerator.fnv1a(bytes.joined(separator: " "))
        }
        #expect(checksum(.good) == 0xf425_33b0_21cc_b233)
        #expect(checksum(.mixed) == 0x16cb_0a88_721a_ce9d)
    }

    @Test func corpusCoversItsSplitBeforeItRepeats() {
        let corpus = SceneCorpus(quality: .good, split: .tune, count: 240, seed: 1)
        #expect(Set(corpus.indices.prefix(120).map { corpus.scene(at: $0) }) == Set(SceneSplit.tune.scenes))
        #expect(corpus[0].scene == corpus[120].scene && corpus[0].pixels != corpus[120].pixels)
    }

    @Test func qualitiesAreAsDescribed() {
        #expect(SceneCorpus(quality: .good, split: .train, count: 20, seed: 0).allSatisfy { $0.flaw == nil })
        let mixed = SceneCorpus(quality: .mixed, split: .train, count: 4_000, seed: 0)
        let flaws = mixed.indices.compactMap { mixed.flaw(at: $0) }
        #expect(abs(Double(flaws.count) / 4_000 - 0.85) < 0.02)
        #expect(abs(Double(flaws.count { $0.isOfQuality }) / Double(flaws.count) - 0.75) < 0.03)
        #expect(Set(flaws) == Set(SceneFlaw.allCases))
        #expect((0..<20).allSatisfy { mixed[$0].flaw == mixed.flaw(at: $0) })
        #expect((0..<20).allSatisfy { mixed.loser(at: $0).flaw != nil && mixed.loser(at: $0).scene == mixed.scene(at: $0) })
        #expect(SceneQuality(name: "mixed") == .mixed && SceneQuality(name: "good") == .good && SceneQuality(name: "bad") == nil)
    }

    @Test func objectsStayInTheirHalf() {
        for half in SceneHalf.allCases {
            for (shape, colour) in zip(SceneShape.allCases, SceneColour.allCases) {
                for (x, y) in [(-2, -2), (2, -2), (-2, 2), (2, 2)] {
                    let pixels = SceneRenderer.image(of: [ScenePlacement(SceneObject(colour, shape), in: half, jitter: SceneJitter(x: x, y: y))])
                    let outside = pixels.indices.filter { !half.rows.contains($0 / 32 % 32) || !half.columns.contains($0 % 32) }
                    #expect(outside.allSatisfy { pixels[$0] == SceneRenderer.ground }, "\(shape) leaves its half")
                    #expect(pixels.allSatisfy { $0 >= 0 && $0 <= 1 })
                }
            }
        }
    }

    @Test func coloursAreApart() {
        let colours = SceneColour.allCases
        for (index, colour) in colours.enumerated() {
            for other in colours[(index + 1)...] {
                let difference = colour.rgb - other.rgb
                #expect((0..<3).map { abs(difference[$0]) }.max()! > 0.5999, "\(colour) and \(other)")
            }
        }
    }

    @Test func edgesAreSoftAndAreasApart() {
        let areas = SceneShape.allCases.map { SceneRenderer.coverage(of: $0).reduce(0, +) }
        #expect(abs(areas[0] - .pi * 5.5 * 5.5) < 1 && abs(areas[1] - 11.5 * 11.5) < 1 && abs(areas[2] - 72) < 4)
        #expect(SceneShape.allCases.allSatisfy { SceneRenderer.coverage(of: $0).contains { $0 > 0 && $0 < 1 } })
    }
}
