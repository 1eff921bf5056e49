/// A decoded picture before its transparency is resolved.
struct Raster {
    let width: Int
    let height: Int
    /// `[height, width, 3]`
    var rgb: [UInt8]
    /// `[height, width]`
    var alpha: [UInt8]?

    func composited(over ground: RGBImage.Ground) -> [UInt8] {
        guard let alpha, case .colour(let red, let green, let blue) = ground else { return rgb }
        let behind = [Int(red), Int(green), Int(blue)]
        var pixels = rgb
        pixels.withUnsafeMutableBufferPointer { pixels in
            for (index, alpha) in alpha.enumerated() where alpha < 255 {
                for channel in 0..<3 {
                    let mixed = Int(pixels[3 * index + channel]) * Int(alpha) + behind[channel] * (255 - Int(alpha))
                    pixels[3 * index + channel] = UInt8((mixed + 127) / 255)
                }
            }
        }
        return pixels
    }

    func placed(on canvas: ImageContainer.Canvas) throws(ImageError.Reason) -> Raster {
        try ImageContainer.check(width: canvas.width, height: canvas.height)
        if canvas.width == width, canvas.height == height, canvas.left == 0, canvas.top == 0 { return self }
        guard canvas.left + width <= canvas.width, canvas.top + height <= canvas.height else { throw .damaged("its first frame leaves the canvas") }
        let count = canvas.width * canvas.height
        var placed = Raster(width: canvas.width, height: canvas.height, rgb: Array(repeating: 0, count: 3 * count), alpha: Array(repeating: 0, count: count))
        let alpha = alpha ?? Array(repeating: 255, count: width * height)
        for row in 0..<height {
            let start = (canvas.top + row) * canvas.width + canvas.left
            placed.rgb.replaceSubrange(3 * start..<3 * (start + width), with: rgb[3 * row * width..<3 * (row + 1) * width])
            placed.alpha?.replaceSubrange(start..<start + width, with: alpha[row * width..<(row + 1) * width])
        }
        return placed
    }
}
