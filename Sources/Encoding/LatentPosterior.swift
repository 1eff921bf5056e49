import Media
import Torch

/// Scaled latents of some images as the autoencoder's posterior gives them.
public struct LatentPosterior: Sendable {
    /// `[B, …]`
    public let mean: Tensor
    /// `[B, …]`; nil where the mode alone is wanted.
    public let deviation: Tensor?

    public init(mean: Tensor, deviation: Tensor?) {
        self.mean = mean
        self.deviation = deviation
    }

    /// The same on another device.
    public func to(_ device: Device) -> LatentPosterior { LatentPosterior(mean: mean.to(device), deviation: deviation?.to(device)) }

    /// The mode, or a sample from `noise` `[B, …]`.
    public func latents(noise: () -> Tensor) -> Tensor { deviation.map { mean + $0 * noise() } ?? mean }
}

/// The autoencoder's answer was not a number.
public struct EncodingError: Error, CustomStringConvertible {
    public let image: String

    public var description: String {
        "\(image): the autoencoder gave values that are not finite: its weights are damaged or of another kind"
    }
}

extension RGBImage {
    /// `[3, H, W]` in [−1, 1].
    public var tensor: Tensor {
        (Tensor(pixels, shape: [height, width, 3]).to(.float32) / 127.5 - 1).permuted([2, 0, 1])
    }

    /// From `[3, H, W]` in [−1, 1]; values outside are clipped.
    public init(_ tensor: Tensor) {
        let bytes = ((tensor / 2 + 0.5).clamped(0, 1) * 255).rounded.to(.uint8).permuted([1, 2, 0])
        self.init(width: tensor.size(2), height: tensor.size(1), pixels: bytes.values(UInt8.self))
    }
}
