import Torch

/// How the errors of two predictions of one target differ, in float32 alone: for devices that have no float64, as MPS.
///
/// β multiplies the difference of two nearly equal errors by thousands. Taken from two sums in float32 it is lost in their rounding; here it is summed
/// itself, so that its relative error does not grow as the predictions approach one another, and equal predictions give exactly zero.
public enum PairedReduction {
    /// ‖p − y‖² − ‖r − y‖² as mean((p − r)·(p + r − 2y)) over all axes but the first, `[B]`, float32, with its gradients.
    /// - Parameters:
    ///   - prediction: p, `[B, …]`, float32
    ///   - other: r, in the same shape
    ///   - target: y, in the same shape
    public static func difference(_ prediction: Tensor, _ other: Tensor, target: Tensor) -> Tensor {
        // p + r − 2y by way of the two errors, which are small where predictions are good: 2y is not rounded into p + r.
        ((prediction - other) * ((prediction - target) + (other - target))).mean(Array(1..<target.rank))
    }
}
