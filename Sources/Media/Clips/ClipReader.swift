import CClips
import Foundation
import Storage

/// The frames of a file or of bytes, decoded one after another. Nothing is sought in it: many containers answer that wrongly.
final class ClipReader {
    private var reader: OpaquePointer?
    private var descriptor: Int32 = -1
    private var memory: UnsafeMutableRawBufferPointer?
    private(set) var stream = CCStream()
    private let limits: ClipLimits
    private var frame = CCFrame()

    init(_ source: ClipSource, _ limits: ClipLimits) throws(ClipError.Reason) {
        self.limits = limits
        var bytes = CCSource(bytes: nil, descriptor: -1, offset: 0, length: 0)
        switch source {
        case .frames: preconditionFailure("a folder of frames is no file")
        case .bytes(let content):
            guard !content.isEmpty else { throw .empty }
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 16)
            copy.copyBytes(from: content)
            memory = copy
            (bytes.bytes, bytes.length) = (UnsafePointer(copy.baseAddress!.assumingMemoryBound(to: UInt8.self)), Int64(content.count))
        case .file(let path, let range):
            let part = try opened(path, range)
            (bytes.descriptor, bytes.offset, bytes.length) = (descriptor, Int64(part.lowerBound), Int64(part.count))
        }
        do throws(ClipError.Reason) {
            try check { message in cc_open(&bytes, Int64(limits.pixels), &reader, &stream, message) }
        } catch {
            throw Self.start(of: source).map { ClipError.Reason.otherKind($0) } ?? error
        }
    }

    deinit {
        cc_close(reader)
        if descriptor >= 0 { close(descriptor) }
        memory?.deallocate()
    }

    /// - Returns: the part of the file that is meant
    private func opened(_ path: String, _ range: Range<Int>?) throws(ClipError.Reason) -> Range<Int> {
        descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file(String(cString: strerror(errno))) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .file(String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .file("not a regular file") }
        let part = range ?? 0..<Int(status.st_size)
        guard part.lowerBound >= 0, part.upperBound <= status.st_size else { throw .file("the file has become shorter") }
        guard !part.isEmpty else { throw .empty }
        return part
    }

    /// What else the bytes are; nil where they may be a clip.
    private static func start(of source: ClipSource) -> FileKind? {
        let kind: FileKind?
        switch source {
        case .bytes(let bytes): kind = FileKind(bytes)
        case .file(let path, nil): kind = (try? RegularFile.start(of: URL(fileURLWithPath: path))).flatMap { FileKind($0) }
        case .file, .frames: kind = nil
        }
        return switch kind {
        case .document, .image("a GIF"), nil: nil
        case let kind?: kind
        }
    }

    private func check(_ call: (UnsafeMutablePointer<CCMessage>) -> CCStatus) throws(ClipError.Reason) {
        var message = CCMessage()
        let status = call(&message)
        if status != CCStatusDone { throw ClipError.Reason(status, message, limits) }
    }

    // MARK: Frames

    /// When a frame is shown, in ticks where the clip tells, and its size as it is seen.
    struct Frame {
        let time: Int64?
        let duration: Int64
        let width: Int
        let height: Int
    }

    /// Decodes the next frame; nil at the end.
    func next() throws(ClipError.Reason) -> Frame? {
        var message = CCMessage()
        let status = cc_next(reader, &frame, &message)
        if status == CCStatusEnd { return nil }
        guard status == CCStatusDone else { throw ClipError.Reason(status, message, limits) }
        let (width, height) = orientation.swapsSides ? (frame.height, frame.width) : (frame.width, frame.height)
        return Frame(time: frame.time == .min ? nil : frame.time, duration: frame.duration, width: Int(width), height: Int(height))
    }

    private var orientation: Orientation { Orientation(rawValue: Int(frame.orientation)) ?? .upright }

    /// The frame that was decoded last, upright.
    func image(over ground: RGBImage.Ground) throws(ClipError.Reason) -> RGBImage {
        let (width, height, channels) = (Int(frame.width), Int(frame.height), frame.has_alpha ? 4 : 3)
        var status = CCStatusDone
        var message = CCMessage()
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * channels) { buffer, count in
            status = cc_pixels(reader, buffer.baseAddress!, &message)
            count = status == CCStatusDone ? buffer.count : 0
        }
        guard status == CCStatusDone else { throw ClipError.Reason(status, message, limits) }
        let rgb = frame.has_alpha ? Raster(width: width, height: height, rgba: pixels, over: ground).rgb : pixels
        return RGBImage(width: width, height: height, pixels: rgb).oriented(orientation)
    }

    var damaged: Int { Int(cc_damaged(reader)) }
}

extension ClipError.Reason {
    init(_ status: CCStatus, _ message: CCMessage, _ limits: ClipLimits = .standard) {
        let text = withUnsafeBytes(of: message.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        self =
            switch status {
            case CCStatusNoLibrary: .noLibrary(text)
            case CCStatusNoVideo: .noVideo(text)
            case CCStatusUnsupported: .unsupported(text)
            case CCStatusTooLarge: .tooLarge(limit: limits.pixels)
            case CCStatusNoMemory: .file("out of memory")
            case CCStatusFile: .file(text)
            default: .damaged(text)
            }
    }
}
