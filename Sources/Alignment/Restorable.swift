import Torch

/// A part of a training that a run saves and goes on with, as tensors by name.
protocol Restorable {
    var state: [(name: String, value: Tensor)] { get }
    /// Takes over saved tensors. Throws where one is missing or misshaped.
    func restore(_ saved: [String: Tensor]) throws
}

extension AdamW: Restorable {}
extension ExponentialMovingAverage: Restorable {}
