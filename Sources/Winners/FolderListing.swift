import Foundation
import Media
import Storage

/// Images and their captions in a folder, by the conventions of Hugging Face's `imagefolder` and of sd-scripts.
///
/// - `metadata.jsonl`, in the folder or its subfolders: an object a line with `file_name`, `text` (or `caption`, `prompt`; a text or a list of texts)
///   and optionally `loser_file_name`, paths relative to its own folder;
/// - `metadata.csv`, where there is none: the same as columns (RFC 4180, a header row, any order, further columns ignored);
/// - for pictures that lie under neither: a `.txt` or `.caption` file beside each.
///
/// Of several splits one is read: ``DatasetSplit``. Winners come in the order of the metadata files' paths and their rows, then sorted by path. A row is
/// left out, and reported, that is not readable, lacks a caption, names a file that is missing, outside the folder or of another kind, or repeats an
/// earlier row. Links that lie in the folder are followed wherever they lead, as download caches need.
struct FolderListing {
    private(set) var listing: WinnerListing
    /// Winners of which a file is read through a link that leads out of the folder, by their places among the winners.
    private(set) var linked: [Int: DatasetLink] = [:]

    private var files: FolderFiles
    private let columns: MetadataColumns
    private let tables: MetadataTables
    private let split: DatasetSplit?
    /// Images that a metadata file names.
    private var named: Set<String> = []
    private var sharedCaptions = 0
    private var readsCaptionFiles = false

    /// Throws where it is not clear which of several splits or configurations is meant, or a column is named of files that have none.
    init(_ folder: URL, _ walk: FolderWalk, _ choice: ParquetColumnNames, _ captionLines: CaptionLines) throws(WinnerSetError) {
        (files, columns, listing) = (FolderFiles(folder, walk), MetadataColumns(choice), WinnerListing(captionLines))
        let paths = walk.files.map(DatasetPath.init)
        let captions = CaptionFiles(paths)
        let found = MetadataTables(in: paths)
        split = try Self.split(paths, found, captions, folder)
        let split = split
        tables = found.filter { [nil, split].contains(DatasetSplit(foldersOf: $0.file)) }
        if tables.isEmpty, let name = choice.caption ?? choice.image { throw .noColumns(folder.path, name) }
        let folders = Set(paths.filter { $0.isImage && DatasetSplit(foldersOf: $0.path) == split }.map(\.folder)).sorted()
        try DatasetConfigurations.requireOne(tables.isEmpty ? folders.map { $0 + "images" } : tables.all.map(\.file), in: folder)
        for skip in walk.skips { listing.leaveOut(skip.file, skip.reason) }
        leaveOutOtherTables(paths)
        leaveOutOtherSplits(paths, captions)
        for table in tables.all { addRows(of: table) }
        addCaptionedImages(paths.filter { DatasetSplit(foldersOf: $0.path) == split }, captions)
    }

    var links: DatasetLinks { files.links }

    var form: String {
        let read = tables.all.count > 2 ? ["\(tables.all.count) metadata files"] : tables.all.map(\.file)
        let parts = read + (readsCaptionFiles || tables.isEmpty ? ["captions beside the images"] : [])
        return "image folder (\(parts.joined(separator: ", ")))"
    }

    var lookedFor: String {
        let conventions = "metadata.jsonl or metadata.csv (file_name, text), or .png, .jpg, .jpeg, .webp images with a .txt caption beside each"
        let found = tables.isEmpty ? "there is no metadata file, and there are" : tables.all.map(\.file).joined(separator: ", ") + " has"
        return "\(conventions); \(found) nothing usable"
    }

    /// What was done that a user might not expect.
    var notes: [String] {
        var notes = listing.notes
        if sharedCaptions > 0 { notes.append("pictures with one caption file between them and another picture: \(sharedCaptions)") }
        let folders = Set(listing.winners.map { DatasetPath($0.image.name).folder })
        let repeats = Set(folders.flatMap { $0.split(separator: "/").map(String.init) }).filter(Self.namesRepeats)
        if !repeats.isEmpty {
            let names = repeats.sorted().prefix(3).joined(separator: ", ") + (repeats.count > 3 ? ", …" : "")
            notes.append("folders named for repeats (\(names)): nothing is repeated, every picture counts once")
        }
        return notes
    }

    /// `10_mycat cat`: ten repeats, for sd-scripts.
    private static func namesRepeats(_ folder: String) -> Bool { folder.wholeMatch(of: /[1-9][0-9]*_.+/) != nil }

    // MARK: Splits

    private static func split(
        _ paths: [DatasetPath], _ tables: MetadataTables, _ captions: CaptionFiles, _ folder: URL
    ) throws(WinnerSetError) -> DatasetSplit? {
        let images = paths.filter(\.isImage)
        var splits = Set<DatasetSplit?>(images.compactMap { DatasetSplit(foldersOf: $0.path) })
        guard !splits.isEmpty else { return nil }
        let rest = tables.filter { DatasetSplit(foldersOf: $0.file) == nil }
        let holdsOthers = images.contains { image in
            guard DatasetSplit(foldersOf: image.path) == nil else { return false }
            return captions.holds(image) || rest.table(for: image) != nil
        }
        if holdsOthers { splits.insert(nil) }
        return try DatasetSplit.trained(among: splits, in: folder.path)
    }

    /// A picture a line would bury everything else: they are told by folder.
    private mutating func leaveOutOtherSplits(_ paths: [DatasetPath], _ captions: CaptionFiles) {
        var counts: [String: (split: DatasetSplit, images: Int)] = [:]
        for path in paths where path.isImage {
            guard let other = DatasetSplit(foldersOf: path.path), other != split else { continue }
            counts[DatasetSplit.folder(of: path.path), default: (other, 0)].images += 1
        }
        for (name, found) in counts.sorted(by: { $0.key < $1.key }) {
            listing.leaveOut(name, "\(DatasetSplit.reasonNotRead(found.split, trained: split)) (pictures: \(found.images))")
        }
        guard split != nil else { return }
        let rest = paths.filter { $0.isImage && DatasetSplit(foldersOf: $0.path) == nil && tables.table(for: $0) == nil && captions.holds($0) }
        guard let first = rest.first else { return }
        listing.leaveOut(first.path, DatasetSplit.reasonNotRead(nil, trained: split) + (rest.count > 1 ? " (pictures: \(rest.count))" : ""))
    }

    // MARK: Metadata files

    private mutating func leaveOutOtherTables(_ paths: [DatasetPath]) {
        for path in paths {
            if let reason = MetadataFormat.others[path.name] { listing.leaveOut(path.path, reason) }
            if path.name == MetadataFormat.commaSeparated.fileName, tables.table(inFolder: path.folder)?.format == .jsonLines {
                listing.leaveOut(path.path, "not read, because \(MetadataFormat.jsonLines.fileName) is there")
            }
        }
        let names = MetadataFormat.allCases.map(\.fileName)
        for (file, what) in files.others.sorted(by: { $0.key < $1.key }) where names.contains(DatasetPath(file).name) && what == "is a folder" {
            listing.leaveOut(file, "\(what), not a file")
        }
    }

    private mutating func addRows(of table: MetadataTable) {
        var others = 0
        do throws(RowError) {
            try table.format.read(files.folder.appendingPathComponent(table.file), columns) { row in
                do throws(RowError) {
                    guard let winner = try winner(row, table) else { return others += 1 }
                    add(winner, from: table.file, row: row.line, reading: table.file)
                } catch {
                    listing.leaveOut(table.file, row: row.line, error.reason)
                }
            }
        } catch {
            listing.leaveOut(table.file, error.reason)
        }
        if others > 0 { listing.leaveOut(table.file, "rows of other splits than \(split?.rawValue ?? "none"), not read: \(others)") }
    }

    /// Nil for a picture of another split.
    private mutating func winner(_ row: MetadataRow, _ table: MetadataTable) throws(RowError) -> Winner? {
        let fields = try row.fields.get()
        let name = try columns.image(fields)
        let path = try files.path(named: name, inFolder: table.folder)
        named.insert(path)
        guard DatasetSplit(foldersOf: path) == split else { return nil }
        let (key, value) = try columns.caption(fields)
        let captions = try listing.captions(value, named: key)
        let loser = try columns.loser(fields)
        let image = try files.image(path, named: name)
        guard let loser else { return Winner(image: image, captions: captions) }
        let loserPath = try files.path(named: loser, inFolder: table.folder)
        named.insert(loserPath)
        return Winner(image: image, captions: captions, loser: try files.image(loserPath, named: loser))
    }

    // MARK: Captions beside the images

    private mutating func addCaptionedImages(_ paths: [DatasetPath], _ captions: CaptionFiles) {
        // By bytes: two names may differ in how their accents are written alone.
        var read: [[UInt8]: Int] = [:]
        var unlisted: [String: [DatasetPath]] = [:]
        for path in paths {
            if let table = tables.table(for: path) {
                if path.isImage, !named.contains(path.path), captions.holds(path) { unlisted[table.file, default: []].append(path) }
                continue
            }
            if let what = path.otherImage { listing.leaveOut(path.path, what) }
            guard path.isImage, !named.contains(path.path) else { continue }
            switch captions.match(path) {
            case .none(let reason): listing.leaveOut(path.path, reasonForNoCaption(path) ?? reason)
            case .file(let file, let others):
                read[Array(file.path.utf8), default: 0] += 1
                for other in others where read.updateValue(1, forKey: Array(other.path.utf8)) == nil {
                    listing.leaveOut(other.path, "not read, because \(file.name) is there")
                }
                add(path, file)
            }
        }
        sharedCaptions = read.values.reduce(0) { $0 + max(0, $1 - 1) }
        readsCaptionFiles = !read.isEmpty
        for (table, images) in unlisted.sorted(by: { $0.key < $1.key }) {
            let what = "pictures with a caption beside them that it does not name, not read"
            listing.leaveOut(table, "\(what): \(images.count), such as \(images[0].path)")
        }
        for path in paths where CaptionFiles.endings.contains(path.ending) && tables.table(for: path) == nil && read[Array(path.path.utf8)] == nil {
            listing.leaveOut(path.path, "no image beside it")
        }
    }

    private func reasonForNoCaption(_ image: DatasetPath) -> String? {
        let expected = image.stem + ".txt"
        return files.others[expected].map { "no caption: \(DatasetPath(expected).name) \($0)" }
    }

    private mutating func add(_ image: DatasetPath, _ captionFile: DatasetPath) {
        let text: String
        do {
            text = try UTF8Text.string(RegularFile.bytes(files.folder.appendingPathComponent(captionFile.path), atMost: WinnerListing.longestCaption))
        } catch let error as UnreadableFile {
            return listing.leaveOut(captionFile.path, "\(error.problem)")
        } catch {
            return listing.leaveOut(captionFile.path, "\(error)")
        }
        let caption = listing.caption(text)
        if caption.isEmpty { return listing.leaveOut(captionFile.path, "the caption is empty") }
        do throws(ImageError.Reason) {
            let reference = try ImageReference(FileSource(files.folder.path + "/" + image.path), name: image.path)
            add(Winner(image: reference, caption: caption), from: image.path, reading: captionFile.path)
        } catch {
            listing.leaveOut(image.path, error.description)
        }
    }

    /// - Parameter text: the file of its caption
    private mutating func add(_ winner: Winner, from file: String, row: Int? = nil, reading text: String) {
        guard listing.add(winner, from: file, row: row) else { return }
        let names = [winner.image.name, text] + (winner.loser.map { [$0.name] } ?? [])
        if let link = names.lazy.compactMap(links.link(to:)).first { linked[listing.winners.count - 1] = link }
    }
}
