import Torch

/// How frames come to the 224×224 pixels of ``I3D``. FVD depends on it more than on anything else but the number of clips.
public enum ClipResize: String, Codable, Sendable, CaseIterable {
    /// The whole frame, bilinear between pixel centres, whatever its proportions.
    case whole
    /// The shorter side, bilinear, the longer rounded up; then the middle.
    case cropped
    /// The whole frame as TensorFlow 1's `resize_bilinear` samples it, from the pixels' corners.
    case tensorFlow = "tensorflow"
    /// The whole frame by Pillow's antialiased bicubic filter without rounding or clipping.
    case bicubic

    /// `[F, 3, H, W]` in [0, 1] → `[F, 3, side, side]`.
    public func callAsFunction(_ clip: Tensor, side: Int) -> Tensor {
        let (height, width) = (clip.size(2), clip.size(3))
        switch self {
        case .whole:
            return clip.interpolatedBilinear(height: side, width: side)
        case .cropped:
            let scale = Double(side) / Double(min(height, width))
            let tall = height < width ? side : Int((Double(height) * scale).rounded(.up))
            let wide = height < width ? Int((Double(width) * scale).rounded(.up)) : side
            let whole = clip.interpolatedBilinear(height: tall, width: wide)
            let (top, left) = ((tall - side) / 2, (wide - side) / 2)
            return whole.slice(top..<top + side, axis: 2).slice(left..<left + side, axis: 3)
        case .tensorFlow:
            return Self.sampled(Self.sampled(clip, to: side, axis: 2), to: side, axis: 3)
        case .bicubic:
            return clip.resizedBicubic(height: side, width: side)
        }
    }

    /// Linear between the two places around i · length / count.
    private static func sampled(_ x: Tensor, to count: Int, axis: Int) -> Tensor {
        let length = x.size(axis)
        let positions = (0..<count).map { Double($0) * Double(length) / Double(count) }
        let below = positions.map { min(Int($0), length - 1) }
        let above = below.map { min($0 + 1, length - 1) }
        let shape = (0..<x.rank).map { $0 == axis ? count : 1 }
        let share = Tensor(zip(positions, below).map { Float($0 - Double($1)) }, shape: shape).to(x.device)
        let low = x.gathered(below, axis: axis)
        return low + (x.gathered(above, axis: axis) - low) * share
    }
}
