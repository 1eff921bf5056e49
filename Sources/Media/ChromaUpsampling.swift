/// From subsampled YCbCr to RGB, to the bit as the formats' reference decoders do it.
enum ChromaUpsampling {
    /// libjpeg-turbo `jdsample.c` and `jdcolor.c`: triangle filters, full-range BT.601.
    case jpeg
    /// libwebp `upsampling.c` and `yuv.h`: the same filter rounded differently, video-range BT.601.
    case webp

    /// One chroma sample for each pixel, `[height, width]`.
    func upsampled(_ plane: Plane, _ subsampling: Subsampling, width: Int, height: Int) -> [UInt8] {
        let sampleWidth = (width + subsampling.horizontal - 1) / subsampling.horizontal
        let sampleHeight = (height + subsampling.vertical - 1) / subsampling.vertical
        // libjpeg leaves the filter out where a row has too few samples to begin and end on.
        let isFiltered = self == .webp || sampleWidth > 2
        return [UInt8](unsafeUninitializedCapacity: width * height) { samples, count in
            for y in 0..<height {
                let target = samples.baseAddress! + y * width
                let nearest = y / subsampling.vertical
                let neighbour = min(max(y % 2 == 0 ? nearest - 1 : nearest + 1, 0), sampleHeight - 1)
                let (near, far) = (plane.row(nearest), plane.row(neighbour))
                switch (subsampling.horizontal, subsampling.vertical) {
                case (2, 2) where self == .webp: Self.webpRow(near, far, sampleWidth, target, width)
                case (2, 2) where isFiltered: Self.jpegRowOfBoth(near, far, sampleWidth, target, width)
                case (2, 1) where isFiltered: Self.jpegRow(near, sampleWidth, target, width)
                case (1, 2):
                    let bias = y % 2 == 0 ? 1 : 2
                    for x in 0..<width { target[x] = UInt8((3 * Int(near[x]) + Int(far[x]) + bias) >> 2) }
                default:
                    for x in 0..<width { target[x] = near[x / subsampling.horizontal] }
                }
            }
            count = width * height
        }
    }

    /// `h2v1_fancy_upsample`: three parts of the nearest sample, one of the next.
    private static func jpegRow(_ near: UnsafePointer<UInt8>, _ samples: Int, _ target: UnsafeMutablePointer<UInt8>, _ width: Int) {
        for x in 0..<width {
            let value = Int(near[x / 2])
            let neighbour = x % 2 == 0 ? x / 2 - 1 : x / 2 + 1
            if neighbour < 0 || neighbour >= samples {
                target[x] = near[x / 2]
            } else {
                target[x] = UInt8((3 * value + Int(near[neighbour]) + (x % 2 == 0 ? 1 : 2)) >> 2)
            }
        }
    }

    /// `h2v2_fancy_upsample`: rows first, kept at four times their size.
    private static func jpegRowOfBoth(
        _ near: UnsafePointer<UInt8>, _ far: UnsafePointer<UInt8>, _ samples: Int, _ target: UnsafeMutablePointer<UInt8>, _ width: Int
    ) {
        func sum(_ index: Int) -> Int { 3 * Int(near[index]) + Int(far[index]) }
        for x in 0..<width {
            let neighbour = min(max(x % 2 == 0 ? x / 2 - 1 : x / 2 + 1, 0), samples - 1)
            target[x] = UInt8((3 * sum(x / 2) + sum(neighbour) + (x % 2 == 0 ? 8 : 7)) >> 4)
        }
    }

    /// `UpsampleRgbLinePair`: nine, three, three and one part of the four samples around.
    private static func webpRow(
        _ near: UnsafePointer<UInt8>, _ far: UnsafePointer<UInt8>, _ samples: Int, _ target: UnsafeMutablePointer<UInt8>, _ width: Int
    ) {
        for x in 0..<width {
            let (value, below) = (Int(near[x / 2]), Int(far[x / 2]))
            let neighbour = x % 2 == 0 ? x / 2 - 1 : x / 2 + 1
            if neighbour < 0 || neighbour >= samples {
                target[x] = UInt8((3 * value + below + 2) >> 2)
            } else {
                let (beside, across) = (Int(near[neighbour]), Int(far[neighbour]))
                let diagonal = (value + beside + below + across + 8 + 2 * (beside + below)) >> 3
                target[x] = UInt8((diagonal + value) >> 1)
            }
        }
    }

    typealias Matrix = (_ luma: UInt8, _ blueness: UInt8, _ redness: UInt8, _ rgb: UnsafeMutablePointer<UInt8>) -> Void

    var matrix: Matrix {
        switch self {
        case .jpeg: Self.fullRange
        case .webp: Self.videoRange
        }
    }

    /// `build_ycc_rgb_table`: coefficients times 65,536.
    private static func fullRange(_ luma: UInt8, _ blueness: UInt8, _ redness: UInt8, _ rgb: UnsafeMutablePointer<UInt8>) {
        let (y, u, v) = (Int(luma), Int(blueness) - 128, Int(redness) - 128)
        rgb[0] = UInt8(clamping: y + (91_881 * v + 32_768) >> 16)
        rgb[1] = UInt8(clamping: y + (-22_554 * u - 46_802 * v + 32_768) >> 16)
        rgb[2] = UInt8(clamping: y + (116_130 * u + 32_768) >> 16)
    }

    /// `VP8YUVToR`, `VP8YUVToG`, `VP8YUVToB`: each product is cut to fourteen bits before they are added.
    private static func videoRange(_ luma: UInt8, _ blueness: UInt8, _ redness: UInt8, _ rgb: UnsafeMutablePointer<UInt8>) {
        let (y, u, v) = ((19_077 * Int(luma)) >> 8, Int(blueness), Int(redness))
        rgb[0] = UInt8(clamping: (y + ((26_149 * v) >> 8) - 14_234) >> 6)
        rgb[1] = UInt8(clamping: (y - ((6_419 * u) >> 8) - ((13_320 * v) >> 8) + 8_708) >> 6)
        rgb[2] = UInt8(clamping: (y + ((33_050 * u) >> 8) - 17_685) >> 6)
    }
}
