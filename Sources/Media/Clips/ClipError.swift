import Storage

/// Why one clip could not be read or written, and which.
public struct ClipError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Reason: Error, Sendable, Equatable {
        /// The operating system would not open, read or write the file.
        case file(String)
        case empty
        /// FFmpeg's libraries cannot be loaded, and why.
        case noLibrary(String)
        /// What the bytes are instead of a clip.
        case otherKind(FileKind)
        /// A legal file without moving pictures.
        case noVideo(String)
        /// A container or codec that is not read or written.
        case unsupported(String)
        /// The bytes contradict the format's definition.
        case damaged(String)
        /// Not one frame can be decoded.
        case noFrames
        /// Frames of more than ``ClipLimits/pixels`` pixels.
        case tooLarge(limit: Int)
        /// More frames, or more pixels in all of them, than the limit.
        case tooLong(frames: Int)
        /// The frames that are asked for are more than the limit of bytes.
        case needsMemory(Int, limit: Int)
        /// Two frames differ in size.
        case sizes(first: [Int], other: [Int], frame: Int)
        /// Fewer frames than a rule needs.
        case tooShort(frames: Int, needed: Int)
        /// A frame, from 0, that the clip did not have when it was decoded.
        case missingFrame(Int, frames: Int)
        /// A picture of a folder of frames.
        case picture(ImageError)
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

extension ClipError.Reason: CustomStringConvertible {
    public var description: String {
        switch self {
        case .file(let message): message
        case .empty: "the file is empty"
        case .noLibrary(let message): "clips are read and written by FFmpeg's libraries, which cannot be loaded: \(message)"
        case .otherKind(let kind): kind.sentence
        case .noVideo(let what): "no clip: \(what)"
        case .unsupported(let what): "not supported: \(what)"
        case .damaged(let what): "the clip is damaged: \(what)"
        case .noFrames: "no frame of it can be decoded"
        case .tooLarge(let limit): "its frames have more pixels than the limit of \(limit)"
        case .tooLong(let frames): "it has more than \(frames) frames, or too large ones for so many: cut it"
        case .needsMemory(let bytes, let limit): "the frames would take \(bytes / 1_000_000) MB, more than \(limit / 1_000_000) MB"
        case .sizes(let first, let other, let frame):
            "its frames differ in size: the first has \(first[0]) x \(first[1]) pixels, frame \(frame) has \(other[0]) x \(other[1])"
        case .tooShort(let frames, let needed): "too short: it has \(frames) frames where \(needed) are needed"
        case .missingFrame(let index, let frames): "frame \(index) is missing: it has \(frames) frames"
        case .picture(let error): "\(error)"
        case .encoding(let what): "cannot encode the clip: \(what)"
        }
    }
}
