import Foundation

/// What the oracle says of one clip.
public struct MovingSceneScore: Hashable, Sendable, Codable {
    /// r in [0, 1]: how near the frames are to the caption's object, wherever it is.
    public let appearance: Double
    /// M in [0, 1]: whether the object does what the caption says, and how evenly.
    public let motion: Double
    /// T in [0, 1]: how steady colour, brightness and size are, beside an even change.
    public let consistency: Double
    /// Q in [0, 1]: how near the frames are to any object at all. Never below r.
    public let quality: Double
    /// How far the object gets from frame to frame, in pixels: the speed of the straight line through its places. To jitter is not to get anywhere.
    public let dynamicDegree: Double
    /// Whether in every frame the nearest object is the caption's, and it does what the caption says.
    public let isFaithful: Bool

    /// r · M · T.
    public var composite: Double { appearance * motion * consistency }

    static let zero = MovingSceneScore(appearance: 0, motion: 0, consistency: 0, quality: 0, dynamicDegree: 0, isFaithful: false)
}

/// The exact judge of moving scenes: finds the object in every frame and compares its way with the caption's.
///
/// With e_f the mean squared error between frame f and the ideal rendering of the caption's object where it fits best: r = mean over frames of
/// exp(−e_f / τ); Q likewise with the least error of all objects. τ = 0.0075: an object fills about as much of a frame as of half a still scene,
/// where τ is twice that.
///
/// M is 0 where some frame shows no object, and otherwise the product of
/// - exp(−s² / 2), with s² the mean squared distance of the places from their straight line in pixels;
/// - moves: the direction is the caption's (cosine 0.9 or more), the speed between half and twice the winners' mean, and the line's R²;
/// - stays still: the line's speed is half a pixel a frame at most;
/// - grows, shrinks, turns: the same of size or colour as of the place in moves, and the place keeps still as there.
///
/// T = exp(−mean over frames of ‖second difference of (colour, brightness of the ground, size)‖² / 0.1): an even change has none.
///
/// A frozen clip has r as its frame has it, T = 1 and M = 0, but where the caption says that the object stays still.
public struct MovingSceneOracle: Sendable {
    /// The error at which a frame's score has fallen to 1/e.
    public static let tau = 0.0075
    static let consistencyTau = 0.1
    static let leastCosine = 0.9
    static let speedRatio = 0.5...2.0
    static let stillSpeed = 0.5
    /// Of a contrast that something is there with.
    static let leastContrast = 0.15

    private let search = MovingSceneSearch()

    public init() {}

    /// Scores one clip, planar RGB `[8, 3, 32, 32]`, for a caption. Values are clamped to [0, 1]; a clip with a value that is not finite scores 0.
    public func score(_ pixels: [Float], scene: MovingScene) -> MovingSceneScore {
        let values = SceneRenderer.valuesPerImage
        precondition(pixels.count == MovingSceneRenderer.valuesPerClip, "a clip has \(MovingSceneRenderer.valuesPerClip) values, got \(pixels.count)")
        guard pixels.allSatisfy(\.isFinite) else { return .zero }
        let frames = (0..<MovingSceneRenderer.frames).map { look(Array(pixels[$0 * values..<($0 + 1) * values]), scene) }
        let line = Line(frames.map(\.position))
        return MovingSceneScore(
            appearance: frames.map { exp(-$0.own / Self.tau) }.mean, motion: motion(frames, line, scene), consistency: consistency(frames),
            quality: frames.map { exp(-$0.nearest / Self.tau) }.mean,
            dynamicDegree: line.slope.length,
            isFaithful: frames.allSatisfy { $0.own <= $0.nearest + 1e-6 && $0.isThere } && motion(frames, line, scene) >= 0.5 && consistency(frames) >= 0.5)
    }

    // MARK: Frames

    /// What one frame shows.
    private struct Frame {
        let position: SIMD2<Double>
        let scale: Double
        /// Less the ground.
        let contrast: SIMD3<Double>
        /// Of the ground, more or less than it should be.
        let brightness: Double
        /// Mean squared errors of the caption's object and of the nearest one.
        let own: Double
        let nearest: Double

        var isThere: Bool { contrast.length >= MovingSceneOracle.leastContrast }
    }

    private func look(_ pixels: [Float], _ scene: MovingScene) -> Frame {
        let contrast = pixels.map { min(max($0, 0), 1) - SceneRenderer.ground }
        let energy = contrast.reduce(0.0) { $0 + Double($1) * Double($1) }
        let changesSize = scene.motion == .grows || scene.motion == .shrinks
        return contrast.withUnsafeBufferPointer { frame in
            let fits = SceneShape.allCases.map { search.fit($0, in: frame) }
            let best = fits.max { $0.gain < $1.gain }!
            let own = changesSize ? fits[SceneShape.allCases.firstIndex(of: scene.object.shape)!] : search.fit(scene.object.shape, in: frame, sizes: 32...32)
            let ownError = own.error(Self.contrast(of: scene, nearest: own), energy: energy)
            let any = fits.flatMap { fit in SceneColour.allCases.map { fit.error(SIMD3<Double>($0.rgb - SceneRenderer.ground), energy: energy) } }
            let scale = 1 / Double(SceneRenderer.valuesPerImage)
            return Frame(
                position: best.position, scale: best.scale, contrast: best.contrast, brightness: Self.brightness(frame, around: best),
                own: ownError * scale, nearest: min(ownError, any.min()!) * scale)
        }
    }

    /// The colour that the caption's object may have, less the ground: of one that turns, the nearest of those on its way.
    private static func contrast(of scene: MovingScene, nearest fit: MovingSceneFit) -> SIMD3<Double> {
        let start = SIMD3<Double>(scene.object.colour.rgb - SceneRenderer.ground)
        guard case .turns(let colour) = scene.motion else { return start }
        let way = SIMD3<Double>(colour.rgb - scene.object.colour.rgb)
        return start + way * min(max(share(of: fit.contrast, start, way), 0), 1)
    }

    /// How far along a way from `start` a value is.
    private static func share(of value: SIMD3<Double>, _ start: SIMD3<Double>, _ way: SIMD3<Double>) -> Double {
        ((value - start) * way).sum() / (way * way).sum()
    }

    /// Mean of the frame beyond the object's box.
    private static func brightness(_ frame: UnsafeBufferPointer<Float>, around fit: MovingSceneFit) -> Double {
        let (side, half) = (SceneRenderer.size, Double(SceneRenderer.boxSize) / 2 * fit.scale + 1)
        var (sum, count) = (0.0, 0)
        for row in 0..<side {
            for column in 0..<side where abs(Double(row) + 0.5 - fit.position.y) > half || abs(Double(column) + 0.5 - fit.position.x) > half {
                for channel in 0..<3 { sum += Double(frame[(channel * side + row) * side + column]) }
                count += 3
            }
        }
        return sum / Double(max(count, 1))
    }

    // MARK: Over time

    private func motion(_ frames: [Frame], _ line: Line, _ scene: MovingScene) -> Double {
        guard frames.allSatisfy(\.isThere) else { return 0 }
        let steadiness = exp(-line.residual / 2)
        let span = Double(MovingSceneRenderer.frames - 1)
        let keepsStill = line.slope.length <= Self.stillSpeed ? 1.0 : 0
        /// Of a value that goes from 0 to 1 as it should.
        func change(_ values: [Double]) -> Double {
            let line = Line(values.map { SIMD2($0, 0) })
            return steadiness * keepsStill * (Self.speedRatio.contains(line.slope.x * span) ? line.straightness : 0)
        }
        switch scene.motion {
        case .moves(let direction):
            let speed = line.slope.length
            let mean = (MovingSceneRenderer.distance.lowerBound + MovingSceneRenderer.distance.upperBound) / 2 / span
            let goesThere = (line.slope * direction.unit).sum() >= Self.leastCosine * speed
            return goesThere && Self.speedRatio.contains(speed / mean) ? steadiness * line.straightness : 0
        case .still: return keepsStill * steadiness
        case .grows: return change(frames.map { ($0.scale - MovingSceneRenderer.smallest) / (1 - MovingSceneRenderer.smallest) })
        case .shrinks: return change(frames.map { (1 - $0.scale) / (1 - MovingSceneRenderer.smallest) })
        case .turns(let colour):
            let start = SIMD3<Double>(scene.object.colour.rgb - SceneRenderer.ground)
            let way = SIMD3<Double>(colour.rgb - scene.object.colour.rgb)
            return change(frames.map { Self.share(of: $0.contrast, start, way) })
        }
    }

    private func consistency(_ frames: [Frame]) -> Double {
        let differences = (1..<frames.count - 1).map { f in
            let (before, now, after) = (frames[f - 1], frames[f], frames[f + 1])
            let colour = before.contrast - 2 * now.contrast + after.contrast
            let brightness = before.brightness - 2 * now.brightness + after.brightness
            let size = before.scale - 2 * now.scale + after.scale
            return (colour * colour).sum() + brightness * brightness + size * size
        }
        return exp(-differences.mean / Self.consistencyTau)
    }
}

/// The straight line through values at even times, by least squares.
private struct Line {
    /// A step.
    let slope: SIMD2<Double>
    /// Mean squared distance of the values from it.
    let residual: Double
    /// R², of values that all are the same 0.
    let straightness: Double

    init(_ values: [SIMD2<Double>]) {
        let count = Double(values.count)
        let mean = values.reduce(SIMD2(0, 0), +) / count
        let times = values.indices.map { Double($0) - (count - 1) / 2 }
        let slope = zip(times, values).reduce(SIMD2(0, 0)) { $0 + $1.0 * ($1.1 - mean) } / times.reduce(0) { $0 + $1 * $1 }
        self.slope = slope
        residual = zip(times, values).map { ($1 - mean - $0 * slope).squaredLength }.mean
        let spread = values.map { ($0 - mean).squaredLength }.mean
        straightness = spread > 0 ? max(0, 1 - residual / spread) : 0
    }
}

extension SIMD where Scalar == Double {
    fileprivate var squaredLength: Double { (self * self).sum() }
    fileprivate var length: Double { squaredLength.squareRoot() }
}

extension [Double] {
    fileprivate var mean: Double { isEmpty ? 0 : reduce(0, +) / Double(count) }
}
