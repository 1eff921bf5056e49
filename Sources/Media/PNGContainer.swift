/// Portable Network Graphics, third edition: a signature, then chunks of length, type, data and checksum.
enum PNGContainer {
    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// Everything else is comment, colour profile or animation. The picture in `IDAT` is also an animation's first or its substitute.
    private static let pixelChunks: Set<String> = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]

    /// FFmpeg checks the checksums and the data of the chunks that are kept.
    static func still(in file: [UInt8]) throws(ImageError.Reason) -> ImageContainer {
        var payload = signature
        var metadata = ImageMetadata()
        var frameBytes = 0
        var isTransparent = false
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
                frameBytes = try Self.bytesOfPixel(depth: file[offset + 16], colour: file[offset + 17])
                payload.reserveCapacity(file.count + ImageContainer.padding.count)
            } else if type == "IHDR" {
                throw .damaged("it has two headers")
            }
            if pixelChunks.contains(type) { payload += file[offset..<end] }
            if type == "tRNS" { isTransparent = true }
            metadata.add(type, file[offset + 8..<end - 4])
            offset = end
        }
        guard let size else { throw .truncated }
        payload += ImageContainer.padding
        var still = try ImageContainer(codec: .png, payload: payload, width: size.width, height: size.height)
        still.orientation = metadata.orientation
        still.frameBytes = size.width * size.height * frameBytes * (isTransparent ? 2 : 1)
        return still
    }

    /// At least a byte, since FFmpeg unpacks smaller samples.
    private static func bytesOfPixel(depth: UInt8, colour: UInt8) throws(ImageError.Reason) -> Int {
        guard let channels = [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][colour], [1, 2, 4, 8, 16].contains(depth) else { throw .damaged("its header is wrong") }
        return channels * (depth == 16 ? 2 : 1)
    }
}

extension ImageMetadata {
    /// Takes what a chunk of PNG says. Of several that say the same thing, the last counts.
    fileprivate mutating func add(_ type: String, _ content: ArraySlice<UInt8>) {
        if type == "eXIf" { exif = Array(content) }
        guard let text = PNGText(type, content) else { return }
        if text.reads("XML:com.adobe.xmp") {
            xmp = text.value ?? xmp
        } else if text.reads("Raw profile type exif") {
            rawProfile = text.value ?? rawProfile
        } else if type == "tEXt", text.reads("exif") {
            exif = text.value
        }
    }
}
