import Foundation

extension JSONValue {
    /// Reads JSON as Python's `json` writes and reads it: `NaN`, `Infinity` and `-Infinity` are numbers, of a key that stands twice the last holds, and
    /// half a surrogate pair becomes U+FFFD.
    /// - Throws: what is wrong with it, and where
    public init(json bytes: some BidirectionalCollection<UInt8>) throws(JSONError) {
        let text: String
        do { text = try UTF8Text.string(bytes) } catch { throw JSONError("\(error)", at: nil) }
        var reader = JSONReader(Array(text.utf8))
        self = try reader.document()
    }
}

/// Why bytes are no JSON.
public struct JSONError: Error, Equatable, CustomStringConvertible {
    public let reason: String
    /// The byte, from 1; nil where no place is meant.
    public let place: Int?
    public var description: String { place.map { "not valid JSON: \(reason) at byte \($0)" } ?? reason }

    init(_ reason: String, at place: Int?) { (self.reason, self.place) = (reason, place) }
}

private struct JSONReader {
    private let bytes: [UInt8]
    private var position = 0

    /// Deeper ones are nothing but an attack on the stack.
    private static let deepest = 100

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONError) -> JSONValue {
        let value = try value(depth: 0)
        skipSpace()
        if position < bytes.count { throw error("something follows the value") }
        return value
    }

    private func error(_ reason: String) -> JSONError { JSONError(reason, at: position + 1) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func skip(_ word: StaticString) -> Bool {
        let isNext = word.withUTF8Buffer { bytes[position...].starts(with: $0) }
        if isNext { position += word.utf8CodeUnitCount }
        return isNext
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth < Self.deepest else { throw error("more than \(Self.deepest) levels") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case nil: throw error("it ends too early")
        default: break
        }
        if skip("true") { return .bool(true) }
        if skip("false") { return .bool(false) }
        if skip("null") { return .null }
        if skip("NaN") { return .number(.nan) }
        if skip("Infinity") { return .number(.infinity) }
        if skip("-Infinity") { return .number(-.infinity) }
        return .number(try number())
    }

    private mutating func object(depth: Int) throws(JSONError) -> [String: JSONValue] {
        position += 1
        var members: [String: JSONValue] = [:]
        skipSpace()
        if skip(UInt8(ascii: "}")) { return members }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw error("a key in double quotes was expected") }
            let key = try string()
            skipSpace()
            guard skip(UInt8(ascii: ":")) else { throw error("a colon was expected") }
            members[key] = try value(depth: depth + 1)
            skipSpace()
        } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "}")) else { throw error("a comma or } was expected") }
        return members
    }

    private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
        position += 1
        var elements: [JSONValue] = []
        skipSpace()
        if skip(UInt8(ascii: "]")) { return elements }
        repeat {
            elements.append(try value(depth: depth + 1))
            skipSpace()
        } while skip(UInt8(ascii: ","))
        guard skip(UInt8(ascii: "]")) else { throw error("a comma or ] was expected") }
        return elements
    }

    private mutating func number() throws(JSONError) -> Double {
        let start = position
        func digits() -> Int { bytes[position...].prefix { 48...57 ~= $0 }.count }
        _ = skip(UInt8(ascii: "-"))
        let whole = digits()
        guard whole > 0 else {
            position = start
            throw error("a value was expected")
        }
        if whole > 1, next == UInt8(ascii: "0") { throw error("a number begins with a zero") }
        position += whole
        if skip(UInt8(ascii: ".")) {
            let fraction = digits()
            if fraction == 0 { throw error("a digit was expected") }
            position += fraction
        }
        if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
            _ = skip(UInt8(ascii: "+")) || skip(UInt8(ascii: "-"))
            let exponent = digits()
            if exponent == 0 { throw error("a digit was expected") }
            position += exponent
        }
        return Double(String(decoding: bytes[start..<position], as: UTF8.self)) ?? .nan
    }

    // MARK: Strings

    private mutating func string() throws(JSONError) -> String {
        position += 1
        var text: [UInt8] = []
        while true {
            let plain = bytes[position...].prefix { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") && $0 >= 0x20 }
            text += plain
            position = plain.endIndex
            if skip(UInt8(ascii: "\"")) { return String(decoding: text, as: UTF8.self) }
            guard skip(UInt8(ascii: "\\")) else { throw error(next == nil ? "a text is never closed" : "a control character within a text") }
            text += String(try escaped()).utf8
        }
    }

    private static let escapes: [UInt8: Unicode.Scalar] = [
        UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/", UInt8(ascii: "b"): "\u{8}", UInt8(ascii: "f"): "\u{C}",
        UInt8(ascii: "n"): "\n", UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
    ]

    private mutating func escaped() throws(JSONError) -> Unicode.Scalar {
        if let byte = next, let scalar = Self.escapes[byte] {
            position += 1
            return scalar
        }
        guard skip(UInt8(ascii: "u")) else { throw error("an unknown escape") }
        let unit = try codeUnit()
        guard 0xD800..<0xDC00 ~= unit else { return Unicode.Scalar(unit) ?? "\u{FFFD}" }
        let after = position
        if skip("\\u") {
            let second = try codeUnit()
            if 0xDC00..<0xE000 ~= second { return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (second - 0xDC00))! }
            position = after
        }
        return "\u{FFFD}"
    }

    private mutating func codeUnit() throws(JSONError) -> UInt32 {
        let digits = bytes[position...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { throw error("four hexadecimal digits were expected") }
        position += 4
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)!
    }
}

extension String {
    fileprivate init(_ scalar: Unicode.Scalar) { self = String(Character(scalar)) }
}
