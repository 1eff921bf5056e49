import Foundation

/// What the oracle says of one picture.
public struct SceneScore: Hashable, Sendable, Codable {
    /// R in [0, 1]: how near each half is to the object the caption puts there.
    public let faithfulness: Double
    /// Q in [0, 1]: how near each half is to any object at all. Never below R.
    public let quality: Double
    /// Whether in both halves the nearest object is the caption's.
    public let faithful: Bool

    static let zero = SceneScore(faithfulness: 0, quality: 0, faithful: false)
}

/// The exact judge of the scenes: compares each half of a picture with every ideal rendering.
///
/// With d(o) the smallest mean squared error between a half and the ideal rendering of object o over the 25 jitters:
/// R = mean over halves of exp(−d(the caption's object) / τ), Q = mean over halves of exp(−min over the 18 objects of d / τ), τ = 0.015.
/// The caption's relation says which halves: left and right, or top and bottom.
/// `faithful`: the nearest object is the caption's in both halves, and there is something to be near to (see `leastContrast`).
public struct SceneOracle: Sendable {
    /// The error at which a half's score has fallen to 1/e.
    public let tau: Double

    /// The part of the caption's object, by projection, that a half must show for the object to count as there.
    /// Some object is nearest even to the bare ground. Colour washed out by 85 % still projects to 0.15 and more.
    static let leastContrast = 0.1

    private let shapes: [Template]
    private let contrasts: [SIMD3<Double>]

    public init(tau: Double = 0.015) {
        self.tau = tau
        shapes = SceneShape.allCases.map(Template.init)
        contrasts = SceneColour.allCases.map { SIMD3<Double>($0.rgb - SceneRenderer.ground) }
    }

    /// Scores one picture, planar RGB `[3, 32, 32]`, for a caption. Values are clamped to [0, 1]; a picture with a value that is not finite scores 0.
    public func score(_ pixels: [Float], scene: Scene) -> SceneScore {
        score(pixels, scenes: [scene])[0]
    }

    /// Scores `[N, 3, 32, 32]` for N captions.
    public func score(_ pixels: [Float], scenes: [Scene]) -> [SceneScore] {
        let values = SceneRenderer.valuesPerImage
        precondition(pixels.count == scenes.count * values, "\(scenes.count) scenes need \(scenes.count * values) values, got \(pixels.count)")
        return pixels.withUnsafeBufferPointer { all in
            scenes.indices.map { score(UnsafeBufferPointer(rebasing: all[($0 * values)..<(($0 + 1) * values)]), scenes[$0]) }
        }
    }

    private func score(_ pixels: UnsafeBufferPointer<Float>, _ scene: Scene) -> SceneScore {
        guard pixels.allSatisfy(\.isFinite) else { return .zero }
        let contrast = pixels.map { min(max($0, 0), 1) - SceneRenderer.ground }
        return contrast.withUnsafeBufferPointer { contrast in
            let halves = scene.relation.halves
            let first = judge(contrast, halves.first, for: scene.first)
            let second = judge(contrast, halves.second, for: scene.second)
            return SceneScore(
                faithfulness: (exp(-first.own / tau) + exp(-second.own / tau)) / 2,
                quality: (exp(-first.nearest / tau) + exp(-second.nearest / tau)) / 2,
                faithful: first.isThere && second.isThere)
        }
    }

    /// What a half shows: its error to the caption's object and to the nearest one, and whether these are one that is there at all.
    private typealias Verdict = (own: Double, nearest: Double, isThere: Bool)

    private func judge(_ picture: UnsafeBufferPointer<Float>, _ half: SceneHalf, for object: SceneObject) -> Verdict {
        var energy = 0.0
        for channel in 0..<3 {
            for row in half.rows {
                for column in half.columns {
                    let value = Double(picture[(channel * SceneRenderer.size + row) * SceneRenderer.size + column])
                    energy += value * value
                }
            }
        }
        let scale = 1 / Double(3 * half.rows.count * half.columns.count)
        var (own, nearest) = (Double.infinity, Double.infinity)
        var share = 0.0
        for (shape, template) in zip(SceneShape.allCases, shapes) {
            for jitter in SceneJitter.all {
                let overlap = template.overlap(with: picture, at: SceneRenderer.boxOrigin(in: half, jitter: jitter))
                // An ideal rendering is ground + mask · contrast, so with u = picture − ground, in every channel,
                // ‖u − mask · contrast‖² = ‖u‖² − 2 contrast · ⟨mask, u⟩ + ‖contrast‖² ‖mask‖²: one pass a shape serves all colours.
                for (colour, contrast) in zip(SceneColour.allCases, contrasts) {
                    let product = (contrast * overlap).sum()
                    let norm = (contrast * contrast).sum() * template.energy
                    let error = max(energy - 2 * product + norm, 0) * scale
                    nearest = min(nearest, error)
                    if colour == object.colour, shape == object.shape, error < own {
                        own = error
                        share = product / norm
                    }
                }
            }
        }
        return (own, nearest, own <= nearest && share >= Self.leastContrast)
    }
}

/// A shape's mask, ready to be laid over a picture.
private struct Template: Sendable {
    let mask: [Float]
    /// ‖mask‖²
    let energy: Double

    init(_ shape: SceneShape) {
        mask = SceneRenderer.coverage(of: shape)
        energy = mask.reduce(0) { $0 + Double($1) * Double($1) }
    }

    /// ⟨mask, channel⟩ for the three channels, the mask's upper left corner at `origin`.
    func overlap(with picture: UnsafeBufferPointer<Float>, at origin: (x: Int, y: Int)) -> SIMD3<Double> {
        let (size, side) = (SceneRenderer.size, SceneRenderer.boxSize)
        let plane = size * size
        var (red, green, blue) = (0.0, 0.0, 0.0)
        mask.withUnsafeBufferPointer { mask in
            for row in 0..<side {
                let line = (origin.y + row) * size + origin.x
                for column in 0..<side {
                    let weight = Double(mask[row * side + column])
                    red += weight * Double(picture[line + column])
                    green += weight * Double(picture[plane + line + column])
                    blue += weight * Double(picture[2 * plane + line + column])
                }
            }
        }
        return SIMD3(red, green, blue)
    }
}
