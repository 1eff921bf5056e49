import Foundation

/// What `Tests/Fixtures/make_images.py` noted of the images it made.
public struct Fixtures: Decodable, Sendable {
    public struct Decoded: Decodable, Sendable {
        public let width: Int
        public let height: Int
        /// Composited over white.
        public let rgb: Data
        /// With alpha dropped.
        public let dropped: Data?
    }

    public struct Resized: Decodable, Sendable {
        public let size: Int
        public let width: Int
        public let height: Int
        public let pillow: Data
        public let torchvision: Data
        /// The wrong way: without antialiasing.
        public let aliased: Data
    }

    public let decoded: [String: Decoded]
    public let resized: [String: Resized]

    public static let images = Fixture.url("images")
    public static let all = try! JSONDecoder().decode(Fixtures.self, from: Data(contentsOf: images.appendingPathComponent("expected.json")))

    public static func bytes(_ name: String) throws -> [UInt8] { try [UInt8](Data(contentsOf: images.appendingPathComponent(name))) }
}

/// The largest difference between two pictures, 256 where their sizes differ.
public func difference(_ a: some Collection<UInt8>, _ b: some Collection<UInt8>) -> Int {
    guard a.count == b.count else { return 256 }
    return zip(a, b).map { abs(Int($0) - Int($1)) }.max() ?? 0
}

/// A folder that is gone after `body`.
public func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("seppo-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
}
