import Foundation

/// Maps values to pixels along one axis, and chooses its ticks. Any input gives a usable scale: nothing, one value, equal values, huge ones.
struct ChartScale: Sendable {
    enum Kind: Sendable { case linear, logarithmic, integers }

    let kind: Kind
    /// The shown values; in a logarithmic scale their logarithms to base 10.
    private let low: Double
    private let high: Double
    private let pixels: (low: Double, high: Double)

    /// - Parameters:
    ///   - values: what must be visible; what is not drawable on this kind of scale is passed over.
    ///   - pixels: where the smallest and the greatest value lie; the second may be the smaller number (up the page).
    ///   - exact: end at the values instead of leaving air beyond them.
    init(_ kind: Kind, showing values: [Double], pixels: (low: Double, high: Double), exact: Bool = false) {
        self.kind = kind
        self.pixels = pixels
        let drawn = values.compactMap { Self.coordinate($0, kind) }
        var low = drawn.min() ?? 0
        var high = drawn.max() ?? 1
        // Too narrow a range would show rounding as if it were news.
        let narrowest = kind == .linear ? max(1e-9, 1e-6 * max(abs(low), abs(high))) : kind == .integers ? 1 : 0.05
        if high - low < narrowest {
            let air = kind == .linear && low != 0 ? abs(low) * 0.1 : kind == .logarithmic ? 0.3 : 0.5
            low -= air
            high += air
        } else if !exact {
            let air = 0.05 * (high - low)
            low -= air
            high += air
        }
        self.low = low
        self.high = high
    }

    /// The pixel of a value, or nothing where the scale has no place for it (NaN, infinite, or not positive on a logarithmic scale).
    func position(_ value: Double) -> Double? {
        guard let coordinate = Self.coordinate(value, kind) else { return nil }
        return pixels.low + (coordinate - low) / (high - low) * (pixels.high - pixels.low)
    }

    func contains(_ value: Double) -> Bool {
        guard let coordinate = Self.coordinate(value, kind) else { return false }
        return coordinate >= low && coordinate <= high
    }

    /// About `count` round values inside the scale, ascending.
    func ticks(_ count: Int = 5) -> [Double] {
        switch kind {
        case .linear: return Self.multiples(of: Self.roundStep((high - low) / Double(count)), from: low, to: high)
        case .integers: return Self.multiples(of: max(1, Self.roundStep((high - low) / Double(count)).rounded()), from: low, to: high)
        case .logarithmic:
            let decades = (Int(low.rounded(.down))...Int(high.rounded(.up)))
            let stride = max(1, decades.count / count)
            let powers = decades.filter { $0 % stride == 0 }.map { pow(10, Double($0)) }
            // Few decades need the steps between their ends.
            let factors: [Double] = high - low > 2.5 ? [1] : high - low > 1.2 ? [1, 3] : [1, 2, 5]
            let ticks = powers.flatMap { power in factors.map { $0 * power } }.filter(contains)
            guard ticks.count < 2 else { return ticks }
            let (least, greatest) = (pow(10, low), pow(10, high))
            return Self.multiples(of: Self.roundStep((greatest - least) / Double(count)), from: least, to: greatest)
        }
    }

    /// Logarithmic when the values, all positive, span so much that a linear axis would press most of them to its foot.
    static func kind(for values: [Double]) -> Kind {
        let drawn = values.filter { coordinate($0, .linear) != nil }.sorted()
        guard let least = drawn.first, let greatest = drawn.last, least > 0 else { return .linear }
        return greatest > 10 * drawn[drawn.count / 2] ? .logarithmic : .linear
    }

    private static func coordinate(_ value: Double, _ kind: Kind) -> Double? {
        // Beyond 10³⁰ a loss has long lost its meaning, and differences of such numbers may overflow.
        guard value.isFinite, abs(value) < 1e30 else { return nil }
        guard kind == .logarithmic else { return value }
        return value > 1e-30 ? log10(value) : nil
    }

    /// The number of form 1, 2 or 5 × 10ⁿ next above `step`.
    private static func roundStep(_ step: Double) -> Double {
        let power = pow(10, log10(step).rounded(.down))
        return [1, 2, 5, 10].first { $0 * power >= step * 0.999 }! * power
    }

    private static func multiples(of step: Double, from low: Double, to high: Double) -> [Double] {
        let first = (low / step).rounded(.up)
        let last = (high / step).rounded(.down)
        guard first <= last, last - first < 100 else { return [] }
        return stride(from: first, through: last, by: 1).map { $0 * step }
    }
}
