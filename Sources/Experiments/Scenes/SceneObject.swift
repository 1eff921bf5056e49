/// The six colours: near the corners of the RGB cube without black and white, which washing out could not harm.
///
/// Any two differ by 0.6 or more in some channel, so no colour is a shade of another and a decoder's error does not turn one into the next.
/// Within that they are chosen so that washed-out objects mostly stay nearest to themselves: blue is a little lighter than its corner,
/// yellow and cyan a little darker than theirs, or they would vanish into the ground.
public enum SceneColour: String, CaseIterable, Sendable, Codable {
    case red, green, blue, yellow, cyan, magenta

    /// Red, green and blue in [0, 1].
    public var rgb: SIMD3<Float> {
        switch self {
        case .red: SIMD3(0.9, 0.05, 0.05)
        case .green: SIMD3(0.05, 0.8, 0.05)
        case .blue: SIMD3(0.05, 0.15, 0.95)
        case .yellow: SIMD3(0.85, 0.75, 0)
        case .cyan: SIMD3(0, 0.75, 0.85)
        case .magenta: SIMD3(0.85, 0.05, 0.85)
        }
    }
}

/// The three shapes.
public enum SceneShape: String, CaseIterable, Sendable, Codable {
    case circle, square, triangle
}

/// One of the 18 objects a scene is made of.
public struct SceneObject: Hashable, Sendable, Codable, CustomStringConvertible {
    public var colour: SceneColour
    public var shape: SceneShape

    public init(_ colour: SceneColour, _ shape: SceneShape) {
        self.colour = colour
        self.shape = shape
    }

    /// All 18, colour by colour. The order is part of the fixed split: do not change it.
    public static let all: [SceneObject] = SceneColour.allCases.flatMap { colour in
        SceneShape.allCases.map { SceneObject(colour, $0) }
    }

    /// "red circle"
    public var description: String { "\(colour.rawValue) \(shape.rawValue)" }
}
