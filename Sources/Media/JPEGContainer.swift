import CImages

/// JPEG files (ITU-T T.81), as libjpeg-turbo reads them.
enum JPEGContainer {
    static func still(in file: [UInt8]) throws(ImageError.Reason) -> ImageContainer {
        var header = CIJPEGHeader()
        var metadata = ImageMetadata()
        try ImageContainer.Library(.jpeg).check { message in
            withUnsafeMutablePointer(to: &metadata) { metadata in
                ci_jpeg_header(
                    file, file.count, &header,
                    { metadata, content, count in
                        metadata!.assumingMemoryBound(to: ImageMetadata.self).pointee.add([UInt8](UnsafeBufferPointer(start: content, count: count)))
                    }, metadata, message)
            }
        }
        var still = try ImageContainer(.jpeg, file, width: Int(header.width), height: Int(header.height))
        still.orientation = metadata.orientation
        still.workingBytes = Int(header.coefficient_bytes)
        return still
    }
}

extension ImageMetadata {
    /// Takes what an application segment says: of EXIF all that there is, one part after the other, of XMP the last.
    fileprivate mutating func add(_ segment: [UInt8]) {
        let (identifier, packet) = (Array("Exif\0\0".utf8), Array("http://ns.adobe.com/xap/1.0/\0".utf8))
        if segment.starts(with: identifier) { exif = (exif ?? []) + segment.dropFirst(identifier.count) }
        if segment.starts(with: packet) { xmp = Array(segment.dropFirst(packet.count)) }
    }
}
