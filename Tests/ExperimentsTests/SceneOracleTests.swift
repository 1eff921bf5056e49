import Experiments
import Foundation
import Pages
import Storage
import TestFiles
import Testing
import Torch

@Suite struct SceneOracleTests {
    private let oracle = SceneOracle()

    /// Pictures of tune captions with one flaw, or none, and their scores.
    private func scores(_ flaw: SceneFlaw?, count: Int = 120) -> [SceneScore] {
        let scenes = SceneSplit.tune.scenes
        return (0..<count).map { index in
            var generator = SeededGenerator(seed: 5, purpose: "oracle test", index: index)
            let scene = scenes[index]
            return oracle.score(SceneRenderer.image(of: scene, flaw: flaw, using: &generator), scene: scene)
        }
    }

    private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    @Test func idealPicturesScoreOne() {
        // A stride of 7 meets all objects, relations and jitters without the minutes an unoptimised build takes for all.
        for index in stride(from: 0, to: Scene.all.count, by: 7) {
            let scene = Scene.all[index]
            let jitter = (first: SceneJitter.all[index % 25], second: SceneJitter.all[index / 25 % 25])
            let score = oracle.score(SceneRenderer.image(of: scene, jitter: jitter), scene: scene)
            #expect(score.faithfulness > 0.9999 && score.quality > 0.9999 && score.faithful, "\(scene)")
            // The other wording is the same picture.
            #expect(abs(oracle.score(SceneRenderer.image(of: scene, jitter: jitter), scene: scene.restated).faithfulness - score.faithfulness) < 1e-12)
        }
    }

    @Test(arguments: [SceneFlaw.wrongColour, .wrongShape, .swapped])
    func anotherPictureIsUnfaithfulButGood(_ flaw: SceneFlaw) {
        for score in scores(flaw) {
            #expect(score.faithfulness < 0.8 && score.quality > 0.9999 && !score.faithful)
        }
    }

    /// Of 18 objects one is nearest to the bare ground, so nearness alone would call one missing object in 18 there.
    @Test func aMissingObjectIsUnfaithful() {
        for score in scores(.missingObject) {
            #expect(score.faithfulness < 0.75 && score.faithfulness >= 0.5 && !score.faithful)
        }
    }

    @Test(arguments: SceneFlaw.ofQuality)
    func aSpoiledPictureIsBadButFaithful(_ flaw: SceneFlaw) {
        let scores = scores(flaw)
        #expect(scores.allSatisfy { $0.quality < 0.9 })
        // Some yellow at the palest end has lost its shape; all else is still nearest to what it was.
        #expect(Double(scores.count(where: \.faithful)) >= (flaw == .blur ? 1 : 0.8) * Double(scores.count))
        #expect(mean(scores.map { $0.quality - $0.faithfulness }) < 0.03)
    }

    @Test func noiseScoresNothing() {
        let scenes = SceneSplit.tune.scenes
        for index in 0..<12 {
            var generator = SeededGenerator(seed: 9, purpose: "noise test", index: index)
            let noise = (0..<SceneRenderer.valuesPerImage).map { _ in Float(generator.uniform()) }
            let score = oracle.score(noise, scene: scenes[index])
            #expect(score.faithfulness < 0.1 && score.quality < 0.1)
        }
    }

    @Test func qualityFallsWithBlurAndWashing() {
        for scene in SceneSplit.tune.scenes.prefix(6) {
            let clean = SceneRenderer.image(of: scene)
            let blurred = stride(from: 0.0, through: 4, by: 0.25).map { oracle.score(SceneDegradation.blurred(clean, sigma: $0), scene: scene) }
            let washed = stride(from: 0.0, through: 1, by: 0.1).map { oracle.score(SceneDegradation.washedOut(clean, amount: $0), scene: scene) }
            for scores in [blurred, washed] {
                #expect(zip(scores, scores.dropFirst()).allSatisfy { $0.faithfulness > $1.faithfulness })
            }
            #expect(zip(blurred, blurred.dropFirst()).allSatisfy { $0.quality > $1.quality })
        }
    }

    @Test func valuesAreClampedAndMustBeFinite() {
        let scene = Scene.all[100]
        var pixels = SceneRenderer.image(of: scene)
        let whole = oracle.score(pixels, scene: scene)
        let harsh = pixels.map { $0 > 0.9 ? 7 : $0 < 0.1 ? -3 : $0 }
        let clipped = pixels.map { $0 > 0.9 ? 1 : $0 < 0.1 ? 0 : $0 }
        #expect(oracle.score(harsh, scene: scene) == oracle.score(clipped, scene: scene))
        #expect(whole.quality > 0.99)
        for value in [Float.nan, .infinity, -.infinity] {
            pixels[17] = value
            #expect(oracle.score(pixels, scene: scene) == oracle.score([Float](repeating: .nan, count: pixels.count), scene: scene))
            #expect(oracle.score(pixels, scene: scene).quality == 0)
        }
    }

    @Test func aBatchIsItsPictures() {
        let corpus = SceneCorpus(quality: .mixed, split: .tune, count: 8, seed: 2)
        #expect(oracle.score(corpus.flatMap(\.pixels), scenes: corpus.map(\.scene)) == corpus.map { oracle.score($0.pixels, scene: $0.scene) })
    }

    /// The definition, written out: every rendering of every object against every pixel of the half.
    private func bruteForce(_ pixels: [Float], _ scene: Scene, tau: Double) -> (faithfulness: Double, quality: Double) {
        var (faithfulness, quality) = (0.0, 0.0)
        for (half, asked) in [(scene.relation.halves.first, scene.first), (scene.relation.halves.second, scene.second)] {
            var errors: [SceneObject: Double] = [:]
            for object in SceneObject.all {
                errors[object] = SceneJitter.all.map { jitter in
                    let ideal = SceneRenderer.image(of: [ScenePlacement(object, in: half, jitter: jitter)])
                    var sum = 0.0
                    for index in ideal.indices where half.rows.contains(index / 32 % 32) && half.columns.contains(index % 32) {
                        let difference = Double(min(max(pixels[index], 0), 1)) - Double(ideal[index])
                        sum += difference * difference
                    }
                    return sum / 1_536
                }.min()!
            }
            faithfulness += exp(-errors[asked]! / tau) / 2
            quality += exp(-errors.values.min()! / tau) / 2
        }
        return (faithfulness, quality)
    }

    @Test func agreesWithBruteForce() {
        let corpus = SceneCorpus(quality: .mixed, split: .tune, count: 3, seed: 4)
        var (differsForOtherHalves, differsAtAnotherTau) = (false, false)
        for (index, sample) in corpus.enumerated() {
            var generator = SeededGenerator(seed: 4, purpose: "brute force", index: index)
            let pixels = sample.pixels.map { $0 + Float(generator.uniform(in: -0.1...0.1)) }
            let expected = bruteForce(pixels, sample.scene, tau: 0.015)
            let score = oracle.score(pixels, scene: sample.scene)
            #expect(abs(score.faithfulness - expected.faithfulness) < 1e-5 && abs(score.quality - expected.quality) < 1e-5)
            // Twins: the other two halves, and a wrong τ, do not pass the same check.
            let turned = Scene(sample.scene.first, sample.scene.relation == .above ? .leftOf : .above, sample.scene.second)
            differsForOtherHalves = differsForOtherHalves || abs(oracle.score(pixels, scene: turned).quality - expected.quality) > 1e-5
            differsAtAnotherTau = differsAtAnotherTau || abs(SceneOracle(tau: 0.02).score(pixels, scene: sample.scene).quality - expected.quality) > 1e-5
        }
        #expect(differsForOtherHalves && differsAtAnotherTau)
    }

    /// Twin of the flaw tests: pictures scored for somebody else's caption are mostly unfaithful, clean as they are.
    @Test func shuffledCaptionsAreNoticed() {
        let corpus = SceneCorpus(quality: .good, split: .tune, count: 120, seed: 3)
        let right = corpus.map { oracle.score($0.pixels, scene: $0.scene) }
        let wrong = corpus.indices.map { oracle.score(corpus[$0].pixels, scene: corpus.scene(at: ($0 + 1) % 120)) }
        #expect(mean(right.map(\.faithfulness)) > 0.999 && right.allSatisfy(\.faithful))
        #expect(mean(wrong.map(\.faithfulness)) < 0.2 && wrong.count(where: \.faithful) < 6)
    }
}
