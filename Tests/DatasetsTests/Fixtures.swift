import Datasets
import Foundation
import TestSupport

/// What `Tests/Fixtures/make_images.py` noted of the images it made.
struct Fixtures: Decodable {
    struct Decoded: Decodable {
        let width: Int
        let height: Int
        /// Composited over white.
        let rgb: Data
        /// With alpha dropped.
        let dropped: Data?
    }

    struct Resized: Decodable {
        let size: Int
        let width: Int
        let height: Int
        let pillow: Data
        let torchvision: Data
        /// The wrong way: without antialiasing.
        let aliased: Data
    }

    let decoded: [String: Decoded]
    let resized: [String: Resized]

    static let images = Fixture.url("images")
    static let all = try! JSONDecoder().decode(Fixtures.self, from: Data(contentsOf: images.appendingPathComponent("expected.json")))

    static func bytes(_ name: String) throws -> [UInt8] { try [UInt8](Data(contentsOf: images.appendingPathComponent(name))) }
}

/// The largest difference between two pictures, 256 where their sizes differ.
func difference(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Int {
    guard a.count == b.count else { return 256 }
    return zip(a, b).map { abs(Int($0) - Int($1)) }.max() ?? 0
}

/// A folder that is gone after `body`.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("seppo-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
}
