import Storage

/// How much of a corpus of clips is flawed, and how.
public struct MovingSceneQuality: Hashable, Sendable, Codable {
    /// Share of the clips that have a flaw, in [0, 1].
    public var flawed: Double
    /// Share of the flaws that are of time rather than of space, in [0, 1].
    public var temporalFlaws: Double

    public init(flawed: Double, temporalFlaws: Double = 0.75) {
        precondition((0...1).contains(flawed) && (0...1).contains(temporalFlaws), "shares lie in 0...1, got \(flawed) and \(temporalFlaws)")
        (self.flawed, self.temporalFlaws) = (flawed, temporalFlaws)
    }

    /// Clean clips only: the winners.
    public static let good = MovingSceneQuality(flawed: 0)
    /// 65 % flawed, three quarters of the flaws of time: what the model to be aligned was trained on.
    public static let mixed = MovingSceneQuality(flawed: 0.65)

    /// A flaw, drawn as `temporalFlaws` says. One that a scene cannot show (nothing of a still object is reversed or too slow) is drawn again.
    func flaw(of scene: MovingScene, using generator: inout SeededGenerator) -> MovingSceneFlaw {
        while true {
            let flaw = generator.element(of: generator.uniform() < temporalFlaws ? MovingSceneFlaw.temporal : MovingSceneFlaw.spatial)
            if scene.motion == .still, [.reversed, .tooSlow, .shuffled].contains(flaw) { continue }
            return flaw
        }
    }
}

/// One clip with its caption.
public struct MovingSceneSample: Sendable {
    public let scene: MovingScene
    /// Nil for a clean clip.
    public let flaw: MovingSceneFlaw?
    /// Planar RGB `[8, 3, 32, 32]`, row-major, in [0, 1].
    public let pixels: [Float]

    public var caption: String { scene.caption }
}

/// Clips over the captions of a split, drawn on demand, in the manner of ``SceneCorpus``: a clip depends on seed, split, quality and its own index alone.
public struct MovingSceneCorpus: RandomAccessCollection, Sendable {
    public let quality: MovingSceneQuality
    public let split: SceneSplit
    public let count: Int
    public let seed: UInt64
    private let order: [MovingScene]

    public init(quality: MovingSceneQuality, split: SceneSplit, count: Int, seed: UInt64) {
        precondition(count >= 0, "a corpus cannot hold \(count) clips")
        (self.quality, self.split, self.count, self.seed) = (quality, split, count, seed)
        var generator = SeededGenerator(seed: seed, purpose: "moving scenes/order/\(split.rawValue)", index: 0)
        order = generator.permuted(split.movingScenes)
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { count }
    public subscript(index: Int) -> MovingSceneSample { sample(at: index) }

    /// The caption of clip `index`, without drawing it.
    public func scene(at index: Int) -> MovingScene {
        precondition(indices.contains(index), "clip \(index) of a corpus of \(count)")
        return order[index % order.count]
    }

    /// Clip `index`, flawed or not as the corpus's quality says.
    public func sample(at index: Int) -> MovingSceneSample {
        let scene = scene(at: index)
        // The flaw has a stream of its own, so that the same seed gives the same places whatever the quality.
        var chance = SeededGenerator(seed: seed, purpose: "moving scenes/flaw/\(split.rawValue)", index: index)
        let flaw = chance.uniform() < quality.flawed ? quality.flaw(of: scene, using: &chance) : nil
        var generator = SeededGenerator(seed: seed, purpose: "moving scenes/clip/\(split.rawValue)", index: index)
        return MovingSceneSample(scene: scene, flaw: flaw, pixels: MovingSceneRenderer.clip(of: scene, flaw: flaw, using: &generator))
    }

    /// A flawed clip for the same caption as `sample(at:)`, elsewhere: the rejected half of a preference pair.
    public func loser(at index: Int) -> MovingSceneSample {
        let scene = scene(at: index)
        var generator = SeededGenerator(seed: seed, purpose: "moving scenes/loser/\(split.rawValue)", index: index)
        let flaw = quality.flaw(of: scene, using: &generator)
        return MovingSceneSample(scene: scene, flaw: flaw, pixels: MovingSceneRenderer.clip(of: scene, flaw: flaw, using: &generator))
    }
}
