import CImages
import Storage

/// The one still picture of a file: what its header says, before anything is decoded.
package struct ImageContainer {
    package enum Codec: String { case png, jpeg, webp }

    package let codec: Codec
    let width: Int
    let height: Int
    /// Where the compressed picture lies in the file.
    let picture: Range<Int>
    var orientation = Orientation.upright
    /// False where the format says that there is none, or that the alpha values in its pixels mean nothing.
    var hasAlpha = false
    /// For a frame smaller than the animation it opens: where it lies, transparent around it.
    var canvas: Canvas?
    /// What decoding takes beside file and pixels.
    var workingBytes = 0
    private var file: [UInt8]

    struct Canvas: Equatable { var width: Int, height: Int, left: Int, top: Int }

    /// - Parameter picture: nil: the whole file
    init(_ codec: Codec, _ file: [UInt8], _ picture: Range<Int>? = nil, width: Int, height: Int) throws(ImageError.Reason) {
        try Self.check(width: width, height: height)
        (self.codec, self.file, self.picture, self.width, self.height) = (codec, file, picture ?? file.indices, width, height)
    }

    package init(_ file: [UInt8]) throws(ImageError.Reason) {
        guard !file.isEmpty else { throw .empty }
        if file.starts(with: PNGHeader.signature) {
            self = try PNGContainer.still(in: file)
        } else if file.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = try JPEGContainer.still(in: file)
        } else if file.count >= 12, file.text(at: 0, 4) == "RIFF", file.text(at: 8, 4) == "WEBP" {
            self = try WebPContainer.still(in: file)
        } else if PNGHeader.signature.starts(with: file) || [0xFF, 0xD8].starts(with: file) {
            throw .truncated
        } else {
            throw FileKind(file).map { .otherKind($0) } ?? .unknownFormat
        }
    }

    /// Checked on the header, before anything is allocated for the picture.
    static func check(width: Int, height: Int) throws(ImageError.Reason) {
        guard width > 0 && height > 0 else { throw .damaged("its size is \(width) x \(height)") }
        guard width <= RGBImage.pixelLimit / height else { throw .tooLarge(width: width, height: height) }
        // libpng's limit.
        guard max(width, height) <= 1_000_000 else { throw .unsupported("so long and thin an image (\(width) x \(height) pixels)") }
    }

    private var channels: Int { hasAlpha ? 4 : 3 }

    /// The most bytes that decoding takes at any one time: for the file and its pixels, the pixels and the picture over its ground, or the picture and
    /// the one turned upright.
    var memory: Int {
        let pixels = channels * width * height
        let picture = 3 * max(width * height, canvas.map { $0.width * $0.height } ?? 0)
        return max(file.count + workingBytes + pixels, pixels + picture, 2 * picture)
    }

    /// The file is gone after that.
    /// - Parameter ground: what stands behind transparent pixels
    mutating func decoded(over ground: RGBImage.Ground = .white) throws(ImageError.Reason) -> Raster {
        let isLarge = memory > 1 << 26
        /// What is free again must not count beside what comes.
        func giveBack() { if isLarge { ProcessMemory.returnFreed() } }
        giveBack()
        let pixels = try pixels()
        file = []
        giveBack()
        defer { giveBack() }
        let raster = hasAlpha ? Raster(width: width, height: height, rgba: pixels, over: ground) : Raster(width: width, height: height, rgb: pixels)
        guard let canvas else { return raster }
        return try raster.placed(on: canvas, ground)
    }

    /// `[height, width, channels]`
    private func pixels() throws(ImageError.Reason) -> [UInt8] {
        let (width, height, channels) = (Int32(width), Int32(height), Int32(channels))
        var reason: ImageError.Reason?
        let pixels = [UInt8](unsafeUninitializedCapacity: self.width * self.height * self.channels) { pixels, count in
            file.withUnsafeBufferPointer { file in
                let (start, length, target) = (file.baseAddress! + picture.lowerBound, picture.count, pixels.baseAddress!)
                do throws(ImageError.Reason) {
                    try Library(codec).check { message in
                        switch codec {
                        case .png: ci_png_decode(start, length, width, height, channels, target, message)
                        case .jpeg: ci_jpeg_decode(start, length, width, height, target, message)
                        case .webp: ci_webp_decode(start, length, width, height, channels, target, message)
                        }
                    }
                    count = pixels.count
                } catch {
                    reason = error
                }
            }
        }
        if let reason { throw reason }
        return pixels
    }
}

extension ImageContainer {
    /// What decodes a format, and how its answers become reasons.
    struct Library {
        package let codec: Codec

        init(_ codec: Codec) { self.codec = codec }

        private var name: String {
            switch codec {
            case .png: "libpng"
            case .jpeg: "libjpeg"
            case .webp: "libwebp"
            }
        }

        func check(_ call: (UnsafeMutablePointer<CIMessage>) -> CIStatus) throws(ImageError.Reason) {
            var message = CIMessage()
            let status = call(&message)
            switch status {
            case CIStatusDone: return
            case CIStatusTruncated: throw .truncated
            case CIStatusNoMemory: throw .file("out of memory")
            case CIStatusUnsupported: throw .unsupported("this kind of image (\(name): \(message.string))")
            default: throw .damaged("\(name): \(message.string)")
            }
        }
    }
}

extension CIMessage {
    var string: String { withUnsafeBytes(of: text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } }
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
