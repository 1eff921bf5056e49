import Foundation

/// A row of a metadata file, before anything is known of its files.
struct MetadataRow {
    /// Where it begins in the file, from 1.
    let line: Int
    let fields: Result<[String: String], RowError>
}

enum MetadataFormat: CaseIterable {
    case jsonLines, commaSeparated

    var fileName: String { self == .jsonLines ? "metadata.jsonl" : "metadata.csv" }

    func rows(of file: [UInt8]) -> [MetadataRow] {
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let bytes = file.starts(with: byteOrderMark) ? file.dropFirst(byteOrderMark.count) : file[...]
        return self == .jsonLines ? Self.jsonLines(bytes) : Self.commaSeparated(bytes)
    }

    // MARK: JSON Lines

    private struct Line: Decodable {
        let fileName: String?
        let text: String?
        let loserFileName: String?

        enum CodingKeys: String, CodingKey {
            case fileName = "file_name"
            case text
            case loserFileName = "loser_file_name"
        }
    }

    private static func jsonLines(_ bytes: ArraySlice<UInt8>) -> [MetadataRow] {
        let decoder = JSONDecoder()
        let blank: Set<UInt8> = [0x20, 0x09, 0x0D]
        var rows: [MetadataRow] = []
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            if line.allSatisfy(blank.contains) { continue }
            rows.append(MetadataRow(line: index + 1, fields: fields(line, decoder)))
        }
        return rows
    }

    private static func fields(_ line: ArraySlice<UInt8>, _ decoder: JSONDecoder) -> Result<[String: String], RowError> {
        do {
            let line = try decoder.decode(Line.self, from: Data(line))
            let fields = ["file_name": line.fileName, "text": line.text, "loser_file_name": line.loserFileName]
            return .success(fields.compactMapValues { $0 })
        } catch DecodingError.typeMismatch(_, let context) {
            guard let key = context.codingPath.last else { return .failure(RowError("not a JSON object")) }
            return .failure(RowError("\(key.stringValue) is not a string"))
        } catch {
            return .failure(RowError("not valid JSON"))
        }
    }

    // MARK: Comma-separated values

    private static func commaSeparated(_ bytes: ArraySlice<UInt8>) -> [MetadataRow] {
        var records = CommaSeparatedRecords(bytes)
        guard let header = records.next() else { return [] }
        guard case .success(let names) = header.fields, names.contains("file_name"), names.contains("text") else {
            return [MetadataRow(line: header.line, fields: .failure(RowError("the header row must name the columns file_name and text")))]
        }
        if Set(names).count < names.count {
            return [MetadataRow(line: header.line, fields: .failure(RowError("the header row names a column twice")))]
        }
        return IteratorSequence(records).map { record in
            let fields = record.fields.flatMap { values -> Result<[String: String], RowError> in
                guard values.count == names.count else { return .failure(RowError("\(values.count) fields where the header has \(names.count)")) }
                return .success(Dictionary(uniqueKeysWithValues: zip(names, values)))
            }
            return MetadataRow(line: record.line, fields: fields)
        }
    }
}

/// The records of RFC 4180: fields may stand in quotes, and then hold commas, line breaks and doubled quotes. Lines end in CRLF, LF or CR.
struct CommaSeparatedRecords: IteratorProtocol {
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
            if let text = String(bytes: field, encoding: .utf8) { fields.append(text) } else { error = error ?? RowError("not UTF-8") }
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
