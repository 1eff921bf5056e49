import Foundation
import TestFiles
import Testing

@testable import Media

@Suite struct ClipWritingTests {
    /// A square that moves to the right over a background that grows brighter.
    static func clip(_ width: Int = 32, _ height: Int = 24, frames: Int = 10, rate: Double = 8) -> Clip {
        Clip(
            (0..<frames).map { index in
                var pixels: [UInt8] = []
                for y in 0..<height {
                    for x in 0..<width {
                        let isSquare = (4..<12).contains(y) && (2 * index..<2 * index + 8).contains(x)
                        pixels += isSquare ? [220, 30, 20] : [40, UInt8(60 + 10 * index), 90]
                    }
                }
                return RGBImage(width: width, height: height, pixels: pixels)
            }, rate: rate)
    }

    private static func difference(_ a: RGBImage, _ b: RGBImage) -> Double {
        guard a.pixels.count == b.pixels.count else { return .infinity }
        return Double(zip(a.pixels, b.pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }) / Double(a.pixels.count)
    }

    private func written(_ clip: Clip, _ name: String) throws -> (clip: Clip, times: ClipTimes) {
        let folder = TemporaryFolder()
        try clip.write(to: folder.url(name))
        let decoder = ClipDecoder(.file(folder.url(name).path), name: name)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == [name])
        return (try decoder.clip(), try decoder.times())
    }

    @Test(arguments: ["a.mp4", "a.webm"]) func videoKeepsFramesTimesAndColours(_ name: String) throws {
        let clip = Self.clip()
        let (read, times) = try written(clip, name)
        #expect(times.count == 10)
        #expect(abs(times.rate - 8) < 0.1)
        #expect((times.width, times.height) == (32, 24))
        for (before, after) in zip(clip.frames, read.frames) { #expect(Self.difference(before, after) < 6) }
        #expect(Self.difference(clip.frames[0], read.frames[9]) > 6)
    }

    @Test func oddSidesGrowByOne() throws {
        let clip = Self.clip(33, 23, frames: 3)
        let (read, _) = try written(clip, "a.mp4")
        #expect((read.width, read.height) == (34, 24))
        #expect(Self.difference(clip.frames[0], read.frames[0].cropped(x: 0, y: 0, width: 33, height: 23)) < 6)
        let corner = read.frames[0].cropped(x: 33, y: 23, width: 1, height: 1).pixels
        #expect(TestFiles.difference(corner, clip.frames[0].pixels.suffix(3)) < 20)
    }

    @Test func ratesOfBroadcastAreExact() {
        #expect(Clip.fraction(24000.0 / 1001) == (24000, 1001))
        #expect(Clip.fraction(29.97) == (30000, 1001))
        #expect(Clip.fraction(8) == (8, 1))
        #expect(Clip.fraction(12.5) == (25, 2))
    }

    @Test func equalClipsGiveEqualFiles() throws {
        let folder = TemporaryFolder()
        for name in ["a.mp4", "b.mp4", "a.webm", "b.webm"] { try Self.clip().write(to: folder.url(name)) }
        #expect(try Data(contentsOf: folder.url("a.mp4")) == Data(contentsOf: folder.url("b.mp4")))
        #expect(try Data(contentsOf: folder.url("a.webm")) == Data(contentsOf: folder.url("b.webm")))
    }

    @Test func aGIFOfFewColoursIsExact() throws {
        let clip = Self.clip(rate: 12.5)
        let (read, times) = try written(clip, "a.gif")
        #expect(read.frames == clip.frames)
        #expect(abs(times.duration - 0.8) < 1e-9)
    }

    /// Noise asks more of the codes than any picture: the table fills up and begins anew.
    @Test func aGIFOfNoiseIsCloseAndItsCodesHold() throws {
        var seed: UInt32 = 1
        func byte() -> UInt8 {
            seed = seed &* 1_664_525 &+ 1_013_904_223
            return UInt8(seed >> 24)
        }
        let frames = (0..<2).map { _ in RGBImage(width: 160, height: 120, pixels: (0..<160 * 120 * 3).map { _ in byte() }) }
        let (read, _) = try written(Clip(frames, rate: 8), "noise.gif")
        #expect(read.frames.count == 2)
        // The same colours by the palette, pixel by pixel: nothing but the palette was lost.
        var palette = GIFPalette(frames)
        for (frame, after) in zip(frames, read.frames) {
            let colours = palette.indices(of: frame).flatMap { palette.colours[3 * Int($0)..<3 * Int($0) + 3] }
            #expect(colours == after.pixels)
        }
        #expect(palette.count == 256)
        #expect(Self.difference(frames[0], read.frames[0]) < 25)
        #expect(Self.difference(frames[0], read.frames[1]) > 50)
    }

    @Test func aFolderOfFramesLosesNothing() throws {
        let folder = TemporaryFolder()
        try Self.clip().write(to: folder.url("00000-7"))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.url("00000-7").path).sorted()
        #expect(names == (0..<10).map { "000\($0).png" })
        let source = try ClipSource.folder(folder.url("00000-7"))
        #expect(try ClipDecoder(source, name: "frames").clip().frames == Self.clip().frames)
        // What is there stays.
        #expect(throws: ClipError.self) { try Self.clip().write(to: folder.url("00000-7")) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["00000-7"])
    }

    @Test func otherEndingsAreRefused() throws {
        let folder = TemporaryFolder()
        for name in ["a.avi", "a.png", "a.mp5"] {
            #expect(throws: ClipError.self) { try Self.clip(frames: 1).write(to: folder.url(name)) }
        }
        #expect(throws: ClipError.self) { try Self.clip(frames: 1).write(to: folder.url("missing/a.mp4")) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
    }
}
