import Foundation
import TestFiles
import Testing

@testable import Media

/// Of every place in which a file can say how it is to be turned, as Pillow's `exif_transpose` reads it.
@Suite struct OrientationTests {
    private struct Case: Decodable {
        let name: String
        let file: Data
        let width: Int
        let height: Int
        let orientation: Int
    }

    private static let cases = try! Fixture.json("orientations.json", as: [Case].self)

    private static func differing(_ found: (ImageContainer) -> Orientation) throws -> [String] {
        try cases.filter { try found(ImageContainer([UInt8]($0.file))).rawValue != $0.orientation }.map(\.name)
    }

    @Test func isPillowsForEveryCarrier() throws {
        #expect(Self.cases.count > 300)
        #expect(Set(Self.cases.map(\.orientation)) == Set(1...8))
        let differing = try Self.differing(\.orientation)
        #expect(differing.isEmpty, "\(differing)")
    }

    @Test func picturesAreTurned() throws {
        for carrier in ["jpeg: XMP element", "png: XMP compressed", "png: raw profile", "webp: XMP"] {
            for number in 1...8 {
                let one = try #require(Self.cases.first { $0.name == "\(carrier) \(number)" })
                let image = try RGBImage(data: [UInt8](one.file))
                #expect((image.width, image.height) == (number > 4 ? (one.height, one.width) : (one.width, one.height)), "\(one.name)")
            }
        }
    }

    @Test func anIgnoredCarrierIsSeen() throws {
        #expect(try Self.differing { _ in .upright }.count > 250)
        let xmp = try Self.differing { $0.codec == .webp ? .upright : $0.orientation }
        #expect(!xmp.isEmpty && xmp.allSatisfy { $0.hasPrefix("webp") })
    }

    /// Every byte of a few carriers inverted in turn, and each cut at every byte: no crash.
    @Test func survivesDamage() throws {
        for name in ["jpeg: EXIF > 6", "jpeg: EXIF of type 5, XMP 3", "png: XMP compressed 6", "png: XMP in fixed codes", "webp: EXIF 6"] {
            let bytes = [UInt8](try #require(Self.cases.first { $0.name == name }).file)
            for index in bytes.indices {
                for flip in [0xFF, 0x01] as [UInt8] {
                    var damaged = bytes
                    damaged[index] ^= flip
                    _ = (try? ImageContainer(damaged))?.orientation
                }
            }
        }
    }
}

@Suite struct InflationTests {
    /// A block of fixed codes: a zero, then so often 258 more of it, five and eight bits each.
    static func zeros(_ repetitions: Int) -> [UInt8] {
        var bits: [UInt8] = [1, 1, 0] + [0, 0, 1, 1, 0, 0, 0, 0]
        for _ in 0..<repetitions { bits += [1, 1, 0, 0, 0, 1, 0, 1] + [0, 0, 0, 0, 0] }
        bits += [0, 0, 0, 0, 0, 0, 0]
        bits += Array(repeating: 0, count: (8 - bits.count % 8) % 8)
        return [0x78, 0x9C] + stride(from: 0, to: bits.count, by: 8).map { start in (0..<8).reduce(UInt8(0)) { $0 | bits[start + $1] << UInt8($1) } }
    }

    @Test func stopsAtTheLimit() {
        let bomb = Self.zeros(100_000)
        #expect(bomb.count < 200_000)
        #expect(PNGText.inflated(bomb[...], limit: 1000) == [UInt8](repeating: 0, count: 1000))
        #expect(PNGText.inflated(Self.zeros(3)[...], limit: 1000) == [UInt8](repeating: 0, count: 1 + 3 * 258))
    }

    @Test func survivesAnything() {
        var seed: UInt64 = 1
        func byte() -> UInt8 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(seed >> 56)
        }
        for length in 0..<3000 {
            let noise = [0x78, 0x9C] + (0..<length % 300).map { _ in byte() }
            #expect(PNGText.inflated(noise[...], limit: 1 << 16)?.count ?? 0 <= 1 << 16)
        }
        #expect(PNGText.inflated([0x78, 0x9D, 0], limit: 9) == nil)
    }
}
