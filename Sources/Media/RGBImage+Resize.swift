/// Resizing as torchvision's `Resize` does on Pillow images, which is what training scripts feed it: antialiased, to the bit. Its tensor form,
/// without the rounding between rows and columns, differs by up to 2/255.
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
        do {
            try ImageContainer.check(width: width, height: height)
            try ImageContainer.check(width: width, height: self.height)
        } catch {
            throw ImageError(file: "resized image", reason: error)
        }
        return resized(width: width, height: height, columns: 0..<width, rows: 0..<height, interpolation)
    }

    /// The shorter side becomes `size`, the longer keeps the proportion, rounded down as torchvision does.
    public func resized(shorterSide size: Int, _ interpolation: Interpolation = .bilinear) throws(ImageError) -> RGBImage {
        let whole = sides(shorter: size)
        return try resized(width: whole.width, height: whole.height, interpolation)
    }

    /// A square of side `size`: the shorter side resized, then the middle cropped. Nothing is computed that the crop leaves out, so that it takes
    /// no more memory for a picture that is long and thin.
    public func fitted(to size: Int, _ interpolation: Interpolation = .bilinear) -> RGBImage { fitted(width: size, height: size, interpolation) }

    /// A picture of that size: resized until it just covers it, then the middle cropped.
    public func fitted(width: Int, height: Int, _ interpolation: Interpolation = .bilinear) -> RGBImage {
        // The side that leaves nothing over; the other is rounded down.
        let isNarrow = self.width * height <= self.height * width
        let wholeWidth = isNarrow ? width : Int(Double(height * self.width) / Double(self.height))
        let wholeHeight = isNarrow ? Int(Double(width * self.height) / Double(self.width)) : height
        let (left, top) = (Self.offset(wholeWidth, width), Self.offset(wholeHeight, height))
        return resized(width: wholeWidth, height: wholeHeight, columns: left..<left + width, rows: top..<top + height, interpolation)
    }

    private func sides(shorter size: Int) -> (width: Int, height: Int) {
        let longer = Int(Double(size * max(width, height)) / Double(min(width, height)))
        return width <= height ? (size, longer) : (longer, size)
    }

    /// A part of the resized picture. Pillow resizes rows first and keeps eight bits in between: bicubic overshoots are cut off there.
    private func resized(width: Int, height: Int, columns: Range<Int>, rows: Range<Int>, _ interpolation: Interpolation) -> RGBImage {
        let vertical = height == self.height ? nil : ResamplingTaps(from: self.height, to: height, rows, interpolation)
        let horizontal = width == self.width ? nil : ResamplingTaps(from: self.width, to: width, columns, interpolation)
        let needed = vertical?.sources ?? rows
        var part = self
        if let horizontal {
            part = part.resampledRows(needed, horizontal)
        } else if columns.count < self.width || needed.count < self.height {
            part = part.cropped(x: columns.lowerBound, y: needed.lowerBound, width: columns.count, height: needed.count)
        }
        return vertical.map { part.resampledColumns(from: needed.lowerBound, $0) } ?? part
    }

    /// Of these rows alone.
    private func resampledRows(_ rows: Range<Int>, _ taps: ResamplingTaps) -> RGBImage {
        let count = taps.firsts.count
        let result = [UInt8](unsafeUninitializedCapacity: rows.count * count * 3) { target, filled in
            pixels.withUnsafeBufferPointer { pixels in
                taps.weights.withUnsafeBufferPointer { weights in
                    for (line, y) in rows.enumerated() {
                        for x in 0..<count {
                            var source = pixels.baseAddress! + (y * width + taps.firsts[x]) * 3
                            var (red, green, blue) = (ResamplingTaps.half, ResamplingTaps.half, ResamplingTaps.half)
                            for weight in weights[x * taps.length..<x * taps.length + taps.counts[x]] {
                                red &+= Int32(source[0]) &* weight
                                green &+= Int32(source[1]) &* weight
                                blue &+= Int32(source[2]) &* weight
                                source += 3
                            }
                            let pixel = target.baseAddress! + (line * count + x) * 3
                            (pixel[0], pixel[1], pixel[2]) = (ResamplingTaps.byte(red), ResamplingTaps.byte(green), ResamplingTaps.byte(blue))
                        }
                    }
                }
            }
            filled = rows.count * count * 3
        }
        return RGBImage(width: count, height: rows.count, pixels: result)
    }

    /// - Parameter top: the row of the whole picture that is this one's first
    private func resampledColumns(from top: Int, _ taps: ResamplingTaps) -> RGBImage {
        let (count, stride) = (taps.firsts.count, width * 3)
        let result = [UInt8](unsafeUninitializedCapacity: count * stride) { target, filled in
            pixels.withUnsafeBufferPointer { pixels in
                taps.weights.withUnsafeBufferPointer { weights in
                    for y in 0..<count {
                        for x in 0..<stride {
                            var source = pixels.baseAddress! + (taps.firsts[y] - top) * stride + x
                            var sum = ResamplingTaps.half
                            for weight in weights[y * taps.length..<y * taps.length + taps.counts[y]] {
                                sum &+= Int32(source.pointee) &* weight
                                source += stride
                            }
                            target[y * stride + x] = ResamplingTaps.byte(sum)
                        }
                    }
                }
            }
            filled = count * stride
        }
        return RGBImage(width: width, height: count, pixels: result)
    }
}
