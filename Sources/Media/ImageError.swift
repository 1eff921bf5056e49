import Storage

/// Why one image could not be read or written, and which.
public struct ImageError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Reason: Error, Sendable, Equatable {
        /// The operating system would not open, read or write the file.
        case file(String)
        case empty
        /// The first bytes are not those of a PNG, a JPEG or a WebP file.
        case unknownFormat
        /// What they are the first bytes of.
        case otherKind(FileKind)
        /// The file stops before the picture does.
        case truncated
        /// More than ``RGBImage/pixelLimit`` pixels: decoding would take gigabytes.
        case tooLarge(width: Int, height: Int)
        /// So many bytes to decode are more than ``RGBImage/memoryLimit``.
        case needsMemory(Int, width: Int, height: Int)
        /// A legal file of a kind nobody trains on, such as a lossless JPEG.
        case unsupported(String)
        /// The bytes contradict the format's definition.
        case damaged(String)
        case encoding(String)
    }

    /// The path of the file, or a name for bytes that came from elsewhere.
    public let file: String
    public let reason: Reason

    public init(file: String, reason: Reason) {
        self.file = file
        self.reason = reason
    }

    public var description: String { "\(file): \(reason)".printable }
}

extension ImageError.Reason: CustomStringConvertible {
    public var description: String {
        switch self {
        case .file(let message): message
        case .empty: "the file is empty"
        case .unknownFormat: "not a PNG, JPEG or WebP image"
        case .otherKind(.image(let name)): "is \(name) image, which is not read: save it as PNG or JPEG"
        case .otherKind(let kind): kind.sentence
        case .truncated: "the image is truncated: the file ends before the picture does"
        case .tooLarge(let width, let height): "\(width) x \(height) pixels are more than the limit of \(RGBImage.pixelLimit)"
        case .needsMemory(let bytes, let width, let height):
            "decoding its \(width) x \(height) pixels would take \(bytes / 1_000_000) MB, more than \(RGBImage.memoryLimit / 1_000_000) MB: save it smaller"
        case .unsupported(let what): "\(what) is not supported; save the image as an ordinary PNG or JPEG"
        case .damaged(let what): "the image is damaged: \(what)"
        case .encoding(let what): "cannot encode the image: \(what)"
        }
    }
}
