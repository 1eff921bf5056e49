extension RGBImage {
    /// Images of one size side by side, row by row, on white.
    ///
    /// - Precondition: there is an image, and all are of one size.
    public static func sheet(_ images: [RGBImage], columns: Int, gap: Int = 2) -> RGBImage {
        let (width, height) = (images[0].width, images[0].height)
        precondition(images.allSatisfy { $0.width == width && $0.height == height }, "images of one sheet must be of one size")
        let rows = (images.count + columns - 1) / columns
        let sheetWidth = columns * (width + gap) - gap
        let sheetHeight = rows * (height + gap) - gap
        var pixels = [UInt8](repeating: 255, count: sheetWidth * sheetHeight * 3)
        for (index, image) in images.enumerated() {
            let (left, top) = (index % columns * (width + gap), index / columns * (height + gap))
            for y in 0..<height {
                let start = ((top + y) * sheetWidth + left) * 3
                pixels.replaceSubrange(start..<start + width * 3, with: image.pixels[y * width * 3..<(y + 1) * width * 3])
            }
        }
        return RGBImage(width: sheetWidth, height: sheetHeight, pixels: pixels)
    }
}
