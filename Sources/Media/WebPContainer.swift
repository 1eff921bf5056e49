import CImages

/// WebP files, as libwebp reads them: of an animation the first frame.
enum WebPContainer {
    static func still(in file: [UInt8]) throws(ImageError.Reason) -> ImageContainer {
        var header = CIWebPHeader()
        try ImageContainer.Library(.webp).check { ci_webp_header(file, file.count, &header, $0) }
        let frame = header.frame
        var still = try ImageContainer(.webp, file, frame.offset..<frame.offset + frame.count, width: Int(header.width), height: Int(header.height))
        func content(_ part: CIRange) -> [UInt8]? { part.count == 0 ? nil : Array(file[part.offset..<part.offset + part.count]) }
        still.orientation = ImageMetadata(exif: content(header.exif), xmp: content(header.xmp)).orientation
        still.hasAlpha = header.has_alpha
        let canvas = ImageContainer.Canvas(width: Int(header.canvas_width), height: Int(header.canvas_height), left: Int(header.left), top: Int(header.top))
        if canvas != .init(width: still.width, height: still.height, left: 0, top: 0) { still.canvas = canvas }
        // Words of four bytes; of a lossy picture its alpha plane, which may be compressed as a lossless picture of its own.
        still.workingBytes = (header.is_lossless ? 4 : header.has_alpha ? 5 : 0) * still.width * still.height
        return still
    }
}
