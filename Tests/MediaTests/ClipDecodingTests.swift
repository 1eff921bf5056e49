import Foundation
import Storage
import TestFiles
import Testing

@testable import Media

/// Clips of `Tests/Fixtures/make_clips.py` against what FFmpeg's own program says of them.
@Suite struct ClipDecodingTests {
    struct Expected: Decodable {
        let count: Int
        let width: Int
        let height: Int
        /// In seconds; null where the program knows none.
        let times: [Double?]
        /// Of the left and the right half of each frame.
        let means: [[[Double]]]
    }

    static let expected: [String: Expected] = try! Fixture.json("clips/expected.json")
    /// Those whose frames the program converts as we do.
    static let ordinary = expected.keys.filter { !["sound.m4a", "unsaid-720.mkv"].contains($0) }.sorted()

    static func decoder(_ name: String, limits: ClipLimits = .standard) -> ClipDecoder {
        ClipDecoder(.file(Fixture.url("clips/\(name)").path), name: name, limits: limits)
    }

    /// Of the left and the right half.
    static func means(_ image: RGBImage) -> [[Double]] {
        let middle = (image.width + 1) / 2
        return [0..<middle, middle..<image.width].map { columns in
            (0..<3).map { channel in
                let sum = (0..<image.height).reduce(0) { sum, y in columns.reduce(sum) { $0 + Int(image.pixels[3 * (y * image.width + $1) + channel]) } }
                return Double(sum) / Double(image.height * columns.count)
            }
        }
    }

    static func distance(_ a: [[Double]], _ b: [[Double]]) -> Double { zip(a.joined(), b.joined()).map { abs($0 - $1) }.max() ?? .infinity }

    @Test(arguments: ordinary) func framesTimesAndColoursAreFFmpegs(_ name: String) throws {
        let expected = try #require(Self.expected[name])
        let decoder = Self.decoder(name)
        let times = try decoder.times()
        #expect(times.count == expected.count)
        #expect((times.width, times.height) == (expected.width, expected.height))
        for (frame, time) in expected.times.enumerated() where time != nil { #expect(abs(times.time(of: frame) - time!) < 1e-3, "frame \(frame)") }
        let clip = try decoder.clip()
        #expect(clip.frames.count == expected.count)
        for (frame, means) in zip(clip.frames, expected.means) { #expect(Self.distance(Self.means(frame), means) < 1.5) }
    }

    /// The twin: another clip's frames are none of this one's.
    @Test func anotherOrderOfFramesIsSeen() throws {
        let expected = try #require(Self.expected["plain.mp4"])
        let clip = try Self.decoder("plain.mp4").clip()
        #expect(Self.distance(Self.means(clip.frames[3]), expected.means[4]) > 1.5)
    }

    @Test func bytesAndAPartOfAFileGiveTheSameFrames() throws {
        let file = Fixture.url("clips/plain.mp4")
        let whole = try Self.decoder("plain.mp4").clip()
        let bytes = try [UInt8](Data(contentsOf: file))
        #expect(try ClipDecoder(.bytes(bytes), name: "bytes").clip() == whole)
        let folder = TemporaryFolder()
        try Data([1, 2, 3] + bytes + [4]).write(to: folder.url("archive"))
        let part = ClipSource.file(folder.url("archive").path, range: 3..<3 + bytes.count)
        #expect(try ClipDecoder(part, name: "part").clip() == whole)
        #expect(throws: ClipError.self) { try ClipDecoder(.file(folder.url("archive").path), name: "archive").clip() }
    }

    @Test func chosenFramesAreThoseOfTheWholeClip() throws {
        let decoder = Self.decoder("mpeg4.avi")
        let (whole, times) = (try decoder.clip(), try decoder.times())
        let chosen = try decoder.clip(FrameChoice(indices: [1, 1, 4, 11]), times)
        #expect(chosen.frames == [1, 1, 4, 11].map { whole.frames[$0] })
        #expect(chosen.frames != [1, 1, 4, 10].map { whole.frames[$0] })
        #expect(throws: ClipError(file: "mpeg4.avi", reason: .missingFrame(12, frames: 12))) {
            try decoder.clip(FrameChoice(indices: [3, 12]), times)
        }
        let crop = try decoder.clip(FrameChoice(indices: [0, 4]), times, fittedTo: (16, 16))
        #expect(crop.frames == [0, 4].map { whole.frames[$0].fitted(to: 16) })
    }

    // MARK: Colours

    @Test func colourMatricesAreReadFromTheFrame() throws {
        for name in ["bt709.mp4", "bt601.mp4", "full-range.mp4", "unsaid-720.mkv"] {
            let frame = try Self.decoder(name).clip().frames[0]
            #expect(Self.distance([Self.means(frame)[0]], [[30, 200, 40]]) <= 3, "\(name): \(Self.means(frame))")
        }
        // The twin: what the program, which takes BT.601 where nothing is said, makes of 720 rows.
        let wrong = try #require(Self.expected["unsaid-720.mkv"]).means[0]
        #expect(Self.distance([wrong[0]], [[30, 200, 40]]) > 10)
    }

    @Test func transparencyIsSeenOverItsGround() throws {
        let source = ClipSource.file(Fixture.url("clips/alpha.mov").path)
        let white = try ClipDecoder(source, name: "alpha").clip().frames[0]
        #expect(white.pixels.suffix(3) == [255, 255, 255])
        let black = try ClipDecoder(source, name: "alpha", ground: .colour(red: 0, green: 0, blue: 0)).clip().frames[0]
        #expect(black.pixels.suffix(3) == [0, 0, 0])
        #expect(black.pixels.prefix(3) == white.pixels.prefix(3))
    }

    // MARK: What is wrong with files

    @Test func aCutClipKeepsWhatDecodes() throws {
        let times = try Self.decoder("cut.mp4").times()
        #expect(times.count == 3)
        #expect(times.damaged > 0)
        #expect(try #require(times.note).contains("3 frames are read"))
        let (cut, whole) = (try Self.decoder("cut.mp4").clip(), try Self.decoder("plain.mp4").clip())
        #expect(cut.frames == Array(whole.frames.prefix(3)))
        #expect(try Self.decoder("plain.mp4").times().note == nil)
    }

    @Test func framesAreCountedNotBelieved() throws {
        let times = try Self.decoder("claims-more.avi").times()
        #expect(times.count == 12)
        #expect(times.claimed == 112)
        #expect(times.note == "it claims 112 frames and holds 12")
        #expect(try Self.decoder("mpeg4.avi").times().note == nil)
    }

    @Test func whatIsNoClipSaysSo() throws {
        let folder = TemporaryFolder()
        func reason(_ bytes: [UInt8]) throws -> ClipError.Reason? {
            try Data(bytes).write(to: folder.url("a.mp4"))
            do {
                _ = try ClipDecoder(.file(folder.url("a.mp4").path), name: "a.mp4").times()
                return nil
            } catch {
                return error.reason
            }
        }
        #expect(try reason([]) == .empty)
        #expect(try reason(Array("version https://git-lfs.github.com/spec/v1\noid".utf8)) == .otherKind(.gitLFSPointer))
        #expect(try reason(Array("<html><body>log in</body></html>".utf8)) == .otherKind(.webPage))
        guard case .damaged? = try reason([UInt8](repeating: 7, count: 5000)) else {
            Issue.record("noise is no clip")
            return
        }
        // The index of an ordinary MP4 stands at its end.
        let plain = try [UInt8](Data(contentsOf: Fixture.url("clips/plain.mp4")))
        guard case .damaged? = try reason(Array(plain.prefix(plain.count / 2))) else {
            Issue.record("half an MP4")
            return
        }
        guard case .noVideo? = try reason([UInt8](Data(contentsOf: Fixture.url("clips/sound.m4a")))) else {
            Issue.record("sound")
            return
        }
        #expect(try reason(plain) == nil)
        #expect(throws: ClipError.self) { try ClipDecoder(.file(folder.url("missing.mp4").path), name: "missing").times() }
        #expect(throws: ClipError(file: "folder", reason: .file("not a regular file"))) { try ClipDecoder(.file(folder.url.path), name: "folder").times() }
    }

    /// A list of other files is none of the containers that are read, and nothing that a clip names is opened.
    @Test func nothingElseIsOpened() throws {
        let folder = TemporaryFolder()
        let list = "ffconcat version 1.0\nfile '\(Fixture.url("clips/plain.mp4").path)'\n"
        let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n\(Fixture.url("clips/plain.mp4").path)\n#EXT-X-ENDLIST\n"
        for text in [list, playlist] {
            let path = try folder.write(text, to: "list.mp4")
            #expect(throws: ClipError.self) { try ClipDecoder(.file(path), name: "list").times() }
        }
    }

    @Test func limitsHold() throws {
        var limits = ClipLimits()
        limits.pixels = 32 * 24 - 1
        #expect(throws: ClipError(file: "plain.mp4", reason: .tooLarge(limit: limits.pixels))) { try Self.decoder("plain.mp4", limits: limits).times() }
        limits = ClipLimits()
        limits.frames = 11
        #expect(throws: ClipError(file: "plain.mp4", reason: .tooLong(frames: 11))) { try Self.decoder("plain.mp4", limits: limits).times() }
        #expect(try Self.decoder("plain.mp4", limits: limits).times(upTo: 5).count == 5)
        limits = ClipLimits()
        limits.allPixels = 32 * 24 * 6
        #expect(throws: ClipError(file: "plain.mp4", reason: .tooLong(frames: 6))) { try Self.decoder("plain.mp4", limits: limits).times() }
        limits = ClipLimits()
        limits.memory = 20_000
        #expect(throws: ClipError.self) { try Self.decoder("plain.mp4", limits: limits).clip() }
        #expect(try Self.decoder("plain.mp4").clip().frames.count == 12)
    }

    // MARK: Folders of frames

    @Test func aFolderOfFramesIsAClipInNaturalOrder() throws {
        let folder = TemporaryFolder()
        let shades = (0..<12).map { RGBImage(width: 4, height: 2, pixels: [UInt8](repeating: UInt8($0 * 20), count: 24)) }
        for (index, shade) in shades.enumerated() { try shade.writePNG(to: folder.url("frame \(index).png")) }
        try Data("no picture".utf8).write(to: folder.url("notes.txt"))
        let source = try ClipSource.folder(folder.url, rate: 4)
        let decoder = ClipDecoder(source, name: "folder")
        let times = try decoder.times()
        #expect((times.count, times.rate, times.duration) == (12, 4, 3))
        #expect(try decoder.clip().frames == shades)
        #expect(try decoder.clip(FrameChoice(indices: [2, 10]), times).frames == [shades[2], shades[10]])
        try shades[0].cropped(x: 0, y: 0, width: 2, height: 2).writePNG(to: folder.url("frame 3.png"))
        #expect(throws: ClipError(file: "folder", reason: .sizes(first: [4, 2], other: [2, 2], frame: 3))) { try decoder.clip() }
        #expect(throws: ClipError.self) { try ClipSource.folder(folder.url("missing")) }
    }

    @Test func numbersInNamesCount() {
        let names = ["10", "9", "a10b", "a9b", "a09b", "b", "a", "1.5", "1.10", ""]
        #expect(names.sorted(by: NaturalOrder.precedes) == ["", "1.5", "1.10", "9", "10", "a", "a09b", "a9b", "a10b", "b"])
    }
}
