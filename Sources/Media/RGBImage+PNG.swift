import CImages
import Foundation
import Storage

extension RGBImage {
    /// The bytes of a PNG file: 8-bit RGB, lossless.
    public func encodedPNG() throws(ImageError) -> [UInt8] {
        do { return try png() } catch { throw ImageError(file: "PNG", reason: error) }
    }

    /// Writes a PNG file, whole or not at all.
    public func writePNG(to url: URL) throws(ImageError) {
        do { try Self.write(png(), to: url) } catch { throw ImageError(file: url.path, reason: error) }
    }

    private func png() throws(ImageError.Reason) -> [UInt8] {
        var (file, count, message): (UnsafeMutablePointer<UInt8>?, Int, CIMessage) = (nil, 0, CIMessage())
        defer { free(file) }
        let status = ci_png_encode(pixels, Int32(clamping: width), Int32(clamping: height), &file, &count, &message)
        guard status == CIStatusDone, let file else { throw .encoding(status == CIStatusNoMemory ? "out of memory" : message.string) }
        return Array(UnsafeBufferPointer(start: file, count: count))
    }

    private static func write(_ bytes: [UInt8], to url: URL) throws(ImageError.Reason) {
        do {
            try writeAtomically(Data(bytes), to: url)
        } catch {
            throw .file((error as? FileError)?.reason ?? "\(error)")
        }
    }
}
