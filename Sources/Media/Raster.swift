/// A decoded picture as it is stored, its transparency resolved.
struct Raster {
    let width: Int
    let height: Int
    /// `[height, width, 3]`
    var rgb: [UInt8]

    init(width: Int, height: Int, rgb: [UInt8]) { (self.width, self.height, self.rgb) = (width, height, rgb) }

    /// - Parameters:
    ///   - rgba: `[height, width, 4]`
    ///   - ground: what stands behind transparent pixels
    init(width: Int, height: Int, rgba: [UInt8], over ground: RGBImage.Ground) {
        let rgb = [UInt8](unsafeUninitializedCapacity: width * height * 3) { rgb, count in
            rgba.withUnsafeBufferPointer { rgba in
                for index in 0..<width * height {
                    let (pixel, source) = (rgb.baseAddress! + 3 * index, rgba.baseAddress! + 4 * index)
                    (pixel[0], pixel[1], pixel[2]) = (source[0], source[1], source[2])
                    ground.put(behind: pixel, source[3])
                }
            }
            count = width * height * 3
        }
        self.init(width: width, height: height, rgb: rgb)
    }

    /// A frame of an animation on the whole of it.
    func placed(on canvas: ImageContainer.Canvas, _ ground: RGBImage.Ground) throws(ImageError.Reason) -> Raster {
        try ImageContainer.check(width: canvas.width, height: canvas.height)
        if canvas.width == width, canvas.height == height, canvas.left == 0, canvas.top == 0 { return self }
        guard canvas.left + width <= canvas.width, canvas.top + height <= canvas.height else { throw .damaged("its first frame leaves the canvas") }
        var placed = Raster(width: canvas.width, height: canvas.height, rgb: ground.pixels(canvas.width * canvas.height))
        for row in 0..<height {
            let start = (canvas.top + row) * canvas.width + canvas.left
            placed.rgb.replaceSubrange(3 * start..<3 * (start + width), with: rgb[3 * row * width..<3 * (row + 1) * width])
        }
        return placed
    }
}

extension RGBImage.Ground {
    /// Pixels that are wholly transparent; black where their colours are taken as they are.
    fileprivate func pixels(_ count: Int) -> [UInt8] {
        guard case .colour(let red, let green, let blue) = self else { return Array(repeating: 0, count: 3 * count) }
        return [UInt8](unsafeUninitializedCapacity: 3 * count) { pixels, filled in
            for index in 0..<count { (pixels[3 * index], pixels[3 * index + 1], pixels[3 * index + 2]) = (red, green, blue) }
            filled = 3 * count
        }
    }

    /// The pixel over this ground, where it is one.
    @inline(__always) func put(behind pixel: UnsafeMutablePointer<UInt8>, _ alpha: UInt8) {
        guard alpha < 255, case .colour(let red, let green, let blue) = self else { return }
        let opacity = Int(alpha)
        func mixed(_ value: UInt8, _ behind: UInt8) -> UInt8 {
            let sum: Int = Int(value) * opacity + Int(behind) * (255 - opacity)
            return UInt8((sum + 127) / 255)
        }
        (pixel[0], pixel[1], pixel[2]) = (mixed(pixel[0], red), mixed(pixel[1], green), mixed(pixel[2], blue))
    }
}
