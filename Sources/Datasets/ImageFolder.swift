import Foundation

/// An image that was preferred, its caption and, in preference data, the image it was preferred to.
public struct Winner: Sendable, Equatable {
    public let image: URL
    public let caption: String
    public let loser: URL?

    public init(image: URL, caption: String, loser: URL? = nil) {
        self.image = image
        self.caption = caption
        self.loser = loser
    }
}

/// A file or row that was left out, and why.
public struct Skip: Sendable, Equatable, Codable, CustomStringConvertible {
    /// Relative to the folder.
    public let file: String
    /// The line at which the row begins, from 1; nil where the file as a whole is meant.
    public let row: Int?
    public let reason: String

    public init(file: String, row: Int? = nil, reason: String) {
        self.file = file
        self.row = row
        self.reason = reason
    }

    public var description: String { "\(file)\(row.map { ":\($0)" } ?? ""): \(reason)" }
}

/// Images and their captions in a folder, by the conventions of Hugging Face's `imagefolder`.
///
/// Read from the first of these that is there:
/// - `metadata.jsonl`: an object a line with `file_name`, `text` and optionally `loser_file_name`, paths relative to the folder;
/// - `metadata.csv`: the same as columns (RFC 4180, a header row, any order, further columns ignored);
/// - a `.txt` file beside each image, in the folder and its subfolders.
///
/// Winners come in the order of the rows, or sorted by path. Nothing is decoded until ``load(_:withLoser:ground:)``.
public struct ImageFolder: Sendable {
    public let folder: URL
    public let winners: [Winner]
    /// Everything left out: at first bad rows and files, later what would not decode.
    public private(set) var report: [Skip]

    public static let extensions: Set<String> = ["png", "jpg", "jpeg", "webp"]

    /// Lists the folder.
    ///
    /// A row is left out, and reported, that is not readable, lacks a caption, names a file that is missing, outside the folder or of another
    /// kind, or repeats an earlier row. Links that lie in the folder are followed wherever they lead, as download caches need.
    public init(_ folder: URL) throws(ImageFolderError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue else { throw .notAFolder(folder.path) }
        self.folder = folder.standardizedFileURL
        var listing = FolderListing(folder: self.folder)
        let table = MetadataFormat.allCases.first { FileManager.default.fileExists(atPath: folder.appendingPathComponent($0.fileName).path) }
        if let table { listing.addRows(of: table) } else { listing.addCaptionedImages() }
        winners = listing.winners
        report = listing.skips
        if winners.isEmpty { throw .noWinners(folder: folder.path, table: table?.fileName, report) }
    }

    /// Decodes a winner; nil, with an entry in ``report``, where one of its files will not.
    public mutating func load(
        _ winner: Winner, withLoser: Bool = false, ground: RGBImage.Ground = .white
    ) -> (image: RGBImage, loser: RGBImage?)? {
        var file = winner.image
        do {
            let image = try RGBImage(contentsOf: file, ground: ground)
            guard withLoser, let loser = winner.loser else { return (image, nil) }
            file = loser
            return (image, try RGBImage(contentsOf: loser, ground: ground))
        } catch {
            leaveOut(file, because: error.reason.description)
            return nil
        }
    }

    /// Adds to ``report`` what was found wrong with a listed file later, once for each file.
    public mutating func leaveOut(_ file: URL, because reason: String) {
        let root = folder.path + "/"
        let name = file.path.hasPrefix(root) ? String(file.path.dropFirst(root.count)) : file.path
        let skip = Skip(file: name, reason: reason)
        if !report.contains(skip) { report.append(skip) }
    }
}

public enum ImageFolderError: Error, Sendable, Equatable, CustomStringConvertible {
    case notAFolder(String)
    /// `table` is the metadata file that was read, nil where captions beside the images were looked for.
    case noWinners(folder: String, table: String?, [Skip])

    public var description: String {
        switch self {
        case .notAFolder(let path): return "\(path): not a folder"
        case .noWinners(let folder, let table, let skips):
            let lookedFor = "metadata.jsonl or metadata.csv (file_name, text), or .png, .jpg, .jpeg, .webp images with a .txt caption beside each"
            let found = table.map { "\($0) has" } ?? "there is no metadata file, and there are"
            var lines = ["\(folder): no usable winner. Looked for \(lookedFor); \(found) nothing usable, \(skips.count) left out"]
            lines += skips.prefix(5).map { "  \($0)" }
            if skips.count > 5 { lines.append("  and \(skips.count - 5) more") }
            return lines.joined(separator: "\n")
        }
    }
}
