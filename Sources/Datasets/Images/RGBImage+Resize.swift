import Torch

/// Resizing as torchvision's `Resize` does on Pillow images, which is what training scripts feed it: antialiased, within 1/255. Its tensor
/// form, without the rounding between rows and columns, differs from both by up to 2/255.
extension RGBImage {
    public enum Interpolation: String, Sendable, CaseIterable, Codable {
        /// What the training scripts of diffusers use.
        case bilinear
        case bicubic
    }

    /// Exactly this size, the proportions as they fall.
    ///
    /// - Throws: ``ImageError/Reason/tooLarge(width:height:)`` where the result would exceed ``pixelLimit``.
    public func resized(width: Int, height: Int, _ interpolation: Interpolation = .bilinear) throws(ImageError) -> RGBImage {
        do { try ImageContainer.check(width: width, height: height) } catch { throw ImageError(file: "resized image", reason: error) }
        if width == self.width, height == self.height { return self }
        let result = noGradients {
            let image = Tensor(pixels, shape: [1, self.height, self.width, 3]).permuted([0, 3, 1, 2]).to(.float32)
            // Pillow resizes rows first and keeps eight bits in between: bicubic overshoots are cut off there.
            let wide = Self.resized(image, width: width, height: self.height, interpolation)
            return Self.resized(wide, width: width, height: height, interpolation).permuted([0, 2, 3, 1]).to(.uint8).values(UInt8.self)
        }
        return RGBImage(width: width, height: height, pixels: result)
    }

    /// The shorter side becomes `size`, the longer keeps the proportion, rounded down as torchvision does.
    public func resized(shorterSide size: Int, _ interpolation: Interpolation = .bilinear) throws(ImageError) -> RGBImage {
        let longer = Int(Double(size * max(width, height)) / Double(min(width, height)))
        return try resized(width: width <= height ? size : longer, height: width <= height ? longer : size, interpolation)
    }

    /// A square of side `size`: the shorter side resized, then the middle cropped.
    ///
    /// - Throws: as ``resized(width:height:_:)``, of pictures so long and thin that they would be resized to gigabytes.
    public func fitted(to size: Int, _ interpolation: Interpolation = .bilinear) throws(ImageError) -> RGBImage {
        try resized(shorterSide: size, interpolation).centreCropped(width: size, height: size)
    }

    private static func resized(_ image: Tensor, width: Int, height: Int, _ interpolation: Interpolation) -> Tensor {
        if image.size(3) == width, image.size(2) == height { return image }
        let resized = interpolation == .bilinear ? image.resizedBilinear(height: height, width: width) : image.resizedBicubic(height: height, width: width)
        // Halves go up in Pillow, to even numbers in libtorch's `round`; converting to bytes cuts off.
        return (resized.clamped(0, 255) + 0.5).to(.uint8).to(.float32)
    }
}
