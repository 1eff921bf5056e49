import Foundation

/// A picture of 8-bit red, green and blue.
public struct RGBImage: Sendable, Equatable {
    /// Pillow's limit against decompression bombs, at which it refuses too: two thirds of a gigabyte as RGB.
    public static let pixelLimit = 178_956_970

    /// Files are read whole; a picture of 64 megapixels needs no more than this many bytes at 16 bits a channel, whatever it shows.
    static let fileSizeLimit = 400_000_000

    /// What decoding may take, in bytes, over all pictures that are being decoded at the same time. It suffices for 64 megapixels of every kind,
    /// of progressive CMYK as far as its file is small.
    public static let memoryLimit = 800_000_000
    private static let memory = MemoryAllowance(memoryLimit)

    /// What stands behind transparent pixels.
    ///
    /// Pillow's `convert("RGB")` drops alpha and so shows whatever colour the file holds where nothing was meant to be seen (black for
    /// most emoji). Compositing is the default for that reason.
    public enum Ground: Sendable, Equatable {
        case colour(red: UInt8, green: UInt8, blue: UInt8)
        /// The colours of the file as they are, as `convert("RGB")` gives them.
        case alphaDropped

        public static let white = Ground.colour(red: 255, green: 255, blue: 255)
    }

    public let width: Int
    public let height: Int
    /// `[height, width, 3]`, rows from the top, red first.
    public let pixels: [UInt8]

    /// - Precondition: both sides are positive and `pixels` has `width * height * 3` values.
    public init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0 && pixels.count == width * height * 3, "\(pixels.count) values are no \(width) x \(height) RGB image")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// Decodes a PNG, JPEG or WebP file of any mode, upright (as Pillow's `exif_transpose` turns it); of an animation, the first frame.
    ///
    /// Values are Pillow's, to the bit: both read with libjpeg-turbo and libwebp, and PNG leaves nothing open. Colour profiles are ignored, as there.
    public init(contentsOf url: URL, ground: Ground = .white) throws(ImageError) {
        let bytes: [UInt8]
        do { bytes = try Self.bytes(ofFile: url.path) } catch { throw ImageError(file: url.path, reason: error) }
        try self.init(data: bytes, name: url.path, ground: ground)
    }

    /// Decodes the bytes of a PNG, JPEG or WebP file.
    /// - Parameters:
    ///   - name: what errors call them
    ///   - size: that is cut out as ``fitted(width:height:_:)`` does; nil leaves the picture whole
    public init(data: consuming [UInt8], name: String = "image data", ground: Ground = .white, fittedTo size: (width: Int, height: Int)? = nil)
        throws(ImageError)
    {
        do {
            var container = try Self.container(data)
            data = []
            self = try Self.memory.using(container.memory) { () throws(ImageError.Reason) in
                let image = try Self.decoded(&container, over: ground)
                return size.map { image.fitted(width: $0.width, height: $0.height) } ?? image
            }
        } catch {
            throw ImageError(file: name, reason: error)
        }
    }

    private static func container(_ data: borrowing [UInt8]) throws(ImageError.Reason) -> ImageContainer {
        let container = try ImageContainer(copy data)
        guard container.memory <= memoryLimit else { throw .needsMemory(container.memory, width: container.width, height: container.height) }
        return container
    }

    private static func decoded(_ container: inout ImageContainer, over ground: Ground) throws(ImageError.Reason) -> RGBImage {
        let raster = try container.decoded(over: ground)
        return RGBImage(width: raster.width, height: raster.height, pixels: raster.rgb).oriented(container.orientation)
    }

    /// The bytes of a file, or of a part of it. Only regular files: reading a pipe or a device named as an image would never end.
    package static func bytes(ofFile path: String, _ range: Range<Int>? = nil) throws(ImageError.Reason) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .file(String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .file("not a regular file") }
        let range = range ?? 0..<Int(status.st_size)
        guard range.lowerBound >= 0, range.upperBound <= status.st_size else { throw .file("the file has become shorter") }
        let size = range.count
        guard size > 0 else { throw .empty }
        guard size <= fileSizeLimit else { throw .file("\(size) bytes are more than the limit of \(fileSizeLimit)") }
        var failure: ImageError.Reason?
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let read = pread(descriptor, buffer.baseAddress! + count, size - count, off_t(range.lowerBound + count))
                if read < 0 && errno == EINTR { continue }
                if read < 0 { failure = .file(String(cString: strerror(errno))) }
                if read <= 0 { break }
                count += read
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
