import Storage
import Testing

@testable import Experiments

@Suite struct MovingScenesTests {
    @Test func everyCaptionIsReadAsWritten() {
        #expect(MovingScene.all.count == 216 && Set(MovingScene.all.map(\.caption)).count == 216)
        for scene in MovingScene.all { #expect(MovingScene(caption: scene.caption) == scene) }
        for text in ["", "a red circle", "a red circle turns red", "a red circle moves left ", "A red circle moves left"] {
            #expect(MovingScene(caption: text) == nil)
        }
    }

    @Test func theSplitIsFixedAndHasEverythingEverywhere() {
        let counts = SceneSplit.allCases.map(\.movingScenes.count)
        #expect(counts == [149, 22, 45])
        #expect(SceneSplit.heldOut.movingScenes.first?.caption == "a red circle moves left")
        for split in [SceneSplit.train, .heldOut] {
            #expect(Set(split.movingScenes.map(\.object.colour)).count == 6 && Set(split.movingScenes.map(\.object.shape)).count == 3)
            let words = Set(
                split.movingScenes.map { scene in
                    if case .turns = scene.motion { "turns" } else { scene.motion.description }
                })
            #expect(words.count == 8, "\(words.sorted())")
        }
    }

    @Test func anObjectInTheMiddleOfPixelsIsThatOfStillScenes() {
        let placement = ScenePlacement(SceneObject(.blue, .triangle), in: .left, jitter: SceneJitter(x: 1, y: -2))
        let origin = SceneRenderer.boxOrigin(in: placement.half, jitter: placement.jitter)
        let state = MovingSceneState(shape: .triangle, position: SIMD2(Double(origin.x), Double(origin.y)) + 6, colour: SceneColour.blue.rgb)
        let still = SceneRenderer.image(of: [placement])
        #expect(MovingSceneRenderer.image(of: state) == still)
        var moved = state
        moved.position.x += 0.25
        #expect(MovingSceneRenderer.image(of: moved) != still, "the twin")
    }

    @Test func aClipDependsOnItsIndexAlone() {
        let short = MovingSceneCorpus(quality: .mixed, split: .train, count: 5, seed: 3)
        let long = MovingSceneCorpus(quality: .mixed, split: .train, count: 500, seed: 3)
        #expect(short.map(\.pixels) == long.prefix(5).map(\.pixels))
        #expect(short.map(\.pixels) != MovingSceneCorpus(quality: .mixed, split: .train, count: 5, seed: 4).map(\.pixels))
        let flawed = long.count { $0.flaw != nil }
        #expect((275...375).contains(flawed))
        #expect(MovingSceneCorpus(quality: .good, split: .train, count: 50, seed: 3).allSatisfy { $0.flaw == nil })
    }

    private let oracle = MovingSceneOracle()

    private func scores(_ flaw: MovingSceneFlaw?, _ scenes: [MovingScene] = SceneSplit.heldOut.movingScenes) -> [MovingSceneScore] {
        scenes.enumerated().map { index, scene in
            var generator = SeededGenerator(seed: 1, purpose: "moving scenes test", index: index)
            return oracle.score(MovingSceneRenderer.clip(of: scene, flaw: flaw, using: &generator), scene: scene)
        }
    }

    private func mean(_ scores: [MovingSceneScore], _ value: (MovingSceneScore) -> Double) -> Double {
        scores.map(value).reduce(0, +) / Double(scores.count)
    }

    @Test func cleanClipsScoreHigh() {
        for (scene, score) in zip(SceneSplit.heldOut.movingScenes, scores(nil)) {
            #expect(score.isFaithful && score.appearance > 0.95 && score.motion > 0.95 && score.consistency > 0.9, "\(scene): \(score)")
            #expect(score.quality >= score.appearance)
        }
    }

    @Test func aFrozenClipLooksRightAndHasNoMotion() {
        let moving = SceneSplit.heldOut.movingScenes.filter { $0.motion != .still }
        for (scene, score) in zip(moving, scores(.frozen, moving)) {
            #expect(score.motion == 0 && score.consistency == 1 && score.composite == 0, "\(scene): \(score)")
            #expect(score.dynamicDegree == 0)
            if scene.motion != .grows { #expect(score.appearance > 0.95, "\(scene): \(score)") }
        }
    }

    @Test(arguments: MovingSceneFlaw.allCases) func everyFlawCosts(_ flaw: MovingSceneFlaw) {
        let unharmed: [MovingSceneFlaw] = [.reversed, .tooSlow, .shuffled]
        // A third of them meets all motions without the minutes an unoptimised build takes for all.
        let all = SceneSplit.heldOut.movingScenes
        let scenes = stride(from: 0, to: all.count, by: 3).map { all[$0] }.filter { $0.motion != .still || !unharmed.contains(flaw) }
        let spoilt = scores(flaw, scenes)
        #expect(mean(spoilt, \.composite) < 0.75, "\(mean(spoilt, \.composite))")
        // Washed out or blurred, most objects are still nearest to themselves.
        if ![.washedOut, .blur].contains(flaw) { #expect(spoilt.count(where: \.isFaithful) < scenes.count / 2) }
        if MovingSceneFlaw.temporal.prefix(6).contains(flaw) { #expect(mean(spoilt, \.motion) < 0.3, "\(mean(spoilt, \.motion))") }
        if flaw == .flicker { #expect(mean(spoilt, \.consistency) < 0.4, "\(mean(spoilt, \.consistency))") }
        if MovingSceneFlaw.spatial.contains(flaw) { #expect(mean(spoilt, \.appearance) < 0.75, "\(mean(spoilt, \.appearance))") }
    }

    @Test func strongerNoiseScoresLower() {
        let scene = MovingScene(caption: "a green square moves up")!
        var generator = SeededGenerator(seed: 2, purpose: "clip", index: 0)
        let clip = MovingSceneRenderer.clip(of: scene, flaw: nil, using: &generator)
        let noise = clip.map { _ in Float(generator.uniform() * 2 - 1) }
        let ladder = [0, 0.05, 0.1, 0.2, 0.4].map { (strength: Float) in
            oracle.score(zip(clip, noise).map { $0 + strength * $1 }, scene: scene).appearance
        }
        #expect(zip(ladder, ladder.dropFirst()).allSatisfy(>), "\(ladder)")
    }

    @Test func whatIsNotFiniteScoresNothing() {
        var clip = [Float](repeating: 0.5, count: MovingSceneRenderer.valuesPerClip)
        clip[7] = .nan
        let scene = MovingScene(caption: "a red circle grows")!
        #expect(oracle.score(clip, scene: scene) == .zero)
        #expect(oracle.score([Float](repeating: SceneRenderer.ground, count: clip.count), scene: scene).motion == 0, "bare ground")
    }
}
