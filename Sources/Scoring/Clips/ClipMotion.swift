import Media
import Torch

/// How much moves in a clip: the mean absolute difference of consecutive frames, in 8-bit levels of which 255 are 1. 0 where all frames are alike, or there is one
/// alone. Neither more nor less is better: it belongs beside that of the references, because PSNR, SSIM and LPIPS reward clips that stand still.
public enum ClipMotion {
    /// Of a clip `[F, 3, H, W]` in [0, 1].
    public static func value(_ clip: Tensor) -> Double {
        let (frames, bytes) = (clip.size(0), (clip * 255).rounded.to(.uint8).contiguous().values(UInt8.self))
        let size = bytes.count / frames
        guard frames > 1 else { return 0 }
        let sum = bytes.withUnsafeBufferPointer { bytes in
            (0..<(frames - 1) * size).reduce(0) { $0 + abs(Int(bytes[$1 + size]) - Int(bytes[$1])) }
        }
        return Double(sum) / Double((frames - 1) * size) / 255
    }
}

extension Clip {
    /// `[F, 3, H, W]` in [0, 1], as metrics take it.
    public var pixels: Tensor { Self.pixels(frames) }

    /// - Precondition: there is a frame, and all are of one size
    static func pixels(_ frames: [RGBImage]) -> Tensor {
        Tensor.stacked(frames.map { Tensor($0.pixels, shape: [$0.height, $0.width, 3]).permuted([2, 0, 1]).to(.float32) / 255 })
    }
}
