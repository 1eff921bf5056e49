import CClips
import Foundation
import Storage

extension Clip {
    /// Forms that a clip is written in.
    public enum Form: String, Sendable, CaseIterable {
        /// H.264 where FFmpeg has an encoder, else MPEG-4.
        case mp4
        /// VP9, else VP8.
        case webm
        case gif
        /// A folder of PNG files, `0000.png` and on: the only form that loses nothing.
        case frames

        /// By what a name ends in; a name without an ending is a folder's, any other ending is none.
        public init?(_ url: URL) {
            let ending = url.pathExtension.lowercased()
            guard !ending.isEmpty else {
                self = .frames
                return
            }
            guard let form = Form(rawValue: ending), form != .frames else { return nil }
            self = form
        }
    }

    /// Writes it in the form that the name says, whole or not at all.
    public func write(to url: URL) throws(ClipError) {
        guard let form = Form(url) else { throw ClipError(file: url.path, reason: .unsupported("clips end in .mp4, .webm or .gif, or are folders")) }
        try write(to: url, as: form)
    }

    public func write(to url: URL, as form: Form) throws(ClipError) {
        switch form {
        case .frames: try writeFrames(to: url)
        case .gif:
            let isSmall = width <= 65535 && height <= 65535
            guard isSmall else { throw ClipError(file: url.path, reason: .encoding("\(width) x \(height) pixels are too many for a GIF")) }
            try writeFile(url) { try $0.write(Data(encodedGIF())) }
        case .mp4, .webm:
            guard rate >= 0.01, rate <= 1000 else { throw ClipError(file: url.path, reason: .encoding("\(rate) frames a second")) }
            try writeFile(url) { try encode(into: $0, form.rawValue) }
        }
    }

    private func writeFile(_ url: URL, _ body: (AtomicFile.Writer) throws -> Void) throws(ClipError) {
        do {
            try AtomicFile.write(to: url, body)
        } catch let reason as ClipError.Reason {
            throw ClipError(file: url.path, reason: reason)
        } catch {
            throw ClipError(file: url.path, reason: .file((error as? FileError)?.reason ?? "\(error)"))
        }
    }

    // MARK: Pictures

    /// - Parameter folder: not there yet
    private func writeFrames(to folder: URL) throws(ClipError) {
        let parent = folder.deletingLastPathComponent()
        let partial = parent.appendingPathComponent(".partial-" + UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: partial) }
        do {
            try createFolder(partial)
            let digits = max(4, String(frames.count - 1).count)
            for (index, frame) in frames.enumerated() {
                let number = String(index)
                let name = String(repeating: "0", count: digits - number.count) + number + ".png"
                try Data(frame.encodedPNG()).write(to: partial.appendingPathComponent(name))
            }
            guard rename(partial.path, folder.path) == 0 else { throw ClipError.Reason.file(String(cString: strerror(errno))) }
        } catch let reason as ClipError.Reason {
            throw ClipError(file: folder.path, reason: reason)
        } catch let error as ImageError {
            throw ClipError(file: folder.path, reason: .picture(error))
        } catch {
            throw ClipError(file: folder.path, reason: .file((error as? FileError)?.reason ?? "\(error)"))
        }
    }

    // MARK: Video

    private func encode(into file: AtomicFile.Writer, _ container: String) throws(ClipError.Reason) {
        let rate = Self.fraction(rate)
        var (writer, message): (OpaquePointer?, CCMessage) = (nil, CCMessage())
        func check(_ status: CCStatus) throws(ClipError.Reason) {
            guard status != CCStatusDone else { return }
            let reason = ClipError.Reason(status, message)
            if case .damaged(let text) = reason { throw .encoding(text) }
            throw reason
        }
        guard width <= 65535, height <= 65535 else { throw .encoding("\(width) x \(height) pixels are too many") }
        try check(
            cc_create(
                file.fileDescriptor, container, Int32(width), Int32(height), rate.numerator, rate.denominator, &writer, &message))
        defer { cc_release(writer) }
        for frame in frames { try check(cc_write(writer, frame.pixels, &message)) }
        try check(cc_finish(writer, &message))
    }

    /// A rate as video has it: 23.976 is 24000 / 1001.
    static func fraction(_ rate: Double) -> (numerator: Int32, denominator: Int32) {
        let broadcast = rate * 1.001
        if abs(rate - rate.rounded()) > 1e-6, abs(broadcast - broadcast.rounded()) < 1e-3 { return (Int32(broadcast.rounded()) * 1000, 1001) }
        var (a, b) = (Int32((rate * 1000).rounded()), Int32(1000))
        let (numerator, denominator) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return (numerator / a, denominator / a)
    }
}
