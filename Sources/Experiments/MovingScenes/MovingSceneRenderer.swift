import Storage

/// An object at one moment of a clip.
public struct MovingSceneState: Hashable, Sendable {
    public var shape: SceneShape
    /// The middle of the object's box, in pixels from the image's upper left corner.
    public var position: SIMD2<Double>
    /// Of the box, against that of still scenes.
    public var scale = 1.0
    /// In [0, 1].
    public var colour: SIMD3<Float>
    /// 0: it is not there.
    public var opacity: Float = 1
    /// Brightness of the whole frame that is added.
    public var flicker: Float = 0
}

/// Draws clips of moving scenes: 8 frames, planar RGB `[8, 3, 32, 32]`, row-major, values in [0, 1].
public enum MovingSceneRenderer {
    public static let frames = 8
    public static let framesPerSecond = 8.0
    /// Values in a clip.
    public static let valuesPerClip = frames * SceneRenderer.valuesPerImage
    /// How far an object goes between the first and the last frame, in pixels.
    static let distance = 10.0...14.0
    /// The scale that an object grows from, and shrinks to.
    static let smallest = 0.5

    /// The states of an object that does as its caption says, at a random place and speed.
    public static func states(of scene: MovingScene, using generator: inout SeededGenerator) -> [MovingSceneState] {
        let side = Double(SceneRenderer.size)
        // Always drawn, so that scenes of one seed stand at the same places whatever they do.
        let place = SIMD2(generator.uniform(in: 8...24), generator.uniform(in: 8...24))
        let distance = generator.uniform(in: Self.distance)
        let room = 6.5...(side - 6.5 - distance)
        let start = generator.uniform(in: room)
        return (0..<frames).map { frame in
            let share = Double(frame) / Double(frames - 1)
            var state = MovingSceneState(shape: scene.object.shape, position: place, colour: scene.object.colour.rgb)
            switch scene.motion {
            case .moves(let direction):
                let along = start + distance * share
                switch direction {
                case .left: state.position.x = side - along
                case .right: state.position.x = along
                case .up: state.position.y = side - along
                case .down: state.position.y = along
                }
            case .still: break
            case .grows: state.scale = smallest + (1 - smallest) * share
            case .shrinks: state.scale = 1 - (1 - smallest) * share
            case .turns(let colour): state.colour += (colour.rgb - state.colour) * Float(share)
            }
            return state
        }
    }

    /// A clip, frame by frame.
    public static func clip(of states: [MovingSceneState]) -> [Float] { states.flatMap(image) }

    /// One frame, `[3, 32, 32]`.
    public static func image(of state: MovingSceneState) -> [Float] {
        let size = SceneRenderer.size
        var pixels = [Float](repeating: SceneRenderer.ground, count: SceneRenderer.valuesPerImage)
        let mask = coverage(of: state.shape, at: state.position, scale: state.scale)
        let contrast = (state.colour - SceneRenderer.ground) * state.opacity
        for (row, columns) in zip(mask.rows, 0...) {
            for (column, place) in zip(mask.columns, 0...) {
                let weight = mask.values[columns * mask.columns.count + place]
                for channel in 0..<3 { pixels[(channel * size + row) * size + column] += weight * contrast[channel] }
            }
        }
        return state.flicker == 0 ? pixels : pixels.map { min(max($0 + state.flicker, 0), 1) }
    }

    /// A part of an image, and the share of each of its pixels that a shape covers.
    struct Mask {
        var rows: Range<Int>
        var columns: Range<Int>
        /// Row by row.
        var values: [Float]
    }

    /// What a shape covers whose box has its middle anywhere; as in still scenes where that is a corner of pixels and the scale 1.
    static func coverage(of shape: SceneShape, at position: SIMD2<Double>, scale: Double = 1) -> Mask {
        let half = Double(SceneRenderer.boxSize) / 2
        func pixels(_ middle: Double) -> Range<Int> {
            let first = min(max(Int((middle - half * scale).rounded(.down)), 0), SceneRenderer.size)
            return first..<max(first, min(Int((middle + half * scale).rounded(.up)), SceneRenderer.size))
        }
        let (rows, columns) = (pixels(position.y), pixels(position.x))
        var values: [Float] = []
        values.reserveCapacity(rows.count * columns.count)
        for row in rows {
            for column in columns {
                var points = 0
                for dy in [0.125, 0.375, 0.625, 0.875] {
                    let y = (Double(row) + dy - position.y) / scale + half
                    for dx in [0.125, 0.375, 0.625, 0.875] {
                        let x = (Double(column) + dx - position.x) / scale + half
                        if SceneRenderer.contains(shape, x: Float(x), y: Float(y)) { points += 1 }
                    }
                }
                values.append(Float(points) / 16)
            }
        }
        return Mask(rows: rows, columns: columns, values: values)
    }
}
