import CArrow
import Foundation
import Storage

/// A Parquet file, by Arrow. It belongs to one thread at a time.
final class ParquetFile {
    /// A leaf: the fields of a struct are columns of their own, named `struct.field`.
    struct Column: Hashable {
        /// `texts`: a list of them in every row.
        enum Kind { case bytes, text, texts, number, other }

        let name: String
        let kind: Kind
        fileprivate let index: Int32
    }

    /// A column as people see it, whose leaves may be several.
    struct Field {
        let name: String
        /// In words: "text", "a struct of en, fr", "a list of numbers".
        let type: String
        fileprivate(set) var columns: [Column] = []
    }

    let path: String
    let fields: [Field]
    let columns: [Column]
    /// Of each row group.
    let rows: [Int]
    fileprivate let handle: OpaquePointer

    init(_ path: String) throws(ParquetError) {
        var status = stat()
        // Opening a pipe would wait for ever.
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw ParquetError(path: path, problem: .notAFile) }
        var handle: OpaquePointer?
        if let message = ca_file_open(path, &handle) {
            let problem = ParquetError.Problem.arrow(String(cString: message))
            let start = (try? RegularFile.start(of: URL(fileURLWithPath: path))) ?? Data()
            throw ParquetError(path: path, problem: FileKind(start).flatMap { $0 == .parquet ? nil : .otherKind($0) } ?? problem)
        }
        let opened = handle!
        self.path = path
        self.handle = opened
        rows = (0..<ca_file_row_groups(opened)).map { Int(ca_file_rows(opened, $0)) }
        columns = (0..<ca_file_columns(opened)).map { index in
            Column(name: String(cString: ca_file_column_name(opened, index)), kind: .init(ca_file_column_kind(opened, index)), index: index)
        }
        var fields = (0..<ca_file_fields(opened)).map {
            Field(name: String(cString: ca_file_field_name(opened, $0)), type: String(cString: ca_file_field_type(opened, $0)))
        }
        for column in columns { fields[Int(ca_file_column_field(opened, column.index))].columns.append(column) }
        self.fields = fields
        if rows.contains(where: { $0 < 0 }) { throw ParquetError(path: path, problem: .arrow("a row group has a negative number of rows")) }
        // A row of nulls takes next to no room, and a row of a winner some: that many rows are listed in memory, and no more.
        var count = 0
        for rows in rows {
            let (sum, overflow) = count.addingReportingOverflow(rows)
            guard !overflow, sum <= Int(status.st_size) else {
                throw ParquetError(path: path, problem: .arrow("it claims more rows than it has bytes, which are \(status.st_size)"))
            }
            count = sum
        }
    }

    /// The column that people know by a name, which case does not change.
    func field(_ name: String) -> Field? { fields.first { $0.name == name } ?? fields.first { $0.name.lowercased() == name } }

    deinit { ca_file_close(handle) }
}

/// The values of one column in one row group, read forward, page by page: nothing else of it stands in memory, but for its dictionary, in which
/// some writers put every image of the row group.
final class ParquetColumn {
    private let file: ParquetFile
    private let handle: OpaquePointer
    /// Of the next value, from 0 in the row group.
    private(set) var row = 0

    init(_ file: ParquetFile, rowGroup: Int, _ column: ParquetFile.Column) throws(ParquetError) {
        var handle: OpaquePointer?
        if let message = ca_column_open(file.handle, Int32(rowGroup), column.index, &handle) {
            throw ParquetError(path: file.path, problem: .arrow(String(cString: message)))
        }
        self.file = file
        self.handle = handle!
    }

    deinit { ca_column_close(handle) }

    /// - Parameter row: not before ``row``
    func bytes(at row: Int) throws(ParquetError) -> [UInt8]? {
        let value = try value(at: row)
        return value.is_null ? nil : [UInt8](UnsafeBufferPointer(start: value.bytes, count: Int(value.length)))
    }

    /// The texts of a list, without those that are null; nil where they are too many.
    /// - Parameter row: not before ``row``
    func texts(at row: Int) throws(ParquetError) -> [[UInt8]]? {
        try skip(to: row)
        var count: Int64 = 0
        try check(ca_column_next_list(handle, &count))
        self.row = row + 1
        guard count >= 0 else { return nil }
        return (0..<count).map { index in
            var length: Int64 = 0
            let text = ca_column_text(handle, index, &length)
            return [UInt8](UnsafeBufferPointer(start: text, count: Int(length)))
        }
    }

    func number(at row: Int) throws(ParquetError) -> Double? {
        let value = try value(at: row)
        return value.is_null ? nil : value.number
    }

    private func value(at row: Int) throws(ParquetError) -> CAValue {
        try skip(to: row)
        var value = CAValue()
        try check(ca_column_next(handle, &value))
        self.row = row + 1
        return value
    }

    private func skip(to row: Int) throws(ParquetError) {
        precondition(row >= self.row, "a column is read forward")
        if row > self.row { try check(ca_column_skip(handle, Int64(row - self.row))) }
    }

    private func check(_ message: CAError?) throws(ParquetError) {
        if let message { throw ParquetError(path: file.path, problem: .arrow(String(cString: message))) }
    }
}

extension ParquetFile.Column.Kind {
    fileprivate init(_ kind: CAKind) {
        switch kind {
        case CAKindBytes: self = .bytes
        case CAKindText: self = .text
        case CAKindTextList: self = .texts
        case CAKindNumber: self = .number
        default: self = .other
        }
    }
}
