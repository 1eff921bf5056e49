import Foundation

/// The committed files of Tests/Fixtures: numbers of PyTorch, diffusers and others, with the scripts that made them.
public enum Fixture {
    public static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fixtures")

    public static func url(_ path: String) -> URL { folder.appendingPathComponent(path) }

    public static func json<Value: Decodable>(
        _ path: String, as type: Value.Type = Value.self, keys: JSONDecoder.KeyDecodingStrategy = .useDefaultKeys
    ) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = keys
        return try decoder.decode(Value.self, from: Data(contentsOf: url(path)))
    }
}
