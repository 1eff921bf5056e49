/// A file's path within a data set, in its parts.
struct DatasetPath {
    let path: String
    /// With its slash; empty for the data set itself.
    let folder: String
    let name: String
    /// The path without the ending.
    let stem: String
    /// What the name ends in, without the dot and in lower case.
    let ending: String

    /// Cut at bytes: a letter's accent may be a character of its own.
    init(_ path: String) {
        self.path = path
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let start = slash.map { path.utf8.index(after: $0) } ?? path.startIndex
        folder = String(path[..<start])
        name = String(path[start...])
        let dot = path.utf8[start...].lastIndex(of: UInt8(ascii: ".")).flatMap { $0 > start ? $0 : nil }
        stem = String(path[..<(dot ?? path.endIndex)])
        ending = dot.map { path[path.utf8.index(after: $0)...].lowercased() } ?? ""
    }

    var isImage: Bool { WinnerSet.imageExtensions.contains(ending) }

    /// Pictures of forms that are not read, and what to do about it; nil for everything else.
    var otherImage: String? {
        if ending == "jif" { return "a JPEG by another name: rename it to end in .jpg" }
        return Self.otherForms[ending].map { "\($0) image, which is not read: save it as PNG, JPEG or WebP" }
    }

    private static let otherForms = [
        "gif": "a GIF", "bmp": "a BMP", "tif": "a TIFF", "tiff": "a TIFF", "avif": "an AVIF", "heic": "an HEIC", "heif": "an HEIC", "jxl": "a JPEG XL",
        "jp2": "a JPEG 2000", "svg": "an SVG", "psd": "a Photoshop", "ico": "an icon", "dng": "a raw", "exr": "an OpenEXR", "tga": "a Targa",
    ]
}

extension String {
    /// To the byte: `==` takes two ways to write an accent as one.
    func isWritten(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
