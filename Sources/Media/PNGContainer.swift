/// Portable Network Graphics, third edition: a signature, then chunks of length, type, data and checksum. The picture in `IDAT` is also an animation's
/// first or its substitute.
enum PNGContainer {
    static func still(in file: [UInt8]) throws(ImageError.Reason) -> ImageContainer {
        guard file.count >= PNGHeader.length else { throw .truncated }
        guard let header = PNGHeader(file) else { throw .damaged("it does not begin with a header") }
        var still = try ImageContainer(.png, file, width: header.width, height: header.height)
        still.hasAlpha = header.hasAlpha
        var metadata = ImageMetadata()
        var offset = PNGHeader.length
        var type = ""
        while type != "IEND" {
            guard let length = file.bigEndian(at: offset, bytes: 4), let name = file.text(at: offset + 4, 4) else { throw .truncated }
            type = name
            let end = offset + 12 + length
            guard end <= file.count else { throw .truncated }
            if type == "tRNS" { still.hasAlpha = true }
            metadata.add(type, file[offset + 8..<end - 4])
            offset = end
        }
        still.orientation = metadata.orientation
        return still
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
