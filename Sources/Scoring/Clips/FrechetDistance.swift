import Torch

/// The squared Fréchet distance of two normal distributions, ‖μ₁ − μ₂‖² + Tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½) (Dowson and Landau, 1982).
///
/// Tr(Σ₁Σ₂)^½ is computed as Tr(Σ₁^½ Σ₂ Σ₁^½)^½, whose matrices are symmetric: eigenvalues are real, and rounding below zero is cut off. It is never complex, also
/// where there are fewer clips than features.
public enum FrechetDistance {
    /// Of features.
    /// - Throws: ``MetricError`` for fewer than two clips
    public static func between(_ a: FeatureSet, _ b: FeatureSet, ddof: Int) throws(MetricError) -> Double {
        try FeatureSet.check(a, b, fewest: 2, metric: "fvd")
        let ((meanA, covarianceA), (meanB, covarianceB)) = (a.moments(ddof: ddof), b.moments(ddof: ddof))
        return between(mean: meanA, covariance: covarianceA, mean: meanB, covariance: covarianceB)
    }

    /// Of means `[d]` and covariances `[d, d]`, float64.
    static func between(mean a: Tensor, covariance sigmaA: Tensor, mean b: Tensor, covariance sigmaB: Tensor) -> Double {
        noGradients {
            let root = squareRoot(sigmaA)
            let product = root.matmul(sigmaB).matmul(root)
            // Symmetric but for rounding.
            let values = ((product + product.transposed(0, 1)) / 2).symmetricEigen.values.clamped(0, .infinity)
            let traces = (sigmaA.diagonalSum + sigmaB.diagonalSum) - 2 * values.squareRoot.sum().item
            return max((a - b).squared.sum().item + traces, 0)
        }
    }

    /// V √Λ Vᵀ.
    private static func squareRoot(_ matrix: Tensor) -> Tensor {
        let (values, vectors) = matrix.symmetricEigen
        return (vectors * values.clamped(0, .infinity).squareRoot).matmul(vectors.transposed(0, 1))
    }
}

extension Tensor {
    fileprivate var diagonalSum: Double {
        let side = size(0)
        return flattened().gathered((0..<side).map { $0 * (side + 1) }).sum().item
    }
}
