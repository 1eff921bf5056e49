import Foundation
import Media
import Storage

/// The prompts of a test set, each with the clip that answers it: a table of rows as data sets of clips have them, and a folder of clips that need not lie beside
/// it.
public struct ReferenceClips: Sendable {
    public struct Item: Sendable {
        /// By which the table names the clip, without folder and ending.
        public let id: String
        public let prompt: String
        public let clip: ClipReference
    }

    /// In the table's order, no id twice.
    public let items: [Item]
    /// Rows of the table, whether they are used or not.
    public let rows: Int
    /// Rows that were left out, and why.
    public let skips: [Skip]

    /// Reads a table (`.csv`, `.jsonl`, `.json`, `metadata.parquet`) of identifiers or file names and prompts: ``ClipColumns``. An identifier is a clip's name without
    /// its ending, or that of a folder of frames.
    /// - Parameter choice: columns of identifier and prompt, where their names do not tell
    /// - Throws: ``ReferenceClipsError``
    public static func list(
        _ table: URL, in folder: URL, columns choice: ParquetColumnNames = ParquetColumnNames(), captionLines: CaptionLines = .join
    ) throws(ReferenceClipsError) -> ReferenceClips {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue else { throw .noFolder(folder.path) }
        guard let reader = ClipTable(DatasetPath(table.lastPathComponent)) else { throw .noTable(table.path, "its name ends in none of .csv, .jsonl, .json") }
        var rows = Rows(folder, ClipColumns(choice), captionLines)
        do {
            guard try reader.read(table, rows.columns, { rows.add($0, of: table.lastPathComponent) }) else {
                throw ReferenceClipsError.noTable(table.path, "it has no columns of an identifier or file and of a prompt, such as videoid and name")
            }
        } catch let error as ReferenceClipsError {
            throw error
        } catch let error as RowError {
            throw .noTable(table.path, error.reason)
        } catch {
            throw .noTable(table.path, "\(error)")
        }
        guard !rows.items.isEmpty else { throw .noClips(table: table.path, folder: folder.path, rows.listing.skips) }
        return ReferenceClips(items: rows.items, rows: rows.count, skips: rows.listing.skips)
    }

    /// What is collected while the table is read.
    private struct Rows {
        let columns: ClipColumns
        private let files: ClipFiles
        private(set) var listing: WinnerListing
        private(set) var items: [Item] = []
        private(set) var count = 0
        /// The row of each id.
        private var places: [String: Int] = [:]

        init(_ folder: URL, _ columns: ClipColumns, _ captionLines: CaptionLines) {
            self.columns = columns
            files = ClipFiles(folder, FolderWalk(folder))
            listing = WinnerListing(captionLines)
        }

        mutating func add(_ row: MetadataRow, of table: String) {
            count += 1
            do throws(RowError) {
                let fields = try row.fields.get()
                let name = try columns.name(fields)
                let (key, value) = try columns.caption(fields)
                let prompt = try listing.captions(value, named: key)[0]
                let id = name.id
                if let first = places[id] { throw RowError("\(id) is there already, in row \(first)") }
                places[id] = row.line
                let clip = try files.clip(name, inFolder: "", spacing: columns.spacing(fields))
                items.append(Item(id: id, prompt: prompt, clip: clip))
            } catch {
                listing.leaveOut(table, row: row.line, error.reason)
            }
        }
    }
}

extension ReferenceClips {
    /// Those that are among winners, which a model was trained on: by the name of the file or sample, by its bytes, or by the whole caption. What a winner was
    /// preferred to counts as well.
    public func items(among winners: WinnerSet) -> [Item] {
        var (names, digests, captions): (Set<String>, Set<String>, Set<String>) = ([], [], [])
        for winner in winners.winners {
            captions.formUnion(winner.captions)
            for medium in [winner.medium, winner.losingMedium].compactMap({ $0 }) {
                digests.insert(medium.digest)
                let name = DatasetPath(medium.name)
                // Rows of a Parquet file have numbers and no names.
                if !name.ending.hasPrefix("parquet:") { names.insert(name.baseName) }
            }
        }
        return items.filter { item in
            captions.contains(item.prompt) || digests.contains(item.clip.digest) || names.contains(item.id)
                || names.contains(DatasetPath(item.clip.name).baseName)
        }
    }
}

extension ClipColumns.Name {
    fileprivate var id: String {
        switch self {
        case .path(let text): DatasetPath(text).baseName
        case .identifier(let id, _, _): id
        }
    }
}

extension DatasetPath {
    /// The name without folder and ending.
    fileprivate var baseName: String { DatasetPath(stem).name }
}

/// Why a test set cannot be read.
public enum ReferenceClipsError: Error, Sendable, Equatable, CustomStringConvertible {
    case noFolder(String)
    /// What is no table of prompts, and why.
    case noTable(String, String)
    /// No row has a clip that can be used, and why none has.
    case noClips(table: String, folder: String, [Skip])

    public var description: String {
        switch self {
        case .noFolder(let path): return "\(path.printable): there is no such folder of reference clips"
        case .noTable(let path, let reason): return "\(path.printable): no table of prompts: \(reason)".printable
        case .noClips(let table, let folder, let skips):
            var lines = ["\(table.printable): no prompt has a reference clip in \(folder.printable) that can be used; \(skips.count) rows left out"]
            lines += skips.prefix(5).map { "  \($0)" }
            if skips.count > 5 { lines.append("  and \(skips.count - 5) more") }
            return lines.joined(separator: "\n")
        }
    }
}
