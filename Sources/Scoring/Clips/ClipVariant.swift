import Storage
import Torch

/// A reference clip changed in a way that a metric should see: rows that stand beside a model's in a table and show what its numbers are worth. Frozen clips
/// are the floor that a model without motion reaches; what video files lose is the ceiling.
public enum ClipVariant: String, Sendable, CaseIterable {
    /// As 8-bit video with colours at half the resolution holds it (BT.601, 4:2:0), before any compression: less than a file loses.
    case reencoded
    /// The same frames in random order.
    case shuffled
    /// The first frame throughout.
    case frozen

    /// Of a clip `[F, 3, H, W]` in [0, 1].
    /// - Parameter index: among the clips of the set; with `seed` it decides the order of shuffled frames
    public func callAsFunction(_ clip: Tensor, seed: UInt64 = 0, index: Int = 0) -> Tensor {
        switch self {
        case .reencoded: Self.reencoded(clip)
        case .shuffled: clip.gathered(Self.order(clip.size(0), seed, index))
        case .frozen: clip[0..<1].expanded(clip.shape).contiguous()
        }
    }

    /// Not the order they have, where there are two frames or more.
    private static func order(_ count: Int, _ seed: UInt64, _ index: Int) -> [Int] {
        var generator = SeededGenerator(seed: seed, purpose: "shuffled frames", index: index)
        let order = generator.permuted(Array(0..<count))
        return order == Array(0..<count) ? Array(order.reversed()) : order
    }

    private static func reencoded(_ clip: Tensor) -> Tensor {
        let (height, width) = (clip.size(2), clip.size(3))
        let (red, green, blue) = (clip.slice(0..<1, axis: 1), clip.slice(1..<2, axis: 1), clip.slice(2..<3, axis: 1))
        func stored(_ x: Tensor, span: Double) -> Tensor { (x * span).rounded / span }
        // Means of 2×2 pixels, at an odd border of those that there are, repeated; their sizes are those of the file: half, rounded up.
        func halved(_ x: Tensor) -> Tensor {
            let (tall, wide) = ((height + 1) / 2, (width + 1) / 2)
            let whole = x.gathered((0..<2 * tall).map { min($0, height - 1) }, axis: 2).gathered((0..<2 * wide).map { min($0, width - 1) }, axis: 3)
            let means = stored(whole.reshaped([x.size(0), 1, tall, 2, wide, 2]).mean([3, 5]), span: 224)
            return means.upsampledNearest(height: 2 * tall, width: 2 * wide).slice(0..<height, axis: 2).slice(0..<width, axis: 3)
        }
        let luma = red * 0.299 + green * 0.587 + blue * 0.114
        let (blueness, redness) = (halved((blue - luma) / 1.772), halved((red - luma) / 1.402))
        let bright = stored(luma, span: 219)
        let (newRed, newBlue) = (bright + redness * 1.402, bright + blueness * 1.772)
        let newGreen = (bright - newRed * 0.299 - newBlue * 0.114) / 0.587
        return (Tensor.concatenated([newRed, newGreen, newBlue], axis: 1).clamped(0, 1) * 255).rounded / 255
    }
}
