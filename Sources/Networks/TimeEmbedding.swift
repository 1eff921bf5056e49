import Foundation
import Layers
import Torch

/// Sinusoids of the timestep and the two linear layers over them.
struct TimeEmbedding {
    let linear1: Linear
    let linear2: Linear
    let activation: Activation
    let frequencies: Tensor
    let sineFirst: Bool

    /// - Parameters:
    ///   - channels: number of sinusoids, even
    ///   - flipSinToCos: cosines come first
    ///   - frequencyShift: subtracted from the number of frequencies in the exponent's denominator
    init(_ p: Parameters, channels: Int, outputs: Int, activation: Activation, flipSinToCos: Bool, frequencyShift: Double) {
        linear1 = Linear(p["linear_1"], channels, outputs)
        linear2 = Linear(p["linear_2"], outputs, outputs)
        self.activation = activation
        let half = channels / 2
        // On the processor whatever the device, so that every device meets the same numbers.
        frequencies = (Tensor.range(half) * -log(10000) / (Double(half) - frequencyShift)).exponential.to(p.device)
        sineFirst = !flipSinToCos
    }

    /// Timesteps `[B]`, on the network's device → `[B, outputs]`.
    func callAsFunction(_ timesteps: Tensor) -> Tensor {
        let angles = timesteps.to(.float32).unsqueezed(1) * frequencies
        let waves = sineFirst ? [angles.sine, angles.cosine] : [angles.cosine, angles.sine]
        return linear2(activation(linear1(Tensor.concatenated(waves, axis: 1))))
    }
}
