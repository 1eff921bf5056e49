import Foundation

/// Files of Tests/Fixtures, made by its make_fixtures.py.
enum Fixture {
    static func url(_ path: String) -> URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures").appendingPathComponent(path)
    }
}
