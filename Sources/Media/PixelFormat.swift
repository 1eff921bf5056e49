import CFFmpeg

/// Reading FFmpeg's frames: the formats that its PNG, JPEG and WebP decoders produce.
///
/// By hand rather than by swscale, whose chroma filter and rounding are not libjpeg's or libwebp's: pictures then equal Pillow's.
extension Raster {
    /// - Parameter ground: what stands behind transparent pixels
    init(_ frame: AVFrame, of image: ImageContainer, over ground: RGBImage.Ground) throws(ImageError.Reason) {
        let format = AVPixelFormat(frame.format)
        let ground = image.hasAlpha ? ground : .alphaDropped
        if let layout = PackedLayout(format) {
            self.init(packed: frame, layout, ground)
        } else if let subsampling = Subsampling(format) {
            self.init(yuv: frame, subsampling, image.chroma, ground)
        } else if format == AV_PIX_FMT_GBRP || format == AV_PIX_FMT_GBRAP {
            // With four planes this is a CMYK JPEG that FFmpeg has already turned into RGB.
            self.init(planar: frame)
        } else if format == AV_PIX_FMT_PAL8 {
            self.init(palette: frame, ground)
        } else if format == AV_PIX_FMT_MONOBLACK {
            self.init(bits: frame)
        } else {
            throw .unsupported("pixel format \(av_get_pix_fmt_name(format).map { String(cString: $0) } ?? "\(frame.format)")")
        }
    }

    /// Where the parts of a pixel lie. Of 16-bit samples the high byte is taken (the formats are big-endian), as Pillow does.
    private struct PackedLayout {
        let step: Int
        let offsets: (Int, Int, Int)
        let alpha: Int?

        init?(_ format: AVPixelFormat) {
            switch format {
            case AV_PIX_FMT_GRAY8: (step, offsets, alpha) = (1, (0, 0, 0), nil)
            case AV_PIX_FMT_YA8: (step, offsets, alpha) = (2, (0, 0, 0), 1)
            case AV_PIX_FMT_GRAY16BE: (step, offsets, alpha) = (2, (0, 0, 0), nil)
            case AV_PIX_FMT_YA16BE: (step, offsets, alpha) = (4, (0, 0, 0), 2)
            case AV_PIX_FMT_RGB24: (step, offsets, alpha) = (3, (0, 1, 2), nil)
            case AV_PIX_FMT_RGBA: (step, offsets, alpha) = (4, (0, 1, 2), 3)
            case AV_PIX_FMT_ARGB: (step, offsets, alpha) = (4, (1, 2, 3), 0)
            case AV_PIX_FMT_RGB48BE: (step, offsets, alpha) = (6, (0, 2, 4), nil)
            case AV_PIX_FMT_RGBA64BE: (step, offsets, alpha) = (8, (0, 2, 4), 6)
            default: return nil
            }
        }
    }

    private init(packed frame: AVFrame, _ layout: PackedLayout, _ ground: RGBImage.Ground) {
        let plane = Plane(frame.data.0, frame.linesize.0)
        let offsets = layout.offsets
        self.init(frame, ground) { x, y, pixel, alpha in
            let source = plane.row(y) + x * layout.step
            (pixel[0], pixel[1], pixel[2]) = (source[offsets.0], source[offsets.1], source[offsets.2])
            if let offset = layout.alpha { alpha = source[offset] }
        }
    }

    private init(planar frame: AVFrame) {
        let green = Plane(frame.data.0, frame.linesize.0)
        let blue = Plane(frame.data.1, frame.linesize.1)
        let red = Plane(frame.data.2, frame.linesize.2)
        self.init(frame, .alphaDropped) { x, y, pixel, _ in
            (pixel[0], pixel[1], pixel[2]) = (red.row(y)[x], green.row(y)[x], blue.row(y)[x])
        }
    }

    /// The palette is 256 native-endian words, alpha in the highest byte.
    private init(palette frame: AVFrame, _ ground: RGBImage.Ground) {
        let indices = Plane(frame.data.0, frame.linesize.0)
        let palette = UnsafeRawPointer(frame.data.1!).assumingMemoryBound(to: UInt32.self)
        self.init(frame, ground) { x, y, pixel, alpha in
            let colour = palette[Int(indices.row(y)[x])]
            pixel[0] = UInt8(truncatingIfNeeded: colour >> 16)
            pixel[1] = UInt8(truncatingIfNeeded: colour >> 8)
            pixel[2] = UInt8(truncatingIfNeeded: colour)
            alpha = UInt8(colour >> 24)
        }
    }

    private init(bits frame: AVFrame) {
        let plane = Plane(frame.data.0, frame.linesize.0)
        self.init(frame, .alphaDropped) { x, y, pixel, _ in
            let value: UInt8 = plane.row(y)[x / 8] >> (7 - x % 8) & 1 == 1 ? 255 : 0
            (pixel[0], pixel[1], pixel[2]) = (value, value, value)
        }
    }

    private init(yuv frame: AVFrame, _ subsampling: Subsampling, _ chroma: ChromaUpsampling, _ ground: RGBImage.Ground) {
        let (width, height) = (Int(frame.width), Int(frame.height))
        let luma = Plane(frame.data.0, frame.linesize.0)
        let blueness = chroma.upsampled(Plane(frame.data.1, frame.linesize.1), subsampling, width: width, height: height)
        let redness = chroma.upsampled(Plane(frame.data.2, frame.linesize.2), subsampling, width: width, height: height)
        let matrix = chroma.matrix
        let opacity = chroma == .webp ? frame.data.3.map { Plane($0, frame.linesize.3) } : nil
        self = blueness.withUnsafeBufferPointer { blueness in
            redness.withUnsafeBufferPointer { redness in
                Raster(frame, ground) { x, y, pixel, alpha in
                    let index = y * width + x
                    matrix(luma.row(y)[x], blueness[index], redness[index], pixel)
                    if let opacity { alpha = opacity.row(y)[x] }
                }
            }
        }
    }

    /// - Parameter read: gives a pixel's colour and, where it has one, its alpha
    private init(
        _ frame: AVFrame, _ ground: RGBImage.Ground, _ read: (_ x: Int, _ y: Int, _ rgb: UnsafeMutablePointer<UInt8>, _ alpha: inout UInt8) -> Void
    ) {
        let (width, height) = (Int(frame.width), Int(frame.height))
        let rgb = [UInt8](unsafeUninitializedCapacity: width * height * 3) { rgb, count in
            var pixel = rgb.baseAddress!
            for y in 0..<height {
                for x in 0..<width {
                    var alpha: UInt8 = 255
                    read(x, y, pixel, &alpha)
                    ground.put(behind: pixel, alpha)
                    pixel += 3
                }
            }
            count = width * height * 3
        }
        self.init(width: width, height: height, rgb: rgb)
    }
}

struct Plane {
    let start: UnsafePointer<UInt8>
    let stride: Int

    /// FFmpeg fills as many planes as the pixel format has.
    init(_ start: UnsafeMutablePointer<UInt8>?, _ stride: Int32) {
        self.start = UnsafePointer(start!)
        self.stride = Int(stride)
    }

    func row(_ y: Int) -> UnsafePointer<UInt8> { start + y * stride }
}

/// How many pixels share a chroma sample.
struct Subsampling {
    let horizontal: Int
    let vertical: Int

    init?(_ format: AVPixelFormat) {
        switch format {
        case AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV444P, AV_PIX_FMT_YUVA444P: (horizontal, vertical) = (1, 1)
        case AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUV422P: (horizontal, vertical) = (2, 1)
        case AV_PIX_FMT_YUVJ440P, AV_PIX_FMT_YUV440P: (horizontal, vertical) = (1, 2)
        case AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVA420P: (horizontal, vertical) = (2, 2)
        case AV_PIX_FMT_YUVJ411P, AV_PIX_FMT_YUV411P: (horizontal, vertical) = (4, 1)
        case AV_PIX_FMT_YUV410P: (horizontal, vertical) = (4, 4)
        default: return nil
        }
    }
}
