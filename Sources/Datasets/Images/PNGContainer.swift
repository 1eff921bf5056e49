/// Portable Network Graphics, third edition: a signature, then chunks of length, type, data and checksum.
enum PNGContainer {
    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// Everything else is comment, colour profile or animation. The picture in `IDAT` is also an animation's first or its substitute.
    private static let pixelChunks: Set<String> = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]

    /// FFmpeg checks the checksums and the data of the chunks that are kept.
    static func still(in file: [UInt8]) throws(ImageError.Reason) -> ImageContainer {
        var payload = signature
        var orientation = Orientation.upright
        var offset = signature.count
        var size: (width: Int, height: Int)?
        var type = ""
        while type != "IEND" {
            guard let length = file.bigEndian(at: offset, bytes: 4), let name = file.text(at: offset + 4, 4) else { throw .truncated }
            type = name
            let end = offset + 12 + length
            guard end <= file.count else { throw .truncated }
            if size == nil {
                guard type == "IHDR", length == 13 else { throw .damaged("it does not begin with a header") }
                let width = file.bigEndian(at: offset + 8, bytes: 4) ?? 0
                let height = file.bigEndian(at: offset + 12, bytes: 4) ?? 0
                try ImageContainer.check(width: width, height: height)
                size = (width, height)
                payload.reserveCapacity(file.count)
            } else if type == "IHDR" {
                throw .damaged("it has two headers")
            }
            if pixelChunks.contains(type) { payload += file[offset..<end] }
            if type == "eXIf" { orientation = Orientation(exif: [UInt8](file[offset + 8..<end - 4])) }
            offset = end
        }
        guard let size else { throw .truncated }
        var still = try ImageContainer(codec: .png, payload: payload, width: size.width, height: size.height)
        still.orientation = orientation
        return still
    }
}
