/// What a file says beside its pixels of how it is to be turned.
struct ImageMetadata {
    /// A TIFF structure, with or without `Exif\0\0` in front of it.
    var exif: [UInt8]?
    /// The same in hexadecimal digits behind three lines, as ImageMagick puts it into texts of PNG.
    var rawProfile: [UInt8]?
    /// A packet of XMP, or what calls itself one.
    var xmp: [UInt8]?

    /// As Pillow's `ImageOps.exif_transpose` finds it: what EXIF says, whatever it is; where EXIF does not speak of it, what XMP says.
    var orientation: Orientation {
        let exif = exif ?? rawProfile.flatMap(Self.profile)
        if let exif, !EXIFDirectory.isEmpty(exif) {
            guard let directory = EXIFDirectory(exif) else { return .upright }
            let tag = 0x0112
            if let number = directory.number(ofTag: tag) { return Int(exactly: number).flatMap(Orientation.init) ?? .upright }
        }
        return xmp.flatMap(Self.digit).flatMap { Orientation(rawValue: Int($0 - UInt8(ascii: "0"))) } ?? .upright
    }

    private static func profile(_ text: [UInt8]) -> [UInt8]? {
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropFirst(3)
        var digits: [Int] = []
        for byte in lines.joined() where !(byte == 0x20 || 0x09...0x0D ~= byte) {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            digits.append(digit)
        }
        guard digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    /// The digit of the first `tiff:Orientation="6"` or `tiff:Orientation>6`: Pillow searches the text, and reads it as no XML.
    private static func digit(_ xmp: [UInt8]) -> UInt8? {
        var rest = xmp[...]
        while let name = rest.firstRange(of: Array("tiff:Orientation".utf8)) {
            rest = rest[name.upperBound...]
            let marks = [Array("=\"".utf8), Array(">".utf8)]
            guard let mark = marks.first(where: rest.starts), let digit = rest.dropFirst(mark.count).first else { continue }
            if UInt8(ascii: "0")...UInt8(ascii: "9") ~= digit { return digit }
        }
        return nil
    }
}
