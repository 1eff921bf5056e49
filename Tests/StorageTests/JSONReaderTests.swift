import Storage
import Testing

/// JSON as Python's `json` reads it.
@Suite struct JSONReaderTests {
    private func read(_ text: String) throws -> JSONValue { try JSONValue(json: Array(text.utf8)) }

    @Test func values() throws {
        let text = #" {"a": [1, -0.5, 2e3, true, false, null], "b": {"c": "\"\\\/\b\f\n\r\t\u00e9\ud83e\udd86"}, "": "é猫"} "#
        let list: [JSONValue] = [.number(1), .number(-0.5), .number(2000), .bool(true), .bool(false), .null]
        #expect(try read(text) == .object(["a": .array(list), "b": .object(["c": .string("\"\\/\u{8}\u{C}\n\r\té🦆")]), "": .string("é猫")]))
        #expect(try read("[]") == .array([]) && read("{}") == .object([:]) && read("\u{FEFF}1") == .number(1))
    }

    @Test func whatPythonWritesBesides() throws {
        #expect(try read("[Infinity, -Infinity]") == .array([.number(.infinity), .number(-.infinity)]))
        guard case .number(let number) = try read("NaN") else {
            Issue.record("no number")
            return
        }
        #expect(number.isNaN)
        #expect(try read(#"{"a": 1, "a": 2}"#) == .object(["a": .number(2)]))
        #expect(try read(#"["\ud83d", "\udd86x", "\ud83d\u0041"]"#) == .array([.string("\u{FFFD}"), .string("\u{FFFD}x"), .string("\u{FFFD}A")]))
    }

    @Test(arguments: [
        ("", "it ends too early", 1), ("{", "a key in double quotes was expected", 2),
        ("{\"a\"}", "a colon was expected", 5), ("[1 2]", "a comma or ] was expected", 4),
        ("{'a': 1}", "a key in double quotes was expected", 2), ("[1,]", "a value was expected", 4), ("\"a", "a text is never closed", 3),
        ("\"a\nb\"", "a control character within a text", 3), ("\"\\x\"", "an unknown escape", 3), ("\"\\u12g4\"", "four hexadecimal digits were expected", 4),
        ("01", "a number begins with a zero", 1), ("1.", "a digit was expected", 3), ("1e", "a digit was expected", 3), ("+1", "a value was expected", 1),
        (".5", "a value was expected", 1), ("nan", "a value was expected", 1), ("1 2", "something follows the value", 3), ("tru", "a value was expected", 1),
    ])
    func refused(_ text: String, _ reason: String, _ place: Int) {
        let error = #expect(throws: JSONError.self) { try read(text) }
        #expect(error?.description == "not valid JSON: \(reason) at byte \(place)")
    }

    @Test func depthIsBounded() throws {
        let levels = { (count: Int) in String(repeating: "[", count: count) + String(repeating: "]", count: count) }
        #expect(throws: Never.self) { try read(levels(100)) }
        #expect(throws: JSONError.self) { try read(levels(101)) }
        #expect(throws: JSONError.self) { try read(String(repeating: "{\"a\":", count: 1_000_000)) }
    }

    @Test func bytesAreUTF8() {
        #expect(throws: JSONError.self) { try JSONValue(json: [0x22, 0xE9, 0x22]) }
        #expect(throws: JSONError.self) { try JSONValue(json: "{\"a\": 1}".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }) }
    }
}
