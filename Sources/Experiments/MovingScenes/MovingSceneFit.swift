import Foundation

/// The shape, place, size and colour by which a frame is explained best.
struct MovingSceneFit: Sendable {
    let shape: SceneShape
    let position: SIMD2<Double>
    let scale: Double
    /// ⟨mask, frame − ground⟩, by channel.
    let overlap: SIMD3<Double>
    /// ‖mask‖².
    let area: Double
    /// What of the frame's energy the shape explains in the colour that suits it best.
    let gain: Double

    /// That colour less the ground.
    var contrast: SIMD3<Double> { overlap / area }

    /// ‖frame − rendering‖² in a colour whose difference from the ground is `contrast`, of a frame of that energy.
    func error(_ contrast: SIMD3<Double>, energy: Double) -> Double {
        max(energy - 2 * (contrast * overlap).sum() + (contrast * contrast).sum() * area, 0)
    }
}

/// Finds in a frame the place and the size of a shape, to a quarter of a pixel and a 32nd of its size.
struct MovingSceneSearch: Sendable {
    /// Sizes in 32nds of the full one.
    static let sizes = 16...32

    private struct Key: Hashable {
        let shape: SceneShape
        let size: Int
        /// Quarters of a pixel beyond a whole one.
        let x: Int
        let y: Int
    }

    /// A mask whose box has its middle in pixel (16, 16).
    private struct Template: Sendable {
        let mask: MovingSceneRenderer.Mask
        let area: Double

        init(_ key: Key) {
            let middle = SIMD2(Double(key.x), Double(key.y)) / 4 + 16
            mask = MovingSceneRenderer.coverage(of: key.shape, at: middle, scale: Double(key.size) / 32)
            area = mask.values.reduce(0) { $0 + Double($1) * Double($1) }
        }
    }

    private let templates: [Key: Template]

    init() {
        var templates: [Key: Template] = [:]
        for shape in SceneShape.allCases {
            for size in Self.sizes {
                for x in 0..<4 {
                    for y in 0..<4 {
                        let key = Key(shape: shape, size: size, x: x, y: y)
                        templates[key] = Template(key)
                    }
                }
            }
        }
        self.templates = templates
    }

    /// The best place of a shape.
    /// - Parameters:
    ///   - frame: less the ground, `[3, 32, 32]`
    ///   - sizes: that it may have
    func fit(_ shape: SceneShape, in frame: UnsafeBufferPointer<Float>, sizes: ClosedRange<Int> = Self.sizes) -> MovingSceneFit {
        // From coarse to fine: places in quarters of a pixel.
        var best = (x: 64, y: 64, size: sizes.upperBound, fit: nil as MovingSceneFit?)
        func look(_ xs: StrideThrough<Int>, _ ys: StrideThrough<Int>, _ candidates: [Int]) {
            for size in Set(candidates.map { min(max($0, sizes.lowerBound), sizes.upperBound) }).sorted() {
                for y in ys {
                    for x in xs {
                        let fit = fit(shape, in: frame, x: x, y: y, size: size)
                        if fit.gain > best.fit?.gain ?? -1 { best = (x, y, size, fit) }
                    }
                }
            }
        }
        look(stride(from: 16, through: 112, by: 8), stride(from: 16, through: 112, by: 8), [16, 24, 32])
        var (x, y, size) = (best.x, best.y, best.size)
        look(stride(from: x - 4, through: x + 4, by: 2), stride(from: y - 4, through: y + 4, by: 2), [size - 4, size - 2, size, size + 2, size + 4])
        (x, y, size) = (best.x, best.y, best.size)
        look(stride(from: x - 1, through: x + 1, by: 1), stride(from: y - 1, through: y + 1, by: 1), [size - 1, size, size + 1])
        return best.fit!
    }

    private func fit(_ shape: SceneShape, in frame: UnsafeBufferPointer<Float>, x: Int, y: Int, size: Int) -> MovingSceneFit {
        let template = templates[Key(shape: shape, size: size, x: x & 3, y: y & 3)]!
        let side = SceneRenderer.size
        let (shiftX, shiftY) = ((x >> 2) - 16, (y >> 2) - 16)
        let mask = template.mask
        var (red, green, blue) = (Float(0), Float(0), Float(0))
        mask.values.withUnsafeBufferPointer { values in
            let width = mask.columns.count
            let first = max(mask.columns.lowerBound + shiftX, 0)
            let last = min(mask.columns.upperBound + shiftX, side)
            guard first < last else { return }
            for row in mask.rows where (0..<side).contains(row + shiftY) {
                let line = (row - mask.rows.lowerBound) * width - mask.columns.lowerBound - shiftX
                let pixels = (row + shiftY) * side
                for column in first..<last {
                    let weight = values[line + column]
                    red += weight * frame[pixels + column]
                    green += weight * frame[side * side + pixels + column]
                    blue += weight * frame[2 * side * side + pixels + column]
                }
            }
        }
        let overlap = SIMD3(Double(red), Double(green), Double(blue))
        return MovingSceneFit(
            shape: shape, position: SIMD2(Double(x), Double(y)) / 4, scale: Double(size) / 32, overlap: overlap, area: template.area,
            gain: (overlap * overlap).sum() / template.area)
    }
}
