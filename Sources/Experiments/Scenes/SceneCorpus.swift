import Storage

/// How much of a corpus is flawed, and how.
public struct SceneQuality: Hashable, Sendable, Codable {
    /// Share of the pictures that have a flaw, in [0, 1].
    public var flawed: Double
    /// Share of the flaws that are of quality (blur, washed out) rather than of faithfulness, in [0, 1].
    public var qualityFlaws: Double

    public init(flawed: Double, qualityFlaws: Double = 0.75) {
        precondition((0...1).contains(flawed) && (0...1).contains(qualityFlaws), "shares lie in 0...1, got \(flawed) and \(qualityFlaws)")
        self.flawed = flawed
        self.qualityFlaws = qualityFlaws
    }

    /// Clean pictures only: the winners.
    public static let good = SceneQuality(flawed: 0)
    /// 85 % flawed, three quarters of the flaws blur or washed-out colour: what the model to be aligned was trained on.
    public static let mixed = SceneQuality(flawed: 0.85)

    /// The preset of that name, "good" or "mixed".
    public init?(name: String) {
        switch name {
        case "good": self = .good
        case "mixed": self = .mixed
        default: return nil
        }
    }

    /// A flaw, drawn as `qualityFlaws` says.
    func flaw(using generator: inout SeededGenerator) -> SceneFlaw {
        generator.element(of: generator.uniform() < qualityFlaws ? SceneFlaw.ofQuality : SceneFlaw.ofFaithfulness)
    }
}

/// One picture with its caption.
public struct SceneSample: Sendable {
    public let scene: Scene
    /// nil for a clean picture.
    public let flaw: SceneFlaw?
    /// Planar RGB `[3, 32, 32]`, row-major, in [0, 1].
    public let pixels: [Float]

    public var caption: String { scene.caption }
}

/// Pictures over the captions of a split, drawn on demand.
///
/// A picture depends on the corpus's seed, split and quality and on its own index, never on the corpus's length or on what was read before.
/// Captions come in a seeded order and repeat only when all have been used, so a corpus covers its split as evenly as its length allows.
public struct SceneCorpus: RandomAccessCollection, Sendable {
    public let quality: SceneQuality
    public let split: SceneSplit
    public let count: Int
    public let seed: UInt64
    private let order: [Scene]

    public init(quality: SceneQuality, split: SceneSplit, count: Int, seed: UInt64) {
        precondition(count >= 0, "a corpus cannot hold \(count) pictures")
        self.quality = quality
        self.split = split
        self.count = count
        self.seed = seed
        var generator = SeededGenerator(seed: seed, purpose: "scenes/order/\(split.rawValue)", index: 0)
        order = generator.permuted(split.scenes)
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { count }
    public subscript(index: Int) -> SceneSample { sample(at: index) }

    /// The caption of picture `index`, without drawing it.
    public func scene(at index: Int) -> Scene {
        precondition(indices.contains(index), "picture \(index) of a corpus of \(count)")
        return order[index % order.count]
    }

    /// The flaw of picture `index`, without drawing it; nil for a clean picture.
    public func flaw(at index: Int) -> SceneFlaw? {
        // The flaw has a stream of its own, so that the same seed gives the same places whatever the quality.
        var generator = SeededGenerator(seed: seed, purpose: "scenes/flaw/\(split.rawValue)", index: index)
        return generator.uniform() < quality.flawed ? quality.flaw(using: &generator) : nil
    }

    /// Picture `index`, flawed or not as the corpus's quality says.
    public func sample(at index: Int) -> SceneSample {
        let scene = scene(at: index)
        let flaw = flaw(at: index)
        var generator = SeededGenerator(seed: seed, purpose: "scenes/picture/\(split.rawValue)", index: index)
        return SceneSample(scene: scene, flaw: flaw, pixels: SceneRenderer.image(of: scene, flaw: flaw, using: &generator))
    }

    /// A flawed picture for the same caption as `sample(at:)`, with other jitter: the rejected half of a preference pair.
    public func loser(at index: Int) -> SceneSample {
        let scene = scene(at: index)
        var generator = SeededGenerator(seed: seed, purpose: "scenes/loser/\(split.rawValue)", index: index)
        let flaw = quality.flaw(using: &generator)
        return SceneSample(scene: scene, flaw: flaw, pixels: SceneRenderer.image(of: scene, flaw: flaw, using: &generator))
    }
}
