import Foundation
import TestFiles
import Testing

@testable import Media

@Suite struct ImageDecodingTests {
    @Test(arguments: Fixtures.all.decoded.keys.sorted()) func equalsPillow(file: String) throws {
        let expected = try #require(Fixtures.all.decoded[file])
        let url = Fixtures.images.appendingPathComponent(file)
        let image = try RGBImage(contentsOf: url)
        #expect((image.width, image.height) == (expected.width, expected.height))
        #expect(difference(image.pixels, expected.rgb) == 0)
        if let dropped = expected.dropped {
            let withoutAlpha = try RGBImage(contentsOf: url, ground: .alphaDropped)
            #expect(difference(withoutAlpha.pixels, dropped) == 0)
            #expect(difference(withoutAlpha.pixels, expected.rgb) > 20, "alpha dropped passes for alpha composited")
        }
    }

    @Test func compositesOverTheGivenColour() throws {
        let clear = try RGBImage(contentsOf: Fixtures.images.appendingPathComponent("rgba.png"), ground: .colour(red: 10, green: 20, blue: 30))
        #expect(Array(clear.pixels[0..<3]) == [10, 20, 30])
    }

    // MARK: Twins: each breaks one thing and must be seen.

    @Test(arguments: 2...8) func ignoredOrientationIsSeen(orientation: Int) throws {
        let file = "orientation-\(orientation).jpg"
        var container = try ImageContainer(Fixtures.bytes(file))
        #expect(container.orientation.rawValue == orientation)
        container.orientation = .upright
        let raster = try container.decoded()
        let expected = try #require(Fixtures.all.decoded[file])
        #expect(difference(raster.rgb, expected.rgb) > 20)
    }

    /// One step of a table that is smaller by one.
    @Test func wrongQuantisationIsSeen() throws {
        var bytes = try Fixtures.bytes("420.jpg")
        let table = try #require(bytes.firstRange(of: [0xFF, 0xDB])?.lowerBound)
        bytes[table + 6] -= 1
        let expected = try #require(Fixtures.all.decoded["420.jpg"])
        #expect(try (1...40).contains(difference(RGBImage(data: bytes).pixels, expected.rgb)))
    }

    @Test func wrongTransformOfFourComponentsIsSeen() throws {
        var bytes = try Fixtures.bytes("ycck.jpg")
        let segment = try #require(bytes.firstRange(of: [0xFF, 0xEE])?.lowerBound)
        #expect(bytes[segment + 15] == 2)
        bytes[segment + 15] = 0
        let expected = try #require(Fixtures.all.decoded["ycck.jpg"])
        #expect(try difference(RGBImage(data: bytes).pixels, expected.rgb) > 20)
    }

    @Test func wrongFrameOfAnAnimationIsSeen() throws {
        let image = try RGBImage(contentsOf: Fixtures.images.appendingPathComponent("animated.webp"))
        let expected = try #require(Fixtures.all.decoded["animated.webp"])
        #expect(difference(image.flippedHorizontally().pixels, expected.rgb) > 20)
    }

    // MARK: Damage

    /// Of every kind of file, cut at every byte: an error each time, and never a picture in part.
    @Test(arguments: [
        "rgb.png", "palette-transparent.png", "420.jpg", "progressive.jpg", "cmyk-adobe.jpg", "lossy.webp", "lossy-alpha.webp", "lossless.webp",
        "animated.webp",
    ])
    func truncatedAnywhereIsAnError(file: String) throws {
        let bytes = try Fixtures.bytes(file)
        for length in 0..<bytes.count {
            let error = #expect(throws: ImageError.self) { try RGBImage(data: Array(bytes.prefix(length)), name: file) }
            if length == 0 { #expect(error?.reason == .empty) }
            if length > 20 { #expect(error == ImageError(file: file, reason: .truncated), "cut to \(length) bytes") }
        }
    }

    /// Every byte of every file inverted in turn: an error or a picture of the same size, but no crash.
    @Test(arguments: Fixtures.all.decoded.keys.sorted().filter { !$0.hasPrefix("orientation") })
    func survivesDamage(file: String) throws {
        let bytes = try Fixtures.bytes(file)
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0xFF
            _ = try? RGBImage(data: damaged)
        }
    }

    @Test func jpegWhoseScanStopsEarlyIsAnError() throws {
        let bytes = try Fixtures.bytes("444.jpg")
        let error = #expect(throws: ImageError.self) { try RGBImage(data: Array(bytes.prefix(bytes.count - 200)) + [0xFF, 0xD9]) }
        #expect(error?.reason != .truncated, "the end marker is there: libjpeg has to notice")
    }

    @Test func pngWhoseRowsStopEarlyIsAnError() throws {
        let short = try Fixtures.bytes("short.png")
        #expect(#expect(throws: ImageError.self) { try RGBImage(data: short) }?.reason == .truncated)
    }

    @Test func wrongChecksumIsAnError() throws {
        var bytes = try Fixtures.bytes("rgb.png")
        bytes[bytes.count - 14] ^= 1
        #expect(throws: ImageError.self) { try RGBImage(data: bytes) }
    }

    @Test func saysWhatIsWrong() throws {
        func reason(_ bytes: [UInt8]) -> ImageError.Reason? { #expect(throws: ImageError.self) { try RGBImage(data: bytes) }?.reason }
        #expect(reason([]) == .empty)
        #expect(reason(Array("<svg/>".utf8)) == .otherKind(.xml))
        #expect(reason(Array("#EXTM3U\nhttp://example.org/".utf8)) == .unknownFormat)
        let missing = URL(fileURLWithPath: "/nowhere/a.png")
        let error = #expect(throws: ImageError.self) { try RGBImage(contentsOf: missing) }
        #expect(error?.description == "/nowhere/a.png: No such file or directory")
        let folder = #expect(throws: ImageError.self) { try RGBImage(contentsOf: URL(fileURLWithPath: "/")) }
        #expect(folder?.reason == .file("not a regular file"))
        let device = #expect(throws: ImageError.self) { try RGBImage(contentsOf: URL(fileURLWithPath: "/dev/zero")) }
        #expect(device?.reason == .file("not a regular file"))
    }

    @Test func absurdSizesAreRefusedBeforeDecoding() throws {
        func error(_ file: String, _ offset: Int, _ values: [UInt8]) throws -> ImageError.Reason? {
            var bytes = try Fixtures.bytes(file)
            bytes.replaceSubrange(offset..<offset + values.count, with: values)
            return #expect(throws: ImageError.self) { try RGBImage(data: bytes) }?.reason
        }
        #expect(try error("rgb.png", 16, [0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF]) == .tooLarge(width: 65535, height: 65535))
        #expect(try error("rgb.png", 16, [0, 0, 0, 0]) == .damaged("its size is 0 x 17"))
        let frame = try #require(Fixtures.bytes("444.jpg").firstRange(of: [0xFF, 0xC0])?.lowerBound)
        #expect(try error("444.jpg", frame + 5, [0xFF, 0xDC, 0xFF, 0xDC]) == .tooLarge(width: 65500, height: 65500))
        #expect(try error("lossless.webp", 21, [0xFF, 0xFF, 0xFF, 0x0F]) == .tooLarge(width: 16384, height: 16384))
        for size in UInt8(0)...3 { #expect(try error("lossless.webp", 4, [size, 0, 0, 0]) == .damaged("libwebp: its chunks do not follow the format")) }
    }

    // MARK: Geometry and writing

    @Test func cropsAndFlips() {
        let image = RGBImage(width: 3, height: 2, pixels: (0..<18).map { UInt8($0) })
        #expect(image.flippedHorizontally().pixels == [6, 7, 8, 3, 4, 5, 0, 1, 2, 15, 16, 17, 12, 13, 14, 9, 10, 11])
        #expect(image.cropped(x: 1, y: 1, width: 2, height: 1).pixels == [12, 13, 14, 15, 16, 17])
        // Python's round(0.5) is 0, its round(1.5) 2.
        #expect(image.centreCropped(width: 2, height: 2).pixels == [0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14])
        let row = RGBImage(width: 4, height: 1, pixels: (0..<12).map { UInt8($0) })
        #expect(row.centreCropped(width: 1, height: 1).pixels == [6, 7, 8])
    }

    @Test func writesWhatItReads() throws {
        try withTemporaryFolder { folder in
            for file in ["rgb.png", "resize-17x13.png"] {
                let image = try RGBImage(contentsOf: Fixtures.images.appendingPathComponent(file))
                let copy = folder.appendingPathComponent(file)
                try image.writePNG(to: copy)
                try image.writePNG(to: copy)
                #expect(try RGBImage(contentsOf: copy) == image)
                #expect(try RGBImage(data: image.encodedPNG()) == image)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 2, "a temporary file is left")
        }
    }

    @Test func failedWritingLeavesNothing() throws {
        let image = RGBImage(width: 1, height: 1, pixels: [1, 2, 3])
        try withTemporaryFolder { folder in
            let taken = folder.appendingPathComponent("taken.png")
            try FileManager.default.createDirectory(at: taken, withIntermediateDirectories: true)
            let error = #expect(throws: ImageError.self) { try image.writePNG(to: taken) }
            #expect(error?.file == taken.path)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["taken.png"])
            #expect(throws: ImageError.self) { try image.writePNG(to: folder.appendingPathComponent("missing/a.png")) }
        }
    }
}
