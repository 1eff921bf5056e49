import Storage

/// The records of RFC 4180: fields may stand in quotes, and then hold commas, line breaks and doubled quotes. Lines end in CRLF, LF or CR.
struct CommaSeparatedRecords: IteratorProtocol {
    /// A longer one is a file of another kind, or a quote that was never meant as one.
    static let longestField = 1 << 20

    private var bytes: ArraySlice<UInt8>
    private var line = 1

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// The next record that is no blank line.
    mutating func next() -> (line: Int, fields: Result<[String], RowError>)? {
        while skipLineEnd() {}
        guard !bytes.isEmpty else { return nil }
        let start = line
        var fields: [String] = []
        var error: RowError?
        repeat {
            let field = nextField(&error)
            if field.count > Self.longestField { error = error ?? RowError("a field has more than \(Self.longestField) bytes") }
            do { fields.append(try UTF8Text.string(field)) } catch let problem { error = error ?? RowError(encoding: problem) }
        } while skip(UInt8(ascii: ","))
        _ = skipLineEnd()
        return (start, error.map { .failure($0) } ?? .success(fields))
    }

    private mutating func nextField(_ error: inout RowError?) -> [UInt8] {
        let quote = UInt8(ascii: "\"")
        var field: [UInt8] = []
        if skip(quote) {
            while true {
                guard let byte = bytes.first else {
                    error = error ?? RowError("a quote is never closed")
                    return field
                }
                if byte == quote {
                    bytes.removeFirst()
                    if !skip(quote) { break }
                    field.append(quote)
                } else if Self.isLineEnd(byte) {
                    let before = bytes.startIndex
                    _ = skipLineEnd()
                    field.append(contentsOf: byte == UInt8(ascii: "\r") && bytes.startIndex == before + 2 ? [0x0D, 0x0A] : [byte])
                } else {
                    field.append(byte)
                    bytes.removeFirst()
                }
            }
            if let byte = bytes.first, byte != UInt8(ascii: ","), !Self.isLineEnd(byte) { error = error ?? RowError("text after a closing quote") }
        }
        let end = bytes.firstIndex { $0 == UInt8(ascii: ",") || Self.isLineEnd($0) } ?? bytes.endIndex
        field += bytes[..<end]
        bytes = bytes[end...]
        return field
    }

    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard bytes.first == byte else { return false }
        bytes.removeFirst()
        return true
    }

    private mutating func skipLineEnd() -> Bool {
        let carriageReturn = skip(UInt8(ascii: "\r"))
        let found = skip(UInt8(ascii: "\n")) || carriageReturn
        if found { line += 1 }
        return found
    }
}
