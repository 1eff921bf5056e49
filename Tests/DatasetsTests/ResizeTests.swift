import Foundation
import Testing

@testable import Datasets

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
        let fitted = try image.fitted(to: expected.size, interpolation)
        #expect(difference(fitted.pixels, expected.pillow) <= 1)
        #expect(difference(fitted.pixels, expected.torchvision) <= 2)
    }

    // MARK: Twins: each breaks one thing and must be seen.

    @Test(arguments: cases) func wrongFilterIsSeen(name: String) throws {
        let (image, interpolation, expected) = try Self.read(name)
        let other: RGBImage.Interpolation = interpolation == .bilinear ? .bicubic : .bilinear
        #expect(try difference(image.fitted(to: expected.size, other).pixels, expected.pillow) > 1)
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
        let error = #expect(throws: ImageError.self) { try thread.fitted(to: 512) }
        #expect(error?.reason == .tooLarge(width: 512, height: 1_024_000))
    }
}
