import Foundation
import Media

/// Reads single images again after a data set was listed. Within a row group that is quick in the order of the rows, since the columns stay open
/// where they were left; going back reads the column from the start of its row group.
final class ParquetImages: @unchecked Sendable {
    // Everything below `lock` is touched only while it is held.
    private let lock = NSLock()
    private var file: ParquetFile?
    private var rowGroup = 0
    private var columns: [String: ParquetColumn] = [:]

    func bytes(_ path: String, rowGroup: Int, row: Int, column name: String) throws(ParquetError) -> [UInt8]? {
        lock.lock()
        defer { lock.unlock() }
        do throws(ParquetError) {
            if file?.path != path {
                close()
                file = try ParquetFile(path)
            }
            if self.rowGroup != rowGroup { columns = [:] }
            self.rowGroup = rowGroup
            if columns[name].map({ $0.row > row }) ?? true { columns[name] = try open(name) }
            return try columns[name]!.bytes(at: row)
        } catch {
            // A failed column stands nowhere.
            close()
            throw error
        }
    }

    private func open(_ name: String) throws(ParquetError) -> ParquetColumn {
        let file = file!
        guard rowGroup < file.rows.count, let column = file.columns.first(where: { $0.name == name && $0.kind == .bytes }) else {
            throw ParquetError(path: file.path, problem: .arrow("it has changed since it was listed"))
        }
        return try ParquetColumn(file, rowGroup: rowGroup, column)
    }

    var isOpen: Bool { lock.withLock { file != nil } }

    func release() { lock.withLock(close) }

    private func close() {
        columns = [:]
        file = nil
    }
}

/// One image of a Parquet file.
struct ParquetImageSource: ImageSource {
    let images: ParquetImages
    let path: String
    let rowGroup: Int
    /// In the row group, from 0.
    let row: Int
    let column: String

    func bytes() throws(ImageError.Reason) -> [UInt8] {
        let found: [UInt8]?
        do { found = try images.bytes(path, rowGroup: rowGroup, row: row, column: column) } catch { throw .file(error.problem.description) }
        guard let found, !found.isEmpty else { throw .empty }
        return found
    }

    func release() { images.release() }
}
