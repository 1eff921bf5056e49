import Storage

/// What the object of a clip does. Raw values of the cases without a colour are the caption's words.
public enum SceneMotion: Hashable, Sendable, CustomStringConvertible {
    case moves(SceneDirection)
    case still
    case grows
    case shrinks
    /// Becomes another colour.
    case turns(SceneColour)

    /// "moves left"
    public var description: String {
        switch self {
        case .moves(let direction): "moves \(direction.rawValue)"
        case .still: "stays still"
        case .grows: "grows"
        case .shrinks: "shrinks"
        case .turns(let colour): "turns \(colour.rawValue)"
        }
    }

    /// Those of an object of that colour. The order is part of the fixed split: do not change it.
    static func all(of colour: SceneColour) -> [SceneMotion] {
        SceneDirection.allCases.map(SceneMotion.moves) + [.still, .grows, .shrinks] + SceneColour.allCases.filter { $0 != colour }.map(SceneMotion.turns)
    }
}

/// Where an object moves.
public enum SceneDirection: String, CaseIterable, Sendable {
    case left, right, up, down

    /// In pixels of the image, whose rows count downwards.
    var unit: SIMD2<Double> {
        switch self {
        case .left: SIMD2(-1, 0)
        case .right: SIMD2(1, 0)
        case .up: SIMD2(0, -1)
        case .down: SIMD2(0, 1)
        }
    }

    /// Those along the other axis.
    var across: [SceneDirection] { self == .left || self == .right ? [.up, .down] : [.left, .right] }

    var opposite: SceneDirection {
        switch self {
        case .left: .right
        case .right: .left
        case .up: .down
        case .down: .up
        }
    }
}

/// An object and what it does: what one caption of the moving world says.
public struct MovingScene: Hashable, Sendable, CustomStringConvertible {
    public let object: SceneObject
    public let motion: SceneMotion

    /// A scene; traps where an object turns into the colour that it has, which no caption says.
    public init(_ object: SceneObject, _ motion: SceneMotion) {
        precondition(motion != .turns(object.colour), "\(object) has that colour already")
        (self.object, self.motion) = (object, motion)
    }

    /// Reads a caption of exactly the form that `caption` writes, such as "a red circle moves left"; nil for any other text.
    public init?(caption: String) {
        guard let scene = Self.byCaption[caption] else { return nil }
        self = scene
    }

    /// "a red circle moves left"
    public var caption: String { "a \(object) \(motion)" }
    public var description: String { caption }

    /// All 18 · 12 = 216 scenes. The order is part of the fixed split: do not change it.
    public static let all: [MovingScene] = SceneObject.all.flatMap { object in SceneMotion.all(of: object.colour).map { MovingScene(object, $0) } }

    private static let byCaption = Dictionary(uniqueKeysWithValues: all.map { ($0.caption, $0) })
}

extension SceneSplit {
    /// The split's moving scenes, in the order of `MovingScene.all`: 149 to train on, 22 to tune methods on, 45 held out for reported figures.
    ///
    /// Every object and every kind of motion is in all three; what is held out are their combinations.
    public var movingScenes: [MovingScene] { MovingScene.all.filter { SceneSplit(of: $0) == self } }

    /// The split that a moving scene belongs to.
    public init(of scene: MovingScene) { self = Self.movingMembership[scene]! }

    private static let movingMembership: [MovingScene: SceneSplit] = {
        var generator = SeededGenerator(seed: 0, purpose: "moving scenes/split", index: 0)
        let order = generator.permuted(MovingScene.all)
        return Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0 < 45 ? .heldOut : $0 < 67 ? .tune : .train) })
    }()
}
