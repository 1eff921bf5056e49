import Torch

/// The one still picture of a file, cut out of everything else the file holds.
///
/// FFmpeg is handed nothing but the parts that make pixels, and by decoder name rather than by guessing: no demuxer, protocol or metadata
/// parser ever sees a byte of an image, so a hostile file can neither reach the network nor unpack a comment of a gigabyte.
struct ImageContainer {
    enum Codec: String { case png, mjpeg, webp }

    var codec: Codec
    /// A complete minimal file of `codec`.
    var payload: [UInt8]
    var width: Int
    var height: Int
    var orientation = Orientation.upright
    var chroma = ChromaUpsampling.jpeg
    /// False where the format says that the alpha values in its pixels mean nothing.
    var hasAlpha = true
    /// For a frame smaller than the animation it opens: where it lies, transparent around it.
    var canvas: Canvas?

    struct Canvas { var width: Int, height: Int, left: Int, top: Int }

    init(codec: Codec, payload: [UInt8], width: Int, height: Int) throws(ImageError.Reason) {
        try Self.check(width: width, height: height)
        (self.codec, self.payload, self.width, self.height) = (codec, payload, width, height)
    }

    init(_ file: [UInt8]) throws(ImageError.Reason) {
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
    }

    func decoded() throws(ImageError.Reason) -> Raster {
        var raster = try FrameDecoder.decode(self)
        if !hasAlpha { raster.alpha = nil }
        guard let canvas else { return raster }
        return try raster.placed(on: canvas)
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
