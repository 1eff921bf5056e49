import Foundation
import TestFiles
import Testing

@testable import Media

/// What decoders get wrong: animations whose frames are parts that are taken away again, and clips without check sums that are damaged.
@Suite struct DecodingTrapTests {
    // MARK: GIF

    /// Frames as Pillow composites them, over white.
    private static let composited: [String: [Data]] = try! Fixture.json("clips/disposal.json")

    private func pixels(_ name: String) throws -> [[UInt8]] { try ClipDecodingTests.decoder(name).clip().frames.map(\.pixels) }

    /// Restored to the background, to nothing and to what was there before; parts of a frame with and without holes.
    @Test(arguments: ["disposal-background.gif", "disposal-clear.gif", "disposal-previous.gif", "disposal-first.gif"])
    func partsOfFramesAreCompositedAsPillowDoes(_ name: String) throws {
        let expected = try #require(Self.composited[name])
        let frames = try pixels(name)
        #expect(frames.count == expected.count)
        for (index, (frame, pillows)) in zip(frames, expected).enumerated() { #expect(frame == Array(pillows), "frame \(index)") }
    }

    /// The twin: another disposal gives other frames, from the one on that follows it.
    @Test func anotherDisposalIsSeen() throws {
        let names = ["disposal-background.gif", "disposal-clear.gif", "disposal-previous.gif"]
        let frames = try names.map(pixels)
        #expect(frames[1][1] == frames[2][1])
        for (a, b) in [(0, 1), (0, 2), (1, 2)] { #expect(frames[a][2] != frames[b][2], "\(names[a]) \(names[b])") }
    }

    /// What no frame has covered is the colour that the file names as its background, where no frame is transparent. Pillow takes the first colour there,
    /// whatever the file names.
    @Test func whatIsNotCoveredIsTheFilesBackground() throws {
        let frame = try pixels("disposal-first-opaque.gif")[0]
        let pillows = try Array(#require(Self.composited["disposal-first-opaque.gif"])[0])
        #expect(Array(frame.prefix(3)) == [40, 60, 220] && Array(pillows.prefix(3)) == [200, 40, 30])
        let covered = (1..<4).flatMap { y in (2..<6).map { x in 3 * (y * 8 + x) } }
        for place in covered { #expect(frame[place..<place + 3] == pillows[place..<place + 3]) }
    }

    // MARK: VP8 in WebM

    private static let whole = try! [UInt8](Data(contentsOf: Fixture.url("clips/vp8.webm")))

    private static func decoder(_ bytes: [UInt8]) -> ClipDecoder { ClipDecoder(.bytes(bytes), name: "damaged.webm") }

    /// Where each frame's block begins in the file.
    private static let blocks: [Int] = {
        let cluster = (0..<whole.count).first { whole[$0...].starts(with: [0x1F, 0x43, 0xB6, 0x75]) }!
        var (place, found) = (whole[cluster...].firstIndex(of: 0xA3)!, [Int]())
        while place < whole.count, whole[place] == 0xA3 {
            found.append(place)
            // A length of one byte or of two.
            let isShort = whole[place + 1] & 0x80 != 0
            let length = isShort ? Int(whole[place + 1] & 0x7F) : Int(whole[place + 1] & 0x3F) << 8 | Int(whole[place + 2])
            place += (isShort ? 2 : 3) + length
        }
        return found
    }()

    @Test func ofACutWebMWhatDecodesIsKeptAndTheRestIsTold() throws {
        let clip = try Self.decoder(Self.whole).clip()
        #expect(clip.frames.count == 12 && Self.blocks.count == 12)
        #expect(try Self.decoder(Self.whole).times().note == nil)
        for frame in 1..<12 {
            // Within the block of the frame, and just before it.
            for length in [Self.blocks[frame] + 9, Self.blocks[frame]] {
                let decoder = Self.decoder(Array(Self.whole.prefix(length)))
                let times = try decoder.times()
                #expect(times.count == frame, "\(length) bytes")
                let note = try #require(times.note, "\(length) bytes")
                #expect(note.contains("1.50 seconds") && note.contains("\(frame) frames are read"), "\(note)")
                #expect(try decoder.clip().frames == Array(clip.frames.prefix(frame)), "\(length) bytes")
            }
        }
    }

    /// Wherever bytes are wrong: frames before them stay, and where frames are lost that is told. A frame of VP8 has no check sum, so that one with other pixels
    /// may be there instead.
    @Test func aDamagedWebMLosesNoFrameInSilence() throws {
        let frames = try Self.decoder(Self.whole).clip().frames
        var (lost, changed) = (0, 0)
        for offset in stride(from: 0, to: Self.whole.count, by: 7) {
            var bytes = Self.whole
            for place in offset..<min(offset + 8, bytes.count) { bytes[place] ^= 0xFF }
            let before = Self.blocks.count { $0 <= offset } - 1
            let decoder = Self.decoder(bytes)
            guard let times = try? decoder.times(), let clip = try? decoder.clip() else {
                #expect(before < 1, "byte \(offset)")
                continue
            }
            #expect(times.count <= 12 && clip.frames.count == times.count, "byte \(offset)")
            #expect(times.count == 12 || times.note != nil, "byte \(offset): \(times.count) frames")
            if before > 0 { #expect(Array(clip.frames.prefix(before)) == Array(frames.prefix(before)), "byte \(offset)") }
            lost += times.count < 12 ? 1 : 0
            changed += times.count == 12 && clip.frames != frames ? 1 : 0
        }
        #expect(lost > 20 && changed > 20, "the damage is seen: \(lost) \(changed)")
    }
}
