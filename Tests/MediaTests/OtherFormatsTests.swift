import Foundation
import Testing

@testable import Media

/// Pictures of formats that nobody reads here are called by what they are, whatever their names say; what a JPEG is called is a JPEG's matter.
@Suite struct OtherFormatsTests {
    static let starts: [(String, [UInt8])] = [
        ("an AVIF", [0, 0, 0, 28] + Array("ftypavif\0\0\0\0avifmif1".utf8)), ("an AVIF", [0, 0, 0, 28] + Array("ftypavis".utf8)),
        ("an HEIC", [0, 0, 0, 24] + Array("ftypheic".utf8)), ("an HEIC", [0, 0, 0, 24] + Array("ftypmif1".utf8)),
        ("a GIF", Array("GIF89a".utf8) + [1, 0, 1, 0]),
        ("a BMP", Array("BM".utf8) + [70, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1]), ("a TIFF", Array("II*\0".utf8) + [8, 0, 0, 0]),
        ("a TIFF", Array("MM\0*".utf8) + [0, 0, 0, 8]), ("a TIFF", Array("II+\0".utf8) + [8, 0, 0, 0]), ("a JPEG XL", [0xFF, 0x0A, 0, 0]),
        ("a JPEG 2000", [0, 0, 0, 12] + Array("jP  \r\n".utf8)), ("a Photoshop", Array("8BPS\0\u{1}".utf8)),
    ]

    @Test(arguments: starts.indices) func othersAreNamed(index: Int) {
        let (name, bytes) = Self.starts[index]
        let error = #expect(throws: ImageError.self) { try RGBImage(data: bytes + [UInt8](repeating: 0, count: 40), name: "x.jpg") }
        #expect(error?.description == "x.jpg: is \(name) image, which is not read: save it as PNG or JPEG")
    }

    @Test func lettersAloneAreNoBitmap() {
        let error = #expect(throws: ImageError.self) { try RGBImage(data: Array("BMX bikes, a list of those that I like".utf8), name: "x.jpg") }
        #expect(error?.reason == .unknownFormat)
    }
}
