import CFFmpeg
import Storage

/// The one still picture of a file, cut out of everything else the file holds.
///
/// FFmpeg is handed nothing but the parts that make pixels, and by decoder name rather than by guessing: no demuxer, protocol or metadata
/// parser ever sees a byte of an image, so a hostile file can neither reach the network nor unpack a comment of a gigabyte.
package struct ImageContainer {
    package enum Codec: String { case png, mjpeg, webp }

    package var codec: Codec
    /// A complete minimal file of `codec` with ``padding`` behind it.
    var payload: [UInt8]
    var width: Int
    var height: Int
    var orientation = Orientation.upright
    var chroma = ChromaUpsampling.jpeg
    /// False where the format says that the alpha values in its pixels mean nothing.
    var hasAlpha = true
    /// For a frame smaller than the animation it opens: where it lies, transparent around it.
    var canvas: Canvas?
    /// Of the samples that FFmpeg decodes into, in its own format.
    var frameBytes = 0
    /// What FFmpeg takes besides until the picture is decoded.
    var workingBytes = 0

    /// What FFmpeg's readers may run into.
    static let padding = [UInt8](repeating: 0, count: Int(AV_INPUT_BUFFER_PADDING_SIZE))

    struct Canvas { var width: Int, height: Int, left: Int, top: Int }

    init(codec: Codec, payload: [UInt8], width: Int, height: Int) throws(ImageError.Reason) {
        try Self.check(width: width, height: height)
        (self.codec, self.payload, self.width, self.height) = (codec, payload, width, height)
    }

    package init(_ file: [UInt8]) throws(ImageError.Reason) {
        guard !file.isEmpty else { throw .empty }
        if file.starts(with: PNGContainer.signature) {
            self = try PNGContainer.still(in: file)
        } else if file.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = try JPEGContainer.still(in: file)
        } else if file.count >= 12, file.text(at: 0, 4) == "RIFF", file.text(at: 8, 4) == "WEBP" {
            self = try WebPContainer.still(in: file)
        } else if PNGContainer.signature.starts(with: file) || [0xFF, 0xD8].starts(with: file) {
            throw .truncated
        } else {
            throw FileKind(file).map { .otherKind($0) } ?? .unknownFormat
        }
    }

    /// Checked on the header, before anything is allocated for the picture.
    static func check(width: Int, height: Int) throws(ImageError.Reason) {
        guard width > 0 && height > 0 else { throw .damaged("its size is \(width) x \(height)") }
        guard width <= RGBImage.pixelLimit / height else { throw .tooLarge(width: width, height: height) }
        // `av_image_check_size` of FFmpeg.
        guard (width + 128) * (height + 128) < 1 << 28 else { throw .unsupported("so long and thin an image (\(width) x \(height) pixels)") }
    }

    /// The most bytes that decoding takes at any one time: for the file and its part that is decoded, that part and the samples, the samples and the
    /// picture, or the picture and the one turned upright.
    var memory: Int {
        let picture = 3 * max(width * height, canvas.map { $0.width * $0.height } ?? 0)
        // One value for each pixel of either colour difference.
        let chroma = codec == .png ? 0 : 2 * width * height
        return max(2 * payload.count, payload.count + workingBytes + frameBytes, frameBytes + chroma + picture, 2 * picture)
    }

    /// The payload is gone after that.
    /// - Parameter ground: what stands behind transparent pixels
    mutating func decoded(over ground: RGBImage.Ground = .white) throws(ImageError.Reason) -> Raster {
        let isLarge = memory > 1 << 26
        /// What is free again must not count beside what comes.
        func giveBack() { if isLarge { ProcessMemory.returnFreed() } }
        giveBack()
        let frame = try FrameDecoder.frame(of: self)
        payload = []
        giveBack()
        let raster = try Raster(frame.pointer.pointee, of: self, over: ground)
        frame.release()
        giveBack()
        guard let canvas else { return raster }
        return try raster.placed(on: canvas, ground)
    }
}

extension [UInt8] {
    /// Reads outside the array give nil: every length in a file is a claim.
    func bigEndian(at offset: Int, bytes: Int) -> Int? {
        guard offset >= 0, bytes <= count, offset <= count - bytes else { return nil }
        return self[offset..<offset + bytes].reduce(0) { $0 << 8 | Int($1) }
    }

    func littleEndian(at offset: Int, bytes: Int) -> Int? {
        guard offset >= 0, bytes <= count, offset <= count - bytes else { return nil }
        return self[offset..<offset + bytes].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    func text(at offset: Int, _ length: Int) -> String? {
        guard offset >= 0, length <= count, offset <= count - length else { return nil }
        return String(decoding: self[offset..<offset + length], as: UTF8.self)
    }
}
