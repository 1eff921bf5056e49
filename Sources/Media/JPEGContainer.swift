/// ITU-T T.81 annex B: segments between markers, then entropy-coded scans, up to an end marker.
enum JPEGContainer {
    private enum Marker {
        static let start: UInt8 = 0xD8
        static let end: UInt8 = 0xD9
        static let scan: UInt8 = 0xDA
        static let numberOfLines: UInt8 = 0xDC
        static let jfif: UInt8 = 0xE0
        static let exif: UInt8 = 0xE1
        static let adobe: UInt8 = 0xEE
        static let comment: UInt8 = 0xFE
        static let frames: [UInt8] = [0xC0, 0xC1, 0xC2]
        static let unsupportedFrames: [UInt8: String] = [
            0xC3: "lossless JPEG", 0xC5: "hierarchical JPEG", 0xC6: "hierarchical JPEG", 0xC7: "hierarchical JPEG",
            0xC9: "arithmetic-coded JPEG", 0xCA: "arithmetic-coded JPEG", 0xCB: "arithmetic-coded JPEG", 0xF7: "JPEG-LS",
        ]
    }

    /// Requires the end marker, and stops at it: FFmpeg itself paints what is missing of a truncated picture grey.
    static func still(in file: [UInt8]) throws(ImageError.Reason) -> ImageContainer {
        var payload: [UInt8] = [0xFF, Marker.start]
        payload.reserveCapacity(file.count + 16 + ImageContainer.padding.count)
        var adobeTransform: UInt8?
        var hasJFIF = false
        var hasScan = false
        var metadata = ImageMetadata()
        var frame: Frame?
        var offset = 2
        while true {
            guard let marker = nextMarker(in: file, &offset) else { throw .truncated }
            if marker == Marker.end { break }
            if marker == Marker.start { throw .damaged("a second image begins inside it") }
            if marker == 0x01 || 0xD0...0xD7 ~= marker { continue }
            guard let length = file.bigEndian(at: offset, bytes: 2) else { throw .truncated }
            guard length >= 2 else { throw .damaged("a segment is shorter than its header") }
            var end = offset + length
            guard end <= file.count else { throw .truncated }
            if let name = Marker.unsupportedFrames[marker] { throw .unsupported(name) }
            let content = file[offset + 2..<end]
            switch marker {
            case Marker.frames[0]...Marker.frames[2]:
                guard frame == nil else { throw .damaged("it has two frame headers") }
                frame = try Frame([UInt8](content), isProgressive: marker == Marker.frames[2])
            case Marker.scan:
                guard frame != nil else { throw .damaged("a scan comes before the frame header") }
                hasScan = true
                end = endOfScan(in: file, from: end)
            case Marker.jfif: if content.starts(with: Array("JFIF".utf8)) { hasJFIF = true }
            case Marker.adobe: if content.starts(with: Array("Adobe".utf8)), content.count >= 12 { adobeTransform = content[content.startIndex + 11] }
            // Pillow reads nothing but the picture from its first scan on.
            case Marker.exif: if !hasScan { metadata.add([UInt8](content)) }
            default: break
            }
            // FFmpeg takes hints from comments and application segments that other decoders ignore.
            if !(Marker.jfif...0xEF ~= marker), marker != Marker.comment {
                payload += [0xFF, marker]
                payload += file[offset..<end]
            }
            offset = end
        }
        guard let frame else { throw .damaged("it has no frame header") }
        guard hasScan else { throw .damaged("it has no picture data") }
        payload += [0xFF, Marker.end]
        payload.insert(contentsOf: colourSegment(components: frame.components, hasJFIF: hasJFIF, adobeTransform), at: 2)
        payload += ImageContainer.padding
        var still = try ImageContainer(codec: .mjpeg, payload: payload, width: frame.width, height: frame.height)
        still.orientation = metadata.orientation
        still.frameBytes = frame.bytes
        // FFmpeg takes the stuffing out of each scan, into memory of its own.
        still.workingBytes = frame.coefficientBytes + payload.count
        return still
    }

    /// An Adobe segment that makes FFmpeg choose what libjpeg's `default_decompress_parms` chooses: JFIF means YCbCr whatever Adobe says; four
    /// components are CMYK unless Adobe says YCCK. Either way they are stored inverted, as Pillow and FFmpeg both take them.
    private static func colourSegment(components: Int, hasJFIF: Bool, _ adobeTransform: UInt8?) -> [UInt8] {
        let transform: UInt8
        switch (components, adobeTransform) {
        case (4, nil), (4, 0): transform = 0
        case (4, _): transform = 2
        case (3, let adobe?) where !hasJFIF: transform = adobe
        default: return []
        }
        return [0xFF, Marker.adobe, 0, 14] + Array("Adobe".utf8) + [0, 100, 0, 0, 0, 0, transform]
    }

    /// Leaves `offset` behind the marker. Bytes that belong to no segment are skipped, as libjpeg does.
    private static func nextMarker(in file: [UInt8], _ offset: inout Int) -> UInt8? {
        while offset + 1 < file.count {
            if file[offset] == 0xFF, file[offset + 1] != 0xFF, file[offset + 1] != 0 {
                offset += 2
                return file[offset - 1]
            }
            offset += 1
        }
        return nil
    }

    /// Inside a scan, 0xFF is followed by 0 or by a restart marker.
    private static func endOfScan(in file: [UInt8], from start: Int) -> Int {
        file.withUnsafeBufferPointer { bytes in
            var offset = start
            while offset + 1 < bytes.count {
                if bytes[offset] == 0xFF, bytes[offset + 1] != 0, bytes[offset + 1] != 0xFF, !(0xD0...0xD7 ~= bytes[offset + 1]) { return offset }
                offset += 1
            }
            return bytes.count
        }
    }

    /// A frame header (B.2.2).
    private struct Frame {
        let width: Int
        let height: Int
        let components: Int
        /// Of the decoded samples.
        let bytes: Int
        /// Of what is kept of them from scan to scan.
        let coefficientBytes: Int

        init(_ content: [UInt8], isProgressive: Bool) throws(ImageError.Reason) {
            guard let precision = content.bigEndian(at: 0, bytes: 1), let height = content.bigEndian(at: 1, bytes: 2),
                let width = content.bigEndian(at: 3, bytes: 2), let components = content.bigEndian(at: 5, bytes: 1)
            else { throw .damaged("its frame header is too short") }
            guard precision == 8 else { throw .unsupported("\(precision)-bit JPEG") }
            if height == 0 { throw .unsupported("JPEG with its height after the first scan") }
            guard [1, 3, 4].contains(components) else { throw .unsupported("JPEG of \(components) components") }
            try ImageContainer.check(width: width, height: height)
            (self.width, self.height, self.components) = (width, height, components)
            let factors = (0..<components).map { content.bigEndian(at: 7 + 3 * $0, bytes: 1) ?? 0 }
            let (horizontal, vertical) = (factors.map { $0 >> 4 }, factors.map { $0 & 15 })
            let largest = max(1, horizontal.max()! * vertical.max()!)
            bytes = width * height * zip(horizontal, vertical).reduce(0) { $0 + $1.0 * $1.1 } / largest
            coefficientBytes = isProgressive ? 2 * bytes : 0
        }
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
