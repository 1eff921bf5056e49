import Foundation
import Storage

/// A file of rows that name clips and say what they show, by any of the conventions that data sets of clips follow.
struct ClipTable {
    enum Format { case jsonLines, json, commaSeparated, parquet }

    /// Relative to the data set.
    let file: String
    let folder: String
    let format: Format

    init?(_ path: DatasetPath) {
        (file, folder) = (path.path, path.folder)
        switch path.ending {
        case "jsonl": format = .jsonLines
        case "json": format = .json
        case "csv": format = .commaSeparated
        case "parquet" where path.name == "metadata.parquet": format = .parquet
        default: return nil
        }
    }

    /// Hands on row by row what a file of that kind holds.
    /// - Returns: false for a file that is none of clips, such as a model's configuration
    /// - Throws: what is wrong with the file as a whole
    func read(_ url: URL, _ columns: ClipColumns, _ row: (MetadataRow) throws -> Void) throws -> Bool {
        if format == .parquet { return try readParquet(url.path, columns, row) }
        let text = try MetadataFormat.text(of: url)
        switch format {
        case .jsonLines: return try readLines(text, columns, row)
        case .json: return try readJSON(text, columns, row)
        case .commaSeparated: return try readCommaSeparated(text, columns, row)
        case .parquet: return false
        }
    }

    private func readLines(_ bytes: ArraySlice<UInt8>, _ columns: ClipColumns, _ row: (MetadataRow) throws -> Void) throws -> Bool {
        var isTable = file.hasSuffix("metadata.jsonl")
        for line in JSONLinesReader(bytes) {
            let fields = MetadataFormat.fields(line.bytes)
            // The first row tells what the file is.
            if !isTable {
                guard case .success(let first) = fields, columns.mayName(first) else { return false }
                isTable = true
            }
            try row(MetadataRow(line: line.number, fields: fields))
        }
        return isTable
    }

    /// diffusion-pipe's `captions.json`, `{"a.mp4": ["a cat"]}`; ChronoMagic's `{"sentences": [{…}]}`; a list of objects.
    private func readJSON(_ bytes: ArraySlice<UInt8>, _ columns: ClipColumns, _ row: (MetadataRow) throws -> Void) throws -> Bool {
        let isCaptions = DatasetPath(file).name == "captions.json"
        let value: JSONValue
        do { value = try JSONValue(json: bytes) } catch {
            if isCaptions { throw RowError("\(error)") }
            return false
        }
        var rows: [[String: JSONValue]] = []
        switch value {
        case .object(let entries) where isCaptions:
            rows = entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { ["file_name": .string($0.key), "captions": $0.value] }
        case .object(let entries):
            guard case .array(let sentences)? = entries["sentences"] else { return false }
            rows = sentences.compactMap { if case .object(let fields) = $0 { fields } else { nil } }
        case .array(let elements): rows = elements.compactMap { if case .object(let fields) = $0 { fields } else { nil } }
        default: return false
        }
        guard let first = rows.first, columns.mayName(first) else { return false }
        for (index, fields) in rows.enumerated() { try row(MetadataRow(line: index + 1, fields: .success(fields))) }
        return true
    }

    private func readCommaSeparated(_ bytes: ArraySlice<UInt8>, _ columns: ClipColumns, _ row: (MetadataRow) throws -> Void) throws -> Bool {
        var records = CommaSeparatedRecords(bytes)
        guard let header = records.next() else { return false }
        let names = try header.fields.get()
        guard Set(names).count == names.count, columns.mayName(Dictionary(uniqueKeysWithValues: names.map { ($0, JSONValue.string("")) })) else {
            if DatasetPath(file).name == MetadataFormat.commaSeparated.fileName, let problem = columns.problem(ofHeader: names) { throw RowError(problem) }
            return false
        }
        for record in IteratorSequence(records) { try row(MetadataRow(record, under: names)) }
        return true
    }

    private func readParquet(_ path: String, _ columns: ClipColumns, _ row: (MetadataRow) throws -> Void) throws -> Bool {
        let parquet = try ParquetFile(path)
        let texts = parquet.columns.filter { [.text, .texts, .bytes].contains($0.kind) }
        // A list is a column, and not a part of one.
        func name(_ column: ParquetFile.Column) -> String {
            column.kind == .texts ? String(column.name.split(separator: ".").first ?? "") : column.name
        }
        guard columns.mayName(Dictionary(texts.map { (name($0), JSONValue.string("")) }) { first, _ in first }) else { return false }
        var number = 0
        for (group, count) in parquet.rows.enumerated() {
            let open = try texts.map { ($0, try ParquetColumn(parquet, rowGroup: group, $0)) }
            for index in 0..<count {
                number += 1
                var fields: [String: JSONValue] = [:]
                for (column, values) in open {
                    if column.kind == .texts {
                        let found = try values.texts(at: index) ?? []
                        fields[name(column)] = JSONValue.array(found.map { text in JSONValue.string(String(decoding: text, as: UTF8.self)) })
                    } else {
                        fields[column.name] = try values.bytes(at: index).map { text in JSONValue.string(String(decoding: text, as: UTF8.self)) }
                    }
                }
                try row(MetadataRow(line: number, fields: .success(fields)))
            }
        }
        return true
    }
}
