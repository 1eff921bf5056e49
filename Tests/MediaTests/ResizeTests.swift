import Foundation
import TestFiles
import Testing

@testable import Media

@Suite struct ResizeTests {
    static let cases = Fixtures.all.resized.keys.sorted()

    static func read(_ name: String) throws -> (image: RGBImage, interpolation: RGBImage.Interpolation, expected: Fixtures.Resized) {
        let parts = name.split(separator: " ").map(String.init)
        let image = try RGBImage(contentsOf: Fixtures.images.appendingPathComponent(parts[0]))
        return (image, try #require(.init(rawValue: parts[1])), try #require(Fixtures.all.resized[name]))
    }

    @Test(arguments: cases) func equalsTorchvisionAndPillow(name: String) throws {
        let (image, interpolation, expected) = try Self.read(name)
        let resized = try image.resized(shorterSide: expected.size, interpolation)
        #expect((resized.width, resized.height) == (expected.width, expected.height))
        let fitted = image.fitted(to: expected.size, interpolation)
        #expect(difference(fitted.pixels, expected.pillow) == 0)
        #expect(difference(fitted.pixels, expected.torchvision) <= 2)
    }

    // MARK: Twins: each breaks one thing and must be seen.

    @Test(arguments: cases) func wrongFilterIsSeen(name: String) throws {
        let (image, interpolation, expected) = try Self.read(name)
        let other: RGBImage.Interpolation = interpolation == .bilinear ? .bicubic : .bilinear
        #expect(difference(image.fitted(to: expected.size, other).pixels, expected.pillow) > 1)
    }

    /// Enlarging is the same with and without.
    @Test(arguments: cases.filter { !$0.contains("17x13") }) func missingAntialiasingIsSeen(name: String) throws {
        let expected = try #require(Fixtures.all.resized[name])
        #expect(difference(expected.aliased, expected.pillow) > 1)
    }

    @Test func cropOffByOneIsSeen() throws {
        let (image, interpolation, expected) = try Self.read("resize-53x41.png bilinear")
        let resized = try image.resized(shorterSide: expected.size, interpolation)
        let left = (resized.width - expected.size) / 2 - 1
        #expect(difference(resized.cropped(x: left, y: 0, width: expected.size, height: expected.size).pixels, expected.pillow) > 1)
    }

    @Test func refusesToGrowBeyondTheLimit() throws {
        let thread = RGBImage(width: 1, height: 2000, pixels: Array(repeating: 0, count: 6000))
        let error = #expect(throws: ImageError.self) { try thread.resized(shorterSide: 512) }
        #expect(error?.reason == .tooLarge(width: 512, height: 1_024_000))
    }

    /// What the crop leaves out is not computed, and changes nothing.
    @Test(arguments: RGBImage.Interpolation.allCases) func fittingIsResizingAndCropping(interpolation: RGBImage.Interpolation) throws {
        for (width, height) in [(40, 30), (30, 40), (31, 33), (7, 90), (90, 7), (1, 12), (12, 1), (16, 16), (16, 50), (50, 16)] {
            let image = RGBImage(width: width, height: height, pixels: (0..<3 * width * height).map { UInt8($0 * $0 * 7 % 251) })
            for side in [1, 8, 16, 25] {
                let whole = try image.resized(shorterSide: side, interpolation)
                #expect(image.fitted(to: side, interpolation) == whole.centreCropped(width: side, height: side), "\(width) x \(height) to \(side)")
            }
        }
    }

    /// A picture of one column is one colour where a model looks.
    @Test func stripsAreFitted() {
        for (width, height) in [(1, 680), (680, 1), (1, 100_000)] {
            let image = RGBImage(width: width, height: height, pixels: (0..<width * height).flatMap { [UInt8($0 % 251), 7, 9] })
            let middle = (width * height) / 2
            let fitted = image.fitted(to: 64)
            #expect((fitted.width, fitted.height) == (64, 64))
            #expect(stride(from: 0, to: fitted.pixels.count, by: 3).allSatisfy { abs(Int(fitted.pixels[$0]) - middle % 251) <= 1 })
        }
    }
}
