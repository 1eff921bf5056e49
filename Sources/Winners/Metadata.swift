import Foundation
import Storage

/// A row of a metadata file, before anything is known of its files.
struct MetadataRow {
    /// Where it begins in the file, from 1.
    let line: Int
    let fields: Result<[String: JSONValue], RowError>
}

enum MetadataFormat: String, CaseIterable {
    case jsonLines = "metadata.jsonl"
    case commaSeparated = "metadata.csv"

    var fileName: String { rawValue }

    /// A file of a million rows has some 200 MB.
    static let largestFile = 1 << 29
    static let longestLine = 1 << 20

    /// Files that other programs call so, and what to do about them.
    static let others = [
        "metadata.json": "not read: write one JSON object a line, as metadata.jsonl", "metadata.tsv": "not read: save it with commas, as metadata.csv",
        "metadata.parquet": "not read: write its rows as metadata.jsonl",
    ]

    /// Hands on row by row.
    /// - Throws: what is wrong with the file as a whole
    func read(_ file: URL, _ columns: MetadataColumns, _ row: (MetadataRow) -> Void) throws(RowError) {
        let text = try Self.text(of: file)
        switch self {
        case .jsonLines: try Self.readJSONLines(text, row)
        case .commaSeparated: try Self.readCommaSeparated(text, columns, row)
        }
    }

    /// The bytes of a table, without a mark of their order.
    static func text(of file: URL) throws(RowError) -> ArraySlice<UInt8> {
        let bytes: [UInt8]
        do { bytes = [UInt8](try RegularFile.bytes(file, atMost: largestFile)) } catch { throw RowError("\(error.problem)") }
        if let other = NotUTF8(wide: bytes.prefix(4096)) { throw RowError("\(other)") }
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        return bytes.dropFirst(bytes.starts(with: mark) ? mark.count : 0)
    }

    // MARK: JSON Lines

    private static func readJSONLines(_ bytes: ArraySlice<UInt8>, _ row: (MetadataRow) -> Void) throws(RowError) {
        func isBlank(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0D, 0x0A].contains(byte) }
        if bytes.first(where: { !isBlank($0) }) == UInt8(ascii: "[") { throw RowError("holds a JSON array: write one object a line") }
        for line in JSONLinesReader(bytes) { row(MetadataRow(line: line.number, fields: fields(line.bytes))) }
    }

    static func fields(_ line: ArraySlice<UInt8>) -> Result<[String: JSONValue], RowError> {
        guard line.count <= longestLine else { return .failure(RowError("the line has more than \(longestLine) bytes")) }
        guard String(validating: line, as: UTF8.self) != nil else { return .failure(RowError("not UTF-8")) }
        do {
            guard case .object(let fields) = try JSONValue(json: line) else { return .failure(RowError("not a JSON object")) }
            return .success(fields)
        } catch {
            return .failure(RowError("\(error)"))
        }
    }

    // MARK: Comma-separated values

    private static func readCommaSeparated(_ bytes: ArraySlice<UInt8>, _ columns: MetadataColumns, _ row: (MetadataRow) -> Void) throws(RowError) {
        var records = CommaSeparatedRecords(bytes)
        guard let header = records.next() else { throw RowError("is empty") }
        let names = try header.fields.get()
        if let problem = columns.problem(ofHeader: names) {
            return row(MetadataRow(line: header.line, fields: .failure(RowError(problem))))
        }
        for record in IteratorSequence(records) { row(MetadataRow(record, under: names)) }
    }
}

extension MetadataRow {
    /// - Parameter names: of the header, none twice
    init(_ record: (line: Int, fields: Result<[String], RowError>), under names: [String]) {
        line = record.line
        fields = record.fields.flatMap { values -> Result<[String: JSONValue], RowError> in
            guard values.count == names.count else { return .failure(RowError("\(values.count) fields where the header has \(names.count)")) }
            return .success(Dictionary(uniqueKeysWithValues: zip(names, values.map(JSONValue.string))))
        }
    }
}

/// Which fields of a metadata file are the image, its caption and the image it was preferred to.
struct MetadataColumns {
    private let images: [String]
    private let captions: [String]
    static let loser = "loser_file_name"

    /// - Parameter choice: what a user named; that alone holds then
    init(_ choice: ParquetColumnNames) {
        images = choice.image.map { [$0] } ?? ["file_name", "image_file_name", "image"]
        captions = choice.caption.map { [$0] } ?? ["text", "caption", "captions", "prompt"]
    }

    func image(_ row: [String: JSONValue]) throws(RowError) -> String {
        guard let key = images.first(where: { (row[$0] ?? .null) != .null }) else { throw RowError("no \(images[0])\(Self.keys(row))") }
        let name = try Self.text(row[key]!, key)
        if name.isEmpty { throw RowError("\(key) is empty") }
        return name
    }

    /// What the row says of its image: under the first of the names that says something.
    func caption(_ row: [String: JSONValue]) throws(RowError) -> (key: String, value: JSONValue) {
        let present = captions.filter { (row[$0] ?? .null) != .null }
        guard let first = present.first else { throw RowError("no \(captions.joined(separator: ", "))\(Self.keys(row))") }
        let key = present.first { !Self.isBlank(row[$0]!) } ?? first
        return (key, row[key]!)
    }

    func loser(_ row: [String: JSONValue]) throws(RowError) -> String? {
        guard let value = row[Self.loser], value != .null else { return nil }
        let name = try Self.text(value, Self.loser)
        return name.isEmpty ? nil : name
    }

    /// Why rows under this header could not be read; nil where they can.
    func problem(ofHeader names: [String]) -> String? {
        if Set(names).count < names.count { return "the header row names a column twice" }
        if images.contains(where: names.contains), captions.contains(where: names.contains) { return nil }
        if names.count == 1, let separator = [";", "\t", "|"].first(where: names[0].contains) {
            let what = [";": "semicolons", "\t": "tabs", "|": "bars"][separator]!
            return "the columns are separated by \(what): save the file with commas between them"
        }
        let wanted = "\(images[0]) and \(captions.joined(separator: " or "))"
        return "the header row must name the columns \(wanted); it has \(names.prefix(8).joined(separator: ", "))"
    }

    private static func text(_ value: JSONValue, _ key: String) throws(RowError) -> String {
        guard case .string(let text) = value else { throw RowError("\(key) is \(value.typeInWords), not a text") }
        return text
    }

    private static func isBlank(_ value: JSONValue) -> Bool {
        if case .string(let text) = value { text.allSatisfy(\.isWhitespace) } else { value == .null }
    }

    private static func keys(_ row: [String: JSONValue]) -> String {
        row.isEmpty ? "" : "; there is \(row.keys.sorted().prefix(8).joined(separator: ", "))"
    }
}

struct RowError: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }

    /// Of a row or a field, which has no line of its own to name.
    init(encoding problem: NotUTF8) {
        if case .invalid = problem { reason = "not UTF-8" } else { reason = "\(problem)" }
    }
}
