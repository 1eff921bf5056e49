/// Half of the image: the place of one object.
public enum SceneHalf: CaseIterable, Sendable {
    case left, right, top, bottom

    /// The half's pixel columns.
    public var columns: Range<Int> {
        switch self {
        case .left: 0..<16
        case .right: 16..<32
        case .top, .bottom: 0..<32
        }
    }

    /// The half's pixel rows.
    public var rows: Range<Int> {
        switch self {
        case .top: 0..<16
        case .bottom: 16..<32
        case .left, .right: 0..<32
        }
    }
}

/// How far an object stands from the middle of its half, in whole pixels, at most 2 in either direction.
public struct SceneJitter: Hashable, Sendable {
    public let x: Int
    public let y: Int

    public init(x: Int, y: Int) {
        precondition(abs(x) <= 2 && abs(y) <= 2, "jitter is at most 2 pixels, got (\(x), \(y))")
        self.x = x
        self.y = y
    }

    /// All 25, row by row.
    public static let all: [SceneJitter] = (-2...2).flatMap { y in (-2...2).map { x in SceneJitter(x: x, y: y) } }
    public static let none = SceneJitter(x: 0, y: 0)
}

/// An object where it is to be drawn.
public struct ScenePlacement: Hashable, Sendable {
    public var object: SceneObject
    public var half: SceneHalf
    public var jitter: SceneJitter

    public init(_ object: SceneObject, in half: SceneHalf, jitter: SceneJitter = .none) {
        self.object = object
        self.half = half
        self.jitter = jitter
    }
}

/// Draws scenes: planar RGB `[3, 32, 32]`, row-major, values in [0, 1].
public enum SceneRenderer {
    /// Width and height of an image in pixels.
    public static let size = 32
    /// Values in an image: 3 · 32 · 32.
    public static let valuesPerImage = 3 * size * size
    /// The light grey that objects stand on, in every channel.
    public static let ground: Float = 0.9
    /// Side in pixels of the box around an object: with 2 pixels of jitter it just stays in its half of 16.
    public static let boxSize = 12

    /// The placed objects on their ground. An empty list gives the bare ground.
    public static func image(of placements: [ScenePlacement]) -> [Float] {
        var pixels = [Float](repeating: ground, count: valuesPerImage)
        for placement in placements {
            let mask = coverage(of: placement.object.shape)
            let origin = boxOrigin(in: placement.half, jitter: placement.jitter)
            for channel in 0..<3 {
                let contrast = placement.object.colour.rgb[channel] - ground
                for row in 0..<boxSize {
                    let line = (channel * size + origin.y + row) * size + origin.x
                    for column in 0..<boxSize {
                        pixels[line + column] += mask[row * boxSize + column] * contrast
                    }
                }
            }
        }
        return pixels
    }

    /// The scene as its caption says, each object moved by its jitter.
    public static func image(of scene: Scene, jitter: (first: SceneJitter, second: SceneJitter) = (.none, .none)) -> [Float] {
        image(of: [
            ScenePlacement(scene.first, in: scene.relation.halves.first, jitter: jitter.first),
            ScenePlacement(scene.second, in: scene.relation.halves.second, jitter: jitter.second),
        ])
    }

    /// The share of each pixel that a shape covers, `[12, 12]`, row-major in [0, 1]: 4 × 4 points a pixel.
    public static func coverage(of shape: SceneShape) -> [Float] {
        coverages[shape]!
    }

    /// The upper left pixel of an object's box.
    static func boxOrigin(in half: SceneHalf, jitter: SceneJitter) -> (x: Int, y: Int) {
        (half.columns.lowerBound + (half.columns.count - boxSize) / 2 + jitter.x, half.rows.lowerBound + (half.rows.count - boxSize) / 2 + jitter.y)
    }

    private static let coverages: [SceneShape: [Float]] = {
        let offsets: [Float] = [0.125, 0.375, 0.625, 0.875]
        return Dictionary(
            uniqueKeysWithValues: SceneShape.allCases.map { shape in
                let mask = (0..<(boxSize * boxSize)).map { pixel in
                    let points = offsets.flatMap { dy in
                        offsets.map { dx in contains(shape, x: Float(pixel % boxSize) + dx, y: Float(pixel / boxSize) + dy) }
                    }
                    return Float(points.count { $0 }) / Float(points.count)
                }
                return (shape, mask)
            })
    }()

    /// Whether a point of the box, in pixels from its upper left corner, lies in the shape.
    ///
    /// The circle is a little narrower than the square, which sets them further apart than the same width would;
    /// were the square any wider, a strongly blurred one would be nearest to a circle.
    static func contains(_ shape: SceneShape, x: Float, y: Float) -> Bool {
        let side = Float(boxSize)
        switch shape {
        case .square: return max(abs(x - side / 2), abs(y - side / 2)) <= 5.75
        case .circle:
            let (dx, dy) = (x - side / 2, y - side / 2)
            return dx * dx + dy * dy <= 5.5 * 5.5
        case .triangle: return 2 * abs(x - side / 2) <= y && y <= side
        }
    }
}
