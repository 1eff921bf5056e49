import Foundation

/// A folder of one test, removed with it.
public final class TemporaryFolder: Sendable {
    public let url: URL

    public init() {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("seppo-tests-\(UUID().uuidString)")
        try! FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    public func url(_ name: String) -> URL { url.appendingPathComponent(name) }

    /// - Returns: the file's path
    public func write(_ text: String, to name: String) throws -> String {
        try text.write(to: url(name), atomically: true, encoding: .utf8)
        return url(name).path
    }
}
