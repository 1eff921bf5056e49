/// Moving pixels without changing them.
extension RGBImage {
    /// The rectangle of that size whose top left pixel is (x, y).
    ///
    /// - Precondition: it lies within the image.
    public func cropped(x: Int, y: Int, width: Int, height: Int) -> RGBImage {
        precondition(
            x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= self.width && y + height <= self.height,
            "a crop of \(width) x \(height) at (\(x), \(y)) leaves the image of \(self.width) x \(self.height)")
        var cropped: [UInt8] = []
        cropped.reserveCapacity(width * height * 3)
        for row in y..<y + height {
            let start = (row * self.width + x) * 3
            cropped += pixels[start..<start + width * 3]
        }
        return RGBImage(width: width, height: height, pixels: cropped)
    }

    /// The middle of the image; of an odd remainder, as torchvision's `CenterCrop` rounds it (half to even).
    ///
    /// - Precondition: no side is longer than the image's.
    public func centreCropped(width: Int, height: Int) -> RGBImage {
        cropped(x: Self.offset(self.width, width), y: Self.offset(self.height, height), width: width, height: height)
    }

    /// Where the middle part of a side begins.
    static func offset(_ whole: Int, _ part: Int) -> Int { Int((Double(whole - part) / 2).rounded(.toNearestOrEven)) }

    public func flippedHorizontally() -> RGBImage { oriented(.mirrored) }

    func oriented(_ orientation: Orientation) -> RGBImage {
        if orientation == .upright { return self }
        let (seenWidth, seenHeight) = orientation.swapsSides ? (height, width) : (width, height)
        let seen = [UInt8](unsafeUninitializedCapacity: pixels.count) { seen, count in
            pixels.withUnsafeBufferPointer { pixels in
                var target = 0
                for y in 0..<seenHeight {
                    for x in 0..<seenWidth {
                        let stored = orientation.stored(x: x, y: y, width: width, height: height)
                        let source = (stored.y * width + stored.x) * 3
                        for channel in 0..<3 { seen[target + channel] = pixels[source + channel] }
                        target += 3
                    }
                }
            }
            count = pixels.count
        }
        return RGBImage(width: seenWidth, height: seenHeight, pixels: seen)
    }
}
