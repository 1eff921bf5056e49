import CArrow
import Foundation
import Torch

/// A Parquet file, by Arrow. It belongs to one thread at a time.
final class ParquetFile {
    /// A leaf: the fields of a struct are columns of their own, named `struct.field`.
    struct Column: Hashable {
        enum Kind { case bytes, text, number, other }

        let name: String
        let kind: Kind
        fileprivate let index: Int32
    }

    let path: String
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
        if rows.contains(where: { $0 < 0 }) { throw ParquetError(path: path, problem: .arrow("a row group has a negative number of rows")) }
    }

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

    func number(at row: Int) throws(ParquetError) -> Double? {
        let value = try value(at: row)
        return value.is_null ? nil : value.number
    }

    private func value(at row: Int) throws(ParquetError) -> CAValue {
        precondition(row >= self.row, "a column is read forward")
        var value = CAValue()
        let message = (row > self.row ? ca_column_skip(handle, Int64(row - self.row)) : nil) ?? ca_column_next(handle, &value)
        if let message { throw ParquetError(path: file.path, problem: .arrow(String(cString: message))) }
        self.row = row + 1
        return value
    }
}

extension ParquetFile.Column.Kind {
    fileprivate init(_ kind: CAKind) {
        switch kind {
        case CAKindBytes: self = .bytes
        case CAKindText: self = .text
        case CAKindNumber: self = .number
        default: self = .other
        }
    }
}
