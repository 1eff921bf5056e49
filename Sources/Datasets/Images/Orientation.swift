/// How a camera was held: EXIF 2.32 tag 0x0112, the position of row 0 and column 0 of the stored picture.
enum Orientation: Int {
    case upright = 1
    case mirrored, upsideDown, flipped, transposed, turnedLeft, transversed, turnedRight

    /// Reads only the first directory, and only within `exif`: a TIFF structure from its byte-order mark on. Whatever is wrong with it,
    /// the picture is taken as upright, as Pillow does.
    init(exif: [UInt8]) {
        // Some writers repeat the JPEG segment's identifier in PNG and WebP.
        let header = Array("Exif\0\0".utf8)
        let tiff = exif.starts(with: header) ? Array(exif.dropFirst(header.count)) : exif
        let bigEndian = tiff.text(at: 0, 4) == "MM\0*"
        self = .upright
        guard bigEndian || tiff.text(at: 0, 4) == "II*\0" else { return }
        func field(_ offset: Int, _ bytes: Int) -> Int? {
            bigEndian ? tiff.bigEndian(at: offset, bytes: bytes) : tiff.littleEndian(at: offset, bytes: bytes)
        }
        guard let directory = field(4, 4), let count = field(directory, 2) else { return }
        for entry in 0..<count {
            let offset = directory + 2 + 12 * entry
            guard let tag = field(offset, 2), let type = field(offset + 2, 2), let value = field(offset + 8, 2) else { return }
            if tag == 0x0112 {
                let short = 3
                if type == short { self = Orientation(rawValue: value) ?? .upright }
                return
            }
        }
    }

    var swapsSides: Bool { rawValue >= Orientation.transposed.rawValue }

    /// The stored position of the pixel seen at (x, y), in a stored picture of the given size.
    func stored(x: Int, y: Int, width: Int, height: Int) -> (x: Int, y: Int) {
        switch self {
        case .upright: (x, y)
        case .mirrored: (width - 1 - x, y)
        case .upsideDown: (width - 1 - x, height - 1 - y)
        case .flipped: (x, height - 1 - y)
        case .transposed: (y, x)
        case .turnedLeft: (y, height - 1 - x)
        case .transversed: (width - 1 - y, height - 1 - x)
        case .turnedRight: (width - 1 - y, x)
        }
    }
}
