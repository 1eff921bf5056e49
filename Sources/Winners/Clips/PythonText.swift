/// Texts as Python prints them, which scripts leave in data sets: `b'a cat'`, `['a cat', "a dog's"]`.
enum PythonText {
    /// What `b'…'` holds; nil for other texts, and where the bytes are no UTF-8.
    static func bytes(_ text: String) -> String? {
        var reader = Reader(text)
        guard reader.skip("b") || reader.skip("B"), let bytes = reader.quoted(), reader.isAtEnd else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The texts of a list; nil for other texts.
    static func list(_ text: String) -> [String]? {
        var reader = Reader(text)
        return reader.list { reader in reader.quoted().flatMap { String(validating: $0, as: UTF8.self) } }
    }

    /// How many elements a list has, be they texts or lists of texts, numbers or `None`; nil for other texts.
    static func count(_ text: String) -> Int? {
        var reader = Reader(text)
        return reader.list { reader in reader.anything() ? true : nil }?.count
    }

    private struct Reader {
        private var bytes: ArraySlice<UInt8>

        init(_ text: String) {
            bytes = Array(text.utf8)[...]
            skipSpace()
        }

        var isAtEnd: Bool {
            mutating get {
                skipSpace()
                return bytes.isEmpty
            }
        }

        private mutating func skipSpace() { bytes = bytes.drop { $0 == 32 || 9...13 ~= $0 } }

        mutating func skip(_ text: String) -> Bool {
            skipSpace()
            guard bytes.starts(with: text.utf8) else { return false }
            bytes = bytes.dropFirst(text.utf8.count)
            return true
        }

        mutating func list<Element>(_ element: (inout Reader) -> Element?) -> [Element]? {
            guard skip("[") else { return nil }
            var found: [Element] = []
            while !skip("]") {
                guard let next = element(&self) else { return nil }
                found.append(next)
                if skip(",") { continue }
                guard skip("]") else { return nil }
                break
            }
            return isAtEnd ? found : nil
        }

        /// A text, a word or number, or a list of texts, words and numbers.
        mutating func anything() -> Bool {
            if skip("[") {
                while !skip("]") {
                    guard scalar() else { return false }
                    _ = skip(",")
                }
                return true
            }
            return scalar()
        }

        private mutating func scalar() -> Bool {
            skipSpace()
            if let first = bytes.first, first == 0x27 || first == 0x22 { return quoted() != nil }
            let word = bytes.prefix { $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "]") && $0 != UInt8(ascii: "[") }
            bytes = bytes[word.endIndex...]
            return !word.isEmpty
        }

        /// What stands between two quotes, escapes resolved.
        mutating func quoted() -> [UInt8]? {
            guard let quote = bytes.first, quote == 0x27 || quote == 0x22 else { return nil }
            bytes.removeFirst()
            var result: [UInt8] = []
            while let byte = bytes.popFirst() {
                if byte == quote { return result }
                if byte != UInt8(ascii: "\\") {
                    result.append(byte)
                } else {
                    guard escape(&result) else { return nil }
                }
            }
            return nil
        }

        private mutating func escape(_ result: inout [UInt8]) -> Bool {
            guard let byte = bytes.popFirst() else { return false }
            switch byte {
            case UInt8(ascii: "n"): result.append(10)
            case UInt8(ascii: "t"): result.append(9)
            case UInt8(ascii: "r"): result.append(13)
            case UInt8(ascii: "x"):
                guard let value = hexadecimal(2) else { return false }
                result.append(UInt8(value))
            case UInt8(ascii: "u"), UInt8(ascii: "U"):
                guard let value = hexadecimal(byte == UInt8(ascii: "u") ? 4 : 8), let scalar = Unicode.Scalar(value) else { return false }
                result += Array(String(Character(scalar)).utf8)
            default: result.append(byte)
            }
            return true
        }

        private mutating func hexadecimal(_ digits: Int) -> UInt32? {
            guard bytes.count >= digits else { return nil }
            let text = String(decoding: bytes.prefix(digits), as: UTF8.self)
            bytes = bytes.dropFirst(digits)
            return UInt32(text, radix: 16)
        }
    }
}
