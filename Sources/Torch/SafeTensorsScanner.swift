/// Reads the pieces of JSON that a safetensors header is made of: texts, non-negative whole numbers and lists of them.
struct SafeTensorsScanner {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    mutating func expect(_ character: Unicode.Scalar, skippingSpace: Bool = true) throws(SafeTensorsError.Problem) {
        if skippingSpace { skipSpace() }
        guard current == UInt8(ascii: character) else { throw unexpected("'\(character)'") }
        position += 1
    }

    mutating func expectEnd() throws(SafeTensorsError.Problem) {
        skipSpace()
        guard position == bytes.count else { throw unexpected("the end") }
    }

    /// Whether another element follows in an object or list, with the comma or the `end` behind us.
    mutating func hasNext(until end: Unicode.Scalar, isFirst: inout Bool) throws(SafeTensorsError.Problem) -> Bool {
        skipSpace()
        if current == UInt8(ascii: end) {
            position += 1
            return false
        }
        if !isFirst { try expect(",") }
        isFirst = false
        return true
    }

    /// A text and the colon behind it.
    mutating func key() throws(SafeTensorsError.Problem) -> String {
        let key = try string()
        try expect(":")
        return key
    }

    mutating func string() throws(SafeTensorsError.Problem) -> String {
        skipSpace()
        let start = position
        guard current == UInt8(ascii: "\"") else { throw unexpected("a text") }
        position += 1
        var text: [UInt8] = []
        while let byte = current, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw .notJSON("a control character in a text", byte: position) }
            position += 1
            if byte == UInt8(ascii: "\\") {
                text.append(contentsOf: Character(try escaped()).utf8)
            } else {
                text.append(byte)
            }
        }
        guard current != nil else { throw .notJSON("a text without an end", byte: start) }
        position += 1
        let string = String(decoding: text, as: UTF8.self)
        // Decoding repairs what is not UTF-8, and then the bytes differ.
        guard string.utf8.elementsEqual(text) else { throw .notUTF8(byte: start) }
        return string
    }

    /// What follows a backslash.
    private mutating func escaped() throws(SafeTensorsError.Problem) -> Unicode.Scalar {
        let start = position - 1
        guard let byte = current else { throw .notJSON("a text without an end", byte: start) }
        position += 1
        switch UnicodeScalar(byte) {
        case "\"": return "\""
        case "\\": return "\\"
        case "/": return "/"
        case "b": return "\u{08}"
        case "f": return "\u{0C}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "u":
            var code = try hexadecimal()
            if 0xD800..<0xDC00 ~= code, bytes.count - position >= 6, current == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u") {
                position += 2
                let low = try hexadecimal()
                guard 0xDC00..<0xE000 ~= low else { throw .notJSON("half a surrogate pair", byte: start) }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw .notJSON("half a surrogate pair", byte: start) }
            return scalar
        default: throw .notJSON("an unknown escape", byte: start)
        }
    }

    /// Four hexadecimal digits.
    private mutating func hexadecimal() throws(SafeTensorsError.Problem) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = current.flatMap({ Character(UnicodeScalar($0)).hexDigitValue }) else { throw unexpected("four hexadecimal digits") }
            code = code << 4 + UInt32(digit)
            position += 1
        }
        return code
    }

    mutating func integers() throws(SafeTensorsError.Problem) -> [Int] {
        try expect("[")
        var list: [Int] = []
        var isFirst = true
        while try hasNext(until: "]", isFirst: &isFirst) { list.append(try integer()) }
        return list
    }

    mutating func integers(count: Int) throws(SafeTensorsError.Problem) -> [Int] {
        skipSpace()
        let start = position
        let list = try integers()
        guard list.count == count else { throw .notJSON("\(list.count) numbers instead of \(count)", byte: start) }
        return list
    }

    private mutating func integer() throws(SafeTensorsError.Problem) -> Int {
        skipSpace()
        let start = position
        if current == UInt8(ascii: "-") { throw .notJSON("a negative number", byte: start) }
        var value = 0
        while let byte = current, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
            guard !overflow, !carry else { throw .notJSON("a number that is too great", byte: start) }
            value = sum
            position += 1
        }
        guard position > start else { throw unexpected("a number") }
        guard position == start + 1 || bytes[start] != UInt8(ascii: "0") else { throw .notJSON("a number with leading zeros", byte: start) }
        if let byte = current, byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e") { throw .notJSON("a number that is not whole", byte: start) }
        return value
    }

    private func unexpected(_ wanted: String) -> SafeTensorsError.Problem {
        guard let byte = current else { return .notJSON("the end instead of \(wanted)", byte: position) }
        switch UnicodeScalar(byte) {
        case "{", "[": return .notJSON("a nested value instead of \(wanted)", byte: position)
        case let scalar where 0x21...0x7E ~= byte: return .notJSON("'\(scalar)' instead of \(wanted)", byte: position)
        default: return .notJSON("the byte \(byte) instead of \(wanted)", byte: position)
        }
    }
}
