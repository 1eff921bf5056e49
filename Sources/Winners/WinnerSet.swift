import Foundation
import Media
import Storage

/// A file or row that was left out, and why.
public struct Skip: Error, Sendable, Hashable, Codable, CustomStringConvertible {
    /// Relative to the data set.
    public let file: String
    /// The line or row, from 1; nil where the file as a whole is meant.
    public let row: Int?
    public let reason: String

    public init(file: String, row: Int? = nil, reason: String) {
        self.file = file
        self.row = row
        self.reason = reason
    }

    public init(_ error: ImageError) { self.init(file: error.file, reason: error.reason.description) }
    public init(_ error: ClipError) { self.init(file: error.file, reason: error.reason.description) }

    public var description: String { "\(file)\(row.map { ":\($0)" } ?? ""): \(reason)".printable }
}

/// The winners of a data set, in its order: every image's bytes were read once, none was decoded.
public struct WinnerSet: Sendable {
    /// The folder or file.
    public let root: URL
    /// The form that it was read as, for people: "image folder (metadata.jsonl)".
    public let form: String
    /// What was counted while it was listed, for people.
    public let counts: [Count]
    public let winners: [Winner]
    /// Files and rows that were left out.
    public let report: [Skip]
    /// What was done that a user might not expect, for people.
    public let notes: [String]
    /// Links that lead out of the data set.
    public let links: [DatasetLink]
    /// Winners that are read through one, by their places.
    private let linked: [Int: DatasetLink]

    public struct Count: Sendable, Equatable, Encodable {
        public let name: String
        public let value: Int

        public init(_ name: String, _ value: Int) {
            self.name = name
            self.value = value
        }
    }

    /// Form and counts in a line, and a line for each note, for people.
    public var summary: String { ([Self.summary(form, counts)] + notes.map { "  " + $0 }).joined(separator: "\n") }

    public static func summary(_ form: String, _ counts: [Count]) -> String {
        "\(form): " + counts.map { "\($0.value) \($0.name)" }.joined(separator: ", ")
    }

    /// What files of images end in.
    public static let imageExtensions: Set<String> = ["png", "jpg", "jpeg", "jfif", "jpe", "webp"]

    /// Lists whatever stands at `url`; the one place that tells forms apart. Throws where there is no winner to be had.
    ///
    /// - an image folder: ``FolderListing``'s conventions;
    /// - a `.parquet` file or a folder with such files;
    /// - a `.tar` shard in WebDataset's form or a folder with such shards;
    /// - a folder of clips, or a table of them, where there are no pictures to be had: ``ClipListing``'s conventions.
    /// - Parameters:
    ///   - columns: of Parquet files, keys of metadata files, or kinds of files and keys in shards, where their names do not tell
    ///   - captionLines: what becomes of captions of several lines
    public static func list(_ url: URL, columns: ParquetColumnNames = ParquetColumnNames(), captionLines: CaptionLines = .join) throws -> WinnerSet {
        let root = url.standardizedFileURL
        switch try Form(root) {
        case .folder(let walk):
            do throws(WinnerSetError) {
                let folder = try FolderListing(root, walk, columns, captionLines)
                return try WinnerSet(
                    root, form: folder.form, folder.listing, lookedFor: folder.lookedFor, notes: folder.notes, folder.links, linked: folder.linked)
            } catch {
                return try clips(root, walk, columns, captionLines, insteadOf: error)
            }
        case .table(let file):
            let folder = file.deletingLastPathComponent()
            return try clips(
                folder, FolderWalk(folder), columns, captionLines, only: file.lastPathComponent, insteadOf: .notADataSet(file.path))
        case .parquet(let files):
            let found = try ParquetListing(files, columns, captionLines)
            return try WinnerSet(
                root, form: found.form, counts: found.counts, found.listing, lookedFor: ParquetListing.lookedFor, notes: found.listing.notes, files.links)
        case .shards(let files):
            let found = try ShardListing(files, columns, captionLines)
            return try WinnerSet(
                root, form: found.form, counts: found.counts, found.listing, lookedFor: ShardListing.lookedFor, notes: found.listing.notes, files.links)
        }
    }

    private enum Form {
        case folder(FolderWalk)
        case table(URL)
        case parquet(DatasetFiles)
        case shards(DatasetFiles)

        init(_ root: URL) throws(WinnerSetError) {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: root.path, isDirectory: &isFolder) else { throw .notThere(root.path) }
            guard access(root.path, isFolder.boolValue ? R_OK | X_OK : R_OK) == 0 else { throw .unreadable(root.path, String(cString: strerror(errno))) }
            if isFolder.boolValue {
                self = try Self.folder(root)
            } else if Self.isParquet(root.lastPathComponent) {
                self = .parquet(DatasetFiles(file: root))
            } else if ShardListing.isShard(root.lastPathComponent) {
                self = .shards(DatasetFiles(file: root))
            } else if ["jsonl", "csv", "json"].contains(root.pathExtension.lowercased()) {
                self = .table(root)
            } else {
                throw .notADataSet(root.path)
            }
        }

        /// A metadata file says what the folder is. Downloaders put tables without images beside shards and beside captioned images, so Parquet
        /// comes after both.
        private static func folder(_ root: URL) throws(WinnerSetError) -> Form {
            let walk = FolderWalk(root)
            let paths = walk.files.map(DatasetPath.init)
            let tables = MetadataTables(in: paths)
            if tables.holdsRoot { return .folder(walk) }
            let shards = walk.files.filter(ShardListing.isShard)
            if !shards.isEmpty { return .shards(try files(shards, in: root, walk)) }
            let captions = CaptionFiles(paths)
            if !tables.isEmpty || paths.contains(where: { $0.isImage && captions.holds($0) }) { return .folder(walk) }
            let parquet = paths.filter { isParquet($0.name) && MetadataFormat.others[$0.name] == nil }.map(\.path)
            return parquet.isEmpty ? .folder(walk) : .parquet(try files(parquet, in: root, walk))
        }

        /// Of one data set, or an error.
        private static func files(_ names: [String], in root: URL, _ walk: FolderWalk) throws(WinnerSetError) -> DatasetFiles {
            let files = try DatasetFiles(names, in: root, walk)
            try DatasetConfigurations.requireOne(files.read.map(\.name), in: root)
            return files
        }

        static func isParquet(_ name: String) -> Bool { name.lowercased().hasSuffix(".parquet") }
    }

    /// Whether a file, or some file in a folder, is named as those of a data set are. Nothing is opened.
    public static func mayBe(at url: URL) -> Bool {
        func belongs(_ name: String) -> Bool { Form.isParquet(name) || ShardListing.isShard(name) }
        if belongs(url.lastPathComponent) { return true }
        guard let files = FileManager.default.enumerator(at: url, includingPropertiesForKeys: nil) else { return false }
        for case let file as URL in files {
            let ending = file.pathExtension.lowercased()
            if belongs(file.lastPathComponent) || imageExtensions.contains(ending) || ending != "gif" && ClipSource.endings.contains(ending) { return true }
        }
        return false
    }

    /// - Parameters:
    ///   - counts: of this form, beside those of every one
    ///   - lookedFor: what would have been winners, for the error where there is none
    ///   - linked: winners that are read through one of the links, where their images' names do not tell
    init(
        _ root: URL, form: String, counts: [Count] = [], _ listing: WinnerListing, lookedFor: String, notes: [String] = [],
        _ links: DatasetLinks = DatasetLinks([]), linked: [Int: DatasetLink] = [:]
    ) throws(WinnerSetError) {
        guard !listing.winners.isEmpty else { throw .noWinners(root.path, lookedFor: lookedFor, listing.skips) }
        self.root = root
        self.form = form
        let several = listing.winners.count { $0.captions.count > 1 }
        let clips = listing.winners.count { $0.medium.clip != nil }
        self.counts =
            counts + [Count("winners", listing.winners.count), Count("repeated", listing.repeated)]
            + (clips > 0 ? [Count("clips", clips)] : []) + (several > 0 ? [Count("with several captions", several)] : [])
        winners = listing.winners
        report = listing.skips
        self.links = links.all
        self.notes = notes + (links.all.isEmpty ? [] : ["links that lead out of the data set: \(links.all.count)"])
        var byName = linked
        for (index, winner) in winners.enumerated() {
            if let link = links.link(to: winner.image.name) ?? winner.loser.flatMap({ links.link(to: $0.name) }) { byName[index] = link }
        }
        self.linked = byName
    }

    private init(_ set: WinnerSet, _ winners: [Winner], leavingOut skips: [Skip]) {
        (root, form, notes, links, linked) = (set.root, set.form, set.notes, [], [:])
        counts = set.counts.map { $0.name == "winners" ? Count($0.name, winners.count) : $0 }
        self.winners = winners
        report = set.report + skips
    }

    /// Without winners that are read through links that lead out of the data set. Whoever copies a data set for others would copy what those lead to.
    public func withoutLinks() throws(WinnerSetError) -> WinnerSet {
        guard !linked.isEmpty else { return self }
        let skips = linked.sorted { $0.key < $1.key }.map { Skip(file: winners[$0.key].image.name, reason: "not copied: \($0.value)") }
        let kept = winners.indices.filter { linked[$0] == nil }.map { winners[$0] }
        guard !kept.isEmpty else { throw .noWinners(root.path, lookedFor: "winners that lie in the data set itself", skips) }
        return WinnerSet(self, kept, leavingOut: skips)
    }
}

public enum WinnerSetError: Error, Sendable, Equatable, CustomStringConvertible {
    case notThere(String)
    case unreadable(String, String)
    case notADataSet(String)
    /// The data set, and a column that was named for it.
    case noColumns(String, String)
    /// The data set, and its splits, none of which is meant for training.
    case severalSplits(String, [String])
    /// The data set, and its configurations, each with where it lies.
    case severalConfigurations(String, [String])
    /// The data set, what was looked for in it, and why nothing could be used.
    case noWinners(String, lookedFor: String, [Skip])

    public var description: String {
        switch self {
        case .notThere(let path): return "\(path.printable): there is no such folder or file"
        case .unreadable(let path, let reason): return "\(path.printable): cannot be read: \(reason)"
        case .notADataSet(let path): return "\(path.printable): neither a folder nor a .parquet or .tar file"
        case .noColumns(let path, let name):
            return "\(path.printable): has no columns, so that none is \(name): they are Parquet's, or a metadata file's; captions are told by their "
                + "files' names here"
        case .severalSplits(let path, let splits):
            return "\(path.printable): holds the splits \(splits.joined(separator: ", ")), none of which is train: give the folder or file of the one "
                + "that is meant"
        case .severalConfigurations(let path, let configurations):
            let more = configurations.count > 20 ? "; and \(configurations.count - 20) more" : ""
            return "\(path.printable): holds several data sets: give the folder or file of the one that is meant, instead of the folder around them. "
                + configurations.prefix(20).joined(separator: "; ") + more
        case .noWinners(let path, let lookedFor, let skips):
            var lines = ["\(path.printable): no usable winner. Looked for \(lookedFor); \(skips.count) left out"]
            lines += skips.prefix(5).map { "  \($0)" }
            if skips.count > 5 { lines.append("  and \(skips.count - 5) more") }
            return lines.joined(separator: "\n")
        }
    }
}
