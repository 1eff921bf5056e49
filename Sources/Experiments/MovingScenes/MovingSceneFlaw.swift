import Storage

/// What can be wrong with a clip of a moving scene.
public enum MovingSceneFlaw: String, CaseIterable, Sendable, Codable {
    // Of time: every frame by itself could be right.
    /// The first frame for the whole clip; of a still object: it moves.
    case frozen
    /// Backwards.
    case reversed
    /// Along the other axis, or another change than the caption's.
    case otherMotion = "other-motion"
    case tooSlow = "too-slow"
    case shuffled
    /// Every frame a few pixels off.
    case jitter
    /// Gone from some frame on.
    case vanishing
    /// Every frame brighter or darker.
    case flicker
    case colourDrift = "colour-drift"
    case shapeChange = "shape-change"
    // Of space: every frame is wrong.
    case blur
    case washedOut = "washed-out"
    case wrongColour = "wrong-colour"
    case wrongShape = "wrong-shape"

    /// Flaws that no frame shows by itself.
    public static let temporal: [MovingSceneFlaw] = [
        .frozen, .reversed, .otherMotion, .tooSlow, .shuffled, .jitter, .vanishing, .flicker, .colourDrift, .shapeChange,
    ]
    public static let spatial: [MovingSceneFlaw] = [.blur, .washedOut, .wrongColour, .wrongShape]

    /// How far a jittering object is from its place, in pixels along each axis, at most.
    static let jitterDistance = 3.0
    static let flickerBrightness: Float = 0.25
    /// How fast an object is that is too slow, as a share of what it should be.
    static let slowness = 0.15...0.35
}

extension MovingSceneRenderer {
    /// A clip for the scene's caption, `[8, 3, 32, 32]`, with the given flaw; the same generator gives the same clip.
    public static func clip(of scene: MovingScene, flaw: MovingSceneFlaw?, using generator: inout SeededGenerator) -> [Float] {
        // The place is drawn first, so that a clip and its flawed twin from the same seed stand at the same places.
        let states = states(of: scene, using: &generator)
        let (spoilt, degradation) = spoilt(states, scene, flaw, &generator)
        let frames = spoilt.map { state in
            switch degradation {
            case .none: image(of: state)
            case .blur(let sigma): SceneDegradation.blurred(image(of: state), sigma: sigma)
            case .washedOut(let amount): SceneDegradation.washedOut(image(of: state), amount: amount)
            }
        }
        return frames.flatMap { $0 }
    }

    /// What is done to the pixels of every frame alike.
    private enum Degradation { case none, blur(Double), washedOut(Double) }

    private static func spoilt(
        _ states: [MovingSceneState], _ scene: MovingScene, _ flaw: MovingSceneFlaw?, _ generator: inout SeededGenerator
    ) -> ([MovingSceneState], Degradation) {
        var states = states
        switch flaw {
        case nil: break
        case .frozen:
            states = scene.motion == .still ? moving(states[0], .moves(generator.element(of: SceneDirection.allCases))) : states.map { _ in states[0] }
        case .reversed:
            states = scene.motion == .still ? moving(states[0], .moves(generator.element(of: SceneDirection.allCases))) : states.reversed()
        case .otherMotion:
            let motions = SceneMotion.all(of: scene.object.colour).filter { other in
                if case .moves(let direction) = scene.motion, case .moves(let another) = other { return direction.across.contains(another) }
                return other != scene.motion
            }
            let other = MovingScene(scene.object, generator.element(of: motions))
            states = self.states(of: other, using: &generator)
        case .tooSlow:
            let share = generator.uniform(in: MovingSceneFlaw.slowness)
            states = states.map { slowed($0, from: states[0], share) }
        case .shuffled: states = generator.permuted(states)
        case .jitter:
            for frame in states.indices {
                let range = -MovingSceneFlaw.jitterDistance...MovingSceneFlaw.jitterDistance
                states[frame].position += SIMD2(generator.uniform(in: range), generator.uniform(in: range))
            }
        case .vanishing:
            let first = 2 + generator.integer(below: frames - 3)
            for frame in first..<frames { states[frame].opacity = 0 }
        case .flicker:
            for frame in states.indices { states[frame].flicker = MovingSceneFlaw.flickerBrightness * Float(generator.uniform() * 2 - 1) }
        case .colourDrift:
            let target = generator.element(of: SceneColour.allCases.filter { $0 != scene.object.colour && scene.motion != .turns($0) }).rgb
            for frame in states.indices { states[frame].colour += (target - states[frame].colour) * Float(frame) / Float(frames) }
        case .shapeChange:
            let shape = generator.element(of: SceneShape.allCases.filter { $0 != scene.object.shape })
            for frame in (2 + generator.integer(below: frames - 3))..<frames { states[frame].shape = shape }
        case .blur: return (states, .blur(generator.uniform(in: SceneFlaw.blurSigma)))
        case .washedOut: return (states, .washedOut(generator.uniform(in: SceneFlaw.washedOutAmount)))
        case .wrongColour:
            let colour = generator.element(of: SceneColour.allCases.filter { $0 != scene.object.colour }).rgb
            for frame in states.indices { states[frame].colour += colour - scene.object.colour.rgb }
            for frame in states.indices { states[frame].colour.clamp(lowerBound: SIMD3(repeating: 0), upperBound: SIMD3(repeating: 1)) }
        case .wrongShape:
            let shape = generator.element(of: SceneShape.allCases.filter { $0 != scene.object.shape })
            for frame in states.indices { states[frame].shape = shape }
        }
        return (states, .none)
    }

    /// An object that drifts from where it is as far as fits.
    private static func moving(_ state: MovingSceneState, _ motion: SceneMotion) -> [MovingSceneState] {
        guard case .moves(let direction) = motion else { preconditionFailure("\(motion) is no movement") }
        return (0..<frames).map { frame in
            var moved = state
            moved.position += direction.unit * (distance.lowerBound * (Double(frame) / Double(frames - 1) - 0.5))
            return moved
        }
    }

    /// A state that has come only a share of its way.
    private static func slowed(_ state: MovingSceneState, from first: MovingSceneState, _ share: Double) -> MovingSceneState {
        var slowed = first
        slowed.position += (state.position - first.position) * share
        slowed.scale += (state.scale - first.scale) * share
        slowed.colour += (state.colour - first.colour) * Float(share)
        return slowed
    }
}
