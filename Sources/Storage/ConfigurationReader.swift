import Foundation

/// Any JSON value.
public enum JSONValue: Codable, Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    public init(from decoder: Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    public func encode(to encoder: Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .number(let value):
            if let whole = Int(exactly: value) { try container.encode(whole) } else { try container.encode(value) }
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}

/// What is wrong with a configuration file.
public struct ConfigurationError: Error, CustomStringConvertible {
    public let file: String
    public let message: String
    public var description: String { "\(file.printable): \(message)" }

    public init(file: String, message: String) {
        self.file = file
        self.message = message
    }
}

/// Reads a published `config.json` key by key: every key must be consumed or be named as harmless, so that no option is silently ignored.
public struct ConfigurationReader {
    public let file: String
    private var rest: [String: JSONValue]

    public init(_ url: URL) throws {
        file = url.path
        rest = try Self.object(url)
    }

    /// All of it.
    public static func object(_ url: URL) throws -> [String: JSONValue] {
        let decoder = JSONDecoder()
        // Python writes NaN and Infinity, which JSON proper does not have: they are refused under the option's name.
        decoder.allowsJSON5 = true
        do {
            return try decoder.decode([String: JSONValue].self, from: try data(url))
        } catch is DecodingError {
            throw ConfigurationError(file: url.path, message: "is not a JSON object")
        }
    }

    /// The bytes of a small file. Throws `ConfigurationError` where there is none or it is no configuration by its size.
    package static func data(_ url: URL) throws -> Data {
        func refused(_ message: String) -> ConfigurationError { ConfigurationError(file: url.path, message: message) }
        let data: Data
        do { data = try RegularFile.bytes(url, atMost: 1 << 24) } catch { throw refused("\(error.problem)") }
        switch FileKind(data) {
        case nil, .json: break
        case let kind?: throw refused(kind.sentence)
        }
        // Foundation's reader of JSON5 ends the process at bytes that are no UTF-8.
        guard String(validating: data, as: UTF8.self) != nil else { throw refused("is not UTF-8 text") }
        return data
    }

    public mutating func bool(_ key: String, _ fallback: Bool) throws -> Bool {
        switch rest.removeValue(forKey: key) {
        case nil, .null: return fallback
        case .bool(let value): return value
        default: throw wrong(key, "true or false")
        }
    }

    public mutating func number(_ key: String, _ fallback: Double, in range: ClosedRange<Double>) throws -> Double {
        switch rest.removeValue(forKey: key) {
        case nil, .null: return fallback
        case .number(let value) where range.contains(value): return value
        default: throw wrong(key, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
    }

    /// Options for which null is no default but a meaning of its own that this program does not carry out.
    public func refuseNull(_ keys: [String]) throws {
        for key in keys where hasNull(key) { throw ConfigurationError(file: file, message: "option \(key) is not supported with the value null") }
    }

    public mutating func string(_ key: String, _ fallback: String) throws -> String {
        switch rest.removeValue(forKey: key) {
        case nil, .null: return fallback
        case .string(let value): return value
        default: throw wrong(key, "a text")
        }
    }

    public mutating func integer(_ key: String, _ fallback: Int, in range: ClosedRange<Int> = 0...1_000_000) throws -> Int {
        try integerOrNil(key, in: range) ?? fallback
    }

    public mutating func integerOrNil(_ key: String, in range: ClosedRange<Int> = 0...1_000_000) throws -> Int? {
        guard let value = rest.removeValue(forKey: key), value != .null else { return nil }
        return try whole(value, key, range)
    }

    public mutating func strings(_ key: String, _ fallback: [String]) throws -> [String] {
        guard let value = rest.removeValue(forKey: key), value != .null else { return fallback }
        guard case .array(let list) = value else { throw wrong(key, "a list of texts") }
        return try list.map { if case .string(let text) = $0 { text } else { throw wrong(key, "a list of texts") } }
    }

    public mutating func integers(_ key: String, _ fallback: [Int], in range: ClosedRange<Int> = 1...1_000_000) throws -> [Int] {
        guard let value = rest.removeValue(forKey: key), value != .null else { return fallback }
        guard case .array(let list) = value else { throw wrong(key, "a list of whole numbers") }
        return try list.map { try whole($0, key, range) }
    }

    /// One value for each of `count` blocks: a list of that many, or one that serves all.
    public mutating func perBlock(_ key: String, count: Int, _ fallback: Int, in range: ClosedRange<Int> = 1...1_000_000) throws -> [Int] {
        guard let value = rest.removeValue(forKey: key), value != .null else { return Array(repeating: fallback, count: count) }
        guard case .array(let list) = value else { return Array(repeating: try whole(value, key, range), count: count) }
        guard list.count == count else { throw wrong(key, "one value or \(count)") }
        return try list.map { try whole($0, key, range) }
    }

    /// One value for each layer of each block: a list with one for each block, of values or of lists of one for each layer, or one value that serves all.
    /// Nil where the key is absent.
    /// - Parameter counts: of the blocks' layers
    public mutating func perLayer(_ key: String, counts: [Int], in range: ClosedRange<Int> = 1...1_000_000) throws -> [[Int]]? {
        guard let value = rest.removeValue(forKey: key), value != .null else { return nil }
        guard case .array(let blocks) = value else { return try counts.map { Array(repeating: try whole(value, key, range), count: $0) } }
        guard blocks.count == counts.count else { throw wrong(key, "one value or \(counts.count)") }
        return try zip(blocks, counts).map { block, count in
            guard case .array(let layers) = block else { return Array(repeating: try whole(block, key, range), count: count) }
            guard layers.count == count else { throw wrong(key, "in each block one value or one for each layer") }
            return try layers.map { try whole($0, key, range) }
        }
    }

    /// Whether the key stands in the file with the value null, which some options tell from its absence.
    public func hasNull(_ key: String) -> Bool { rest[key] == .some(.null) }

    /// A list of flags, or nil where the key is absent or holds a single value.
    public mutating func boolsIfList(_ key: String) throws -> [Bool]? {
        guard case .array(let list) = rest[key] else { return nil }
        rest[key] = nil
        return try list.map { if case .bool(let flag) = $0 { flag } else { throw wrong(key, "a list of flags") } }
    }

    /// Options that this program does not carry out: anything but the given value (or null) is refused by name.
    public mutating func refuse(_ keys: [String: JSONValue]) throws {
        for (key, accepted) in keys.sorted(by: { $0.key < $1.key }) {
            guard let value = rest.removeValue(forKey: key), value != .null, value != accepted else { continue }
            throw ConfigurationError(file: file, message: "option \(key) is not supported with the value \(value.text)")
        }
    }

    public mutating func ignore(_ keys: [String]) { for key in keys { rest[key] = nil } }

    /// Throws when a key is left that nobody asked for.
    public func finish() throws {
        let unknown = rest.filter { !$0.key.hasPrefix("_") && $0.value != .null }.keys.sorted()
        guard unknown.isEmpty else { throw ConfigurationError(file: file, message: "unknown option \(unknown.joined(separator: ", "))") }
    }

    public func wrong(_ key: String, _ expected: String) -> ConfigurationError {
        ConfigurationError(file: file, message: "\(key) must be \(expected)")
    }

    private func whole(_ value: JSONValue, _ key: String, _ range: ClosedRange<Int>) throws -> Int {
        guard case .number(let number) = value, let whole = Int(exactly: number), range.contains(whole) else {
            throw wrong(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return whole
    }
}

extension JSONValue {
    /// As it stands in a file.
    public var text: String {
        (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "?"
    }

    public static func integers(_ values: [Int]) -> JSONValue { .array(values.map { .number(Double($0)) }) }
    public static func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }
}
