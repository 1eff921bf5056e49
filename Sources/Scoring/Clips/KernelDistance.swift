import Foundation
import Storage
import Torch

/// The unbiased squared maximum mean discrepancy with the kernel (x·y / d + 1)³ (Bińkowski et al., arXiv
/// 1801.01401): KVD over I3D's features. Unlike FVD it has no bias from
/// a small number of clips, and it may fall below zero.
public struct KernelDistance: Sendable {
    /// Drawn from either side without replacement.
    public var subsets = 100
    /// Clips of a subset, where there are as many.
    public var size = 1000
    public var seed: UInt64 = 0

    public init() {}

    public struct Result: Equatable, Sendable {
        /// Over the subsets.
        public var mean: Double
        /// Over the subsets; zero where these are all clips.
        public var deviation: Double
        public var subsetSize: Int
    }

    /// - Throws: ``MetricError`` for fewer than two clips
    public func between(_ a: FeatureSet, _ b: FeatureSet) throws(MetricError) -> Result {
        try FeatureSet.check(a, b, fewest: 2, metric: "kvd")
        let size = min(size, a.count, b.count)
        // Draws of all clips would all give the same.
        let draws = size == a.count && size == b.count ? 1 : subsets
        let kernels = noGradients { (Self.kernel(a, a), Self.kernel(b, b), Self.kernel(a, b)) }
        let values = (0..<draws).map { draw in
            var generator = SeededGenerator(seed: seed, purpose: "kernel distance", index: draw)
            let rows = Array(generator.permuted(Array(0..<a.count)).prefix(size))
            let columns = Array(generator.permuted(Array(0..<b.count)).prefix(size))
            return Self.discrepancy(kernels, rows, columns)
        }
        let mean = values.reduce(0, +) / Double(draws)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(draws)
        return Result(mean: mean, deviation: variance.squareRoot(), subsetSize: size)
    }

    private typealias Kernel = (values: [Double], width: Int)

    private static func kernel(_ a: FeatureSet, _ b: FeatureSet) -> Kernel {
        let product = a.matrix.matmul(b.matrix.transposed(0, 1)) / Double(a.rows[0].count) + 1
        return ((product * product * product).values(Double.self), b.count)
    }

    private static func discrepancy(_ kernels: (Kernel, Kernel, Kernel), _ rows: [Int], _ columns: [Int]) -> Double {
        func sum(_ kernel: Kernel, _ rows: [Int], _ columns: [Int], isDiagonalLeftOut: Bool) -> Double {
            rows.reduce(0) { total, row in
                columns.reduce(total) { isDiagonalLeftOut && row == $1 ? $0 : $0 + kernel.values[row * kernel.width + $1] }
            }
        }
        let m = Double(rows.count)
        let within =
            sum(kernels.0, rows, rows, isDiagonalLeftOut: true) + sum(kernels.1, columns, columns, isDiagonalLeftOut: true)
        return within / (m * (m - 1)) - 2 * sum(kernels.2, rows, columns, isDiagonalLeftOut: false) / (m * m)
    }
}
