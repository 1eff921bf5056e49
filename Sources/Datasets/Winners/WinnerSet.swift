import Foundation
import Torch

/// An image that was preferred, its caption and, in preference data, the image it was preferred to.
public struct Winner: Sendable {
    public let image: ImageReference
    public let caption: String
    public let loser: ImageReference?

    public init(image: ImageReference, caption: String, loser: ImageReference? = nil) {
        self.image = image
        self.caption = caption
        self.loser = loser
    }
}

/// A file or row that was left out, and why.
public struct Skip: Sendable, Hashable, Codable, CustomStringConvertible {
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

    public struct Count: Sendable, Equatable, Encodable {
        public let name: String
        public let value: Int

        public init(_ name: String, _ value: Int) {
            self.name = name
            self.value = value
        }
    }

    /// Form and counts in a line, for people.
    public var summary: String { Self.summary(form, counts) }

    public static func summary(_ form: String, _ counts: [Count]) -> String {
        "\(form): " + counts.map { "\($0.value) \($0.name)" }.joined(separator: ", ")
    }

    /// What files of images end in.
    public static let imageExtensions: Set<String> = ["png", "jpg", "jpeg", "jfif", "jpe", "webp"]

    /// Opens whatever stands at `url`; the one place that tells forms apart. Throws where there is no winner to be had.
    ///
    /// - an image folder: ``FolderListing``'s conventions;
    /// - a `.parquet` file or a folder with such files;
    /// - a `.tar` shard in WebDataset's form or a folder with such shards.
    /// - Parameter columns: of Parquet files, where their names do not tell
    public init(_ url: URL, columns: ParquetColumnNames = ParquetColumnNames()) throws {
        let root = url.standardizedFileURL
        switch try Form(root) {
        case .folder:
            let folder = FolderListing(root)
            try self.init(root, form: folder.form, folder.listing, lookedFor: folder.lookedFor)
        case .parquet(let files):
            let found = try ParquetListing(files, columns)
            try self.init(root, form: found.form, counts: found.counts, found.listing, lookedFor: ParquetListing.lookedFor)
        case .shards(let files):
            let found = try ShardListing(files)
            try self.init(root, form: found.form, counts: found.counts, found.listing, lookedFor: ShardListing.lookedFor)
        }
    }

    private enum Form {
        case folder
        case parquet(DatasetFiles)
        case shards(DatasetFiles)

        init(_ root: URL) throws(WinnerSetError) {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: root.path, isDirectory: &isFolder) else { throw .notThere(root.path) }
            guard access(root.path, isFolder.boolValue ? R_OK | X_OK : R_OK) == 0 else { throw .unreadable(root.path, String(cString: strerror(errno))) }
            if isFolder.boolValue {
                self = Self.folder(root)
            } else if Self.isParquet(root.lastPathComponent) {
                self = .parquet(DatasetFiles(file: root))
            } else if ShardListing.isShard(root.lastPathComponent) {
                self = .shards(DatasetFiles(file: root))
            } else {
                throw .notADataSet(root.path)
            }
        }

        /// A metadata file says what the folder is. Downloaders put tables without images beside shards and beside captioned images, so Parquet
        /// comes after both.
        private static func folder(_ root: URL) -> Form {
            func holds(_ format: MetadataFormat) -> Bool { FileManager.default.fileExists(atPath: root.appendingPathComponent(format.fileName).path) }
            if MetadataFormat.allCases.contains(where: holds) { return .folder }
            let names = FolderListing.files(under: root)
            let shards = DatasetFiles(names.filter(ShardListing.isShard), in: root)
            if !shards.read.isEmpty { return .shards(shards) }
            let parquet = DatasetFiles(names.filter(isParquet), in: root)
            return parquet.read.isEmpty || FolderListing.holdCaptionedImage(names) ? .folder : .parquet(parquet)
        }

        static func isParquet(_ name: String) -> Bool { name.lowercased().hasSuffix(".parquet") }
    }

    /// Whether a file, or some file in a folder, is named as those of a data set are. Nothing is opened.
    public static func mayBe(at url: URL) -> Bool {
        func belongs(_ name: String) -> Bool { Form.isParquet(name) || ShardListing.isShard(name) }
        if belongs(url.lastPathComponent) { return true }
        guard let files = FileManager.default.enumerator(at: url, includingPropertiesForKeys: nil) else { return false }
        for case let file as URL in files where belongs(file.lastPathComponent) || imageExtensions.contains(file.pathExtension.lowercased()) { return true }
        return false
    }

    /// - Parameters:
    ///   - counts: of this form, beside those of every one
    ///   - lookedFor: what would have been winners, for the error where there is none
    init(_ root: URL, form: String, counts: [Count] = [], _ listing: WinnerListing, lookedFor: String) throws(WinnerSetError) {
        guard !listing.winners.isEmpty else { throw .noWinners(root.path, lookedFor: lookedFor, listing.skips) }
        self.root = root
        self.form = form
        self.counts = counts + [Count("winners", listing.winners.count), Count("repeated", listing.repeated)]
        winners = listing.winners
        report = listing.skips
    }
}

public enum WinnerSetError: Error, Sendable, Equatable, CustomStringConvertible {
    case notThere(String)
    case unreadable(String, String)
    case notADataSet(String)
    /// The data set, what was looked for in it, and why nothing could be used.
    case noWinners(String, lookedFor: String, [Skip])

    public var description: String {
        switch self {
        case .notThere(let path): return "\(path.printable): there is no such folder or file"
        case .unreadable(let path, let reason): return "\(path.printable): cannot be read: \(reason)"
        case .notADataSet(let path): return "\(path.printable): neither a folder nor a .parquet or .tar file"
        case .noWinners(let path, let lookedFor, let skips):
            var lines = ["\(path.printable): no usable winner. Looked for \(lookedFor); \(skips.count) left out"]
            lines += skips.prefix(5).map { "  \($0)" }
            if skips.count > 5 { lines.append("  and \(skips.count - 5) more") }
            return lines.joined(separator: "\n")
        }
    }
}
