/// For each of some neighbouring places of a resized side, which places of the original it is made of and with what weights: Pillow's `Resample.c`
/// (`precompute_coeffs` and `normalize_coeffs_8bpc`), in whole numbers.
struct ResamplingTaps {
    /// The first place of the original, and how many.
    private(set) var firsts: [Int] = []
    private(set) var counts: [Int] = []
    /// `[places, length]`
    private(set) var weights: [Int32]
    let length: Int

    private static let precision = Int32(32 - 8 - 2)
    /// Where a sum begins, so that it is rounded when it is cut off.
    static let half = Int32(1) << (precision - 1)

    static func byte(_ sum: Int32) -> UInt8 { UInt8(clamping: sum >> precision) }

    /// - Parameters:
    ///   - size: of the original side
    ///   - resized: of the whole resized side
    ///   - places: of the resized side, those that are wanted
    init(from size: Int, to resized: Int, _ places: Range<Int>, _ interpolation: RGBImage.Interpolation) {
        let scale = Double(size) / Double(resized)
        let filterScale = max(scale, 1)
        let support = interpolation.support * filterScale
        length = Int(support.rounded(.up)) * 2 + 1
        weights = Array(repeating: 0, count: places.count * length)
        var row: [Double] = []
        for (index, place) in places.enumerated() {
            let centre = (Double(place) + 0.5) * scale
            let first = max(Int(centre - support + 0.5), 0)
            let count = min(Int(centre + support + 0.5), size) - first
            row = (0..<count).map { interpolation.weight((Double($0 + first) - centre + 0.5) * (1 / filterScale)) }
            let sum = row.reduce(0, +)
            for (tap, weight) in row.enumerated() {
                let whole = (sum != 0 ? weight / sum : weight) * Double(Int32(1) << Self.precision)
                weights[index * length + tap] = Int32(whole < 0 ? whole - 0.5 : whole + 0.5)
            }
            firsts.append(first)
            counts.append(count)
        }
    }

    /// Every place of the original that is used.
    var sources: Range<Int> { firsts[0]..<firsts[firsts.count - 1] + counts[counts.count - 1] }
}

extension RGBImage.Interpolation {
    /// How far the filter reaches.
    fileprivate var support: Double { self == .bilinear ? 1 : 2 }

    fileprivate func weight(_ distance: Double) -> Double {
        let x = abs(distance)
        switch self {
        case .bilinear: return x < 1 ? 1 - x : 0
        case .bicubic:
            let a = -0.5
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
        }
    }
}
