import Storage

/// What can be wrong with a picture of a scene.
public enum SceneFlaw: String, CaseIterable, Sendable, Codable {
    case wrongColour = "wrong-colour"
    case wrongShape = "wrong-shape"
    case swapped
    case missingObject = "missing-object"
    case blur
    case washedOut = "washed-out"

    /// Flaws that make the picture another than its caption's.
    public static let ofFaithfulness: [SceneFlaw] = [.wrongColour, .wrongShape, .swapped, .missingObject]
    /// Flaws that spoil the picture and leave its content.
    public static let ofQuality: [SceneFlaw] = [.blur, .washedOut]

    public var isOfQuality: Bool { Self.ofQuality.contains(self) }

    /// Standard deviation of the blur, in pixels.
    public static let blurSigma: ClosedRange<Double> = 1.2...2.2
    /// How much of the colour is washed out.
    public static let washedOutAmount: ClosedRange<Double> = 0.5...0.85
}

extension SceneRenderer {
    /// A picture for the scene's caption, `[3, 32, 32]`, with random jitter and the given flaw; the same generator gives the same picture.
    public static func image(of scene: Scene, flaw: SceneFlaw?, using generator: inout SeededGenerator) -> [Float] {
        // The jitter is drawn first, so a picture and its flawed twin from the same seed stand at the same places.
        var placements = [(scene.first, scene.relation.halves.first), (scene.second, scene.relation.halves.second)].map { object, half in
            ScenePlacement(object, in: half, jitter: generator.element(of: SceneJitter.all))
        }
        switch flaw {
        case nil: break
        case .wrongColour:
            let victim = generator.integer(below: 2)
            let right = placements[victim].object.colour
            placements[victim].object.colour = generator.element(of: SceneColour.allCases.filter { $0 != right })
        case .wrongShape:
            let victim = generator.integer(below: 2)
            let right = placements[victim].object.shape
            placements[victim].object.shape = generator.element(of: SceneShape.allCases.filter { $0 != right })
        case .swapped:
            (placements[0].object, placements[1].object) = (placements[1].object, placements[0].object)
        case .missingObject:
            placements.remove(at: generator.integer(below: 2))
        case .blur:
            return SceneDegradation.blurred(image(of: placements), sigma: generator.uniform(in: SceneFlaw.blurSigma))
        case .washedOut:
            return SceneDegradation.washedOut(image(of: placements), amount: generator.uniform(in: SceneFlaw.washedOutAmount))
        }
        return image(of: placements)
    }
}
