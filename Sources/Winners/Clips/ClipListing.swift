import Foundation
import Media
import Storage

/// Clips and their captions in a folder, by the conventions of those who train on clips.
///
/// - tables (`.jsonl`, `.csv`, `captions.json`, `metadata.parquet`) whose rows name a file or an identifier and a caption: ``ClipColumns``;
/// - finetrainers' lists: `videos.txt` and `prompts.txt` (or `video`, `prompt`, `caption`, `captions`), line by line;
/// - `a.txt` or `a.caption` beside `a.mp4`, or beside the folder `a` of frames.
///
/// A clip is a video file, an animated GIF or a folder of pictures in natural order. Of what a table names, captions beside it are not read.
struct ClipListing {
    private(set) var listing: WinnerListing
    private(set) var linked: [Int: DatasetLink] = [:]
    private let columns: ClipColumns
    private let files: ClipFiles
    private var named: Set<String> = []
    private var read: [String] = []
    private var readsCaptionFiles = false
    private let split: DatasetSplit?

    init(_ folder: URL, _ walk: FolderWalk, _ choice: ParquetColumnNames, _ captionLines: CaptionLines, only table: String? = nil) throws(WinnerSetError) {
        (listing, columns, files) = (WinnerListing(captionLines), ClipColumns(choice), ClipFiles(folder, walk))
        let paths = walk.files.map(DatasetPath.init)
        split = try DatasetSplit.trained(among: Self.splits(files), in: folder.path)
        for skip in walk.skips { listing.leaveOut(skip.file, skip.reason) }
        for path in paths where (table ?? path.path) == path.path && isOfSplit(path.path) {
            if let table = ClipTable(path) { add(table) }
        }
        guard table == nil else { return }
        addLists(paths)
        addCaptioned(paths)
    }

    /// Of which clips there are.
    private static func splits(_ files: ClipFiles) -> Set<DatasetSplit?> {
        Set((files.clips.map(\.path) + files.frames.keys.map { $0 + "/" }).map { DatasetSplit(foldersOf: $0) })
    }

    private func isOfSplit(_ path: String) -> Bool { split == nil || [nil, split].contains(DatasetSplit(foldersOf: path)) }

    var links: DatasetLinks { files.links }
    /// Whether there is anything that could be a clip.
    var holdsClips: Bool { !files.clips.isEmpty || !listing.winners.isEmpty }

    var form: String {
        let tables = read.count > 2 ? ["\(read.count) tables"] : read
        return "clips (\((tables + (readsCaptionFiles || tables.isEmpty ? ["captions beside the clips"] : [])).joined(separator: ", ")))"
    }

    static let lookedFor =
        "clips (.mp4, .webm, .mov, .mkv, .avi, .gif, … or folders of frames) named by a metadata.jsonl or .csv, or each with a .txt caption beside it"

    // MARK: Tables

    private mutating func add(_ table: ClipTable) {
        do {
            let isTable = try table.read(files.folder.appendingPathComponent(table.file), columns) { row in
                do throws(RowError) { try add(row, of: table) } catch { listing.leaveOut(table.file, row: row.line, error.reason) }
            }
            if isTable { read.append(table.file) }
        } catch let error as RowError {
            listing.leaveOut(table.file, error.reason)
        } catch let error as ParquetError {
            listing.leaveOut(table.file, error.problem.description)
        } catch {
            listing.leaveOut(table.file, "\(error)")
        }
    }

    private mutating func add(_ row: MetadataRow, of table: ClipTable) throws(RowError) {
        let fields = try row.fields.get()
        let name = try columns.name(fields)
        let (key, value) = try columns.caption(fields)
        let spacing = try columns.spacing(fields)
        guard case .identifier(_, _, let parts) = name, parts != 1 else {
            let clip = try files.clip(name, inFolder: table.folder, spacing: spacing)
            named.insert(clip.name)
            guard isOfSplit(clip.name) else { return }
            let loser = try loser(fields, table)
            add(Winner(.clip(clip), captions: try captions(value, key), loser: loser.map { .clip($0) }), from: table.file, row: row.line)
            return
        }
        // Panda-70M's: a caption for each part of a video.
        guard case .string(let text) = value, let texts = PythonText.list(text), texts.count == parts else {
            throw RowError("\(key) is no list of \(parts) captions, as timestamp is of times")
        }
        for (part, text) in texts.enumerated() {
            do throws(RowError) {
                let clip = try files.clip(name, inFolder: table.folder, part: part, spacing: spacing)
                named.insert(clip.name)
                add(Winner(.clip(clip), captions: try listing.captions([text])), from: table.file, row: row.line)
            } catch {
                listing.leaveOut(table.file, row: row.line, error.reason)
            }
        }
    }

    private mutating func loser(_ fields: [String: JSONValue], _ table: ClipTable) throws(RowError) -> ClipReference? {
        guard case .string(let name)? = fields[MetadataColumns.loser], !name.isEmpty else { return nil }
        let clip = try files.clip(.path(name), inFolder: table.folder, spacing: nil)
        named.insert(clip.name)
        return clip
    }

    /// A caption, several, or either as Python prints it.
    private mutating func captions(_ value: JSONValue, _ key: String) throws(RowError) -> [String] {
        guard case .string(let text) = value else { return try listing.captions(value, named: key) }
        if let texts = PythonText.list(text), !texts.isEmpty { return try listing.captions(texts) }
        return try listing.captions([PythonText.bytes(text) ?? text])
    }

    private mutating func add(_ winner: Winner, from file: String, row: Int? = nil) {
        guard listing.add(winner, from: file, row: row) else { return }
        if let link = [winner.medium.name, file].lazy.compactMap(links.link(to:)).first { linked[listing.winners.count - 1] = link }
    }

    // MARK: Lists

    private static let captionLists = ["prompt.txt", "prompts.txt", "caption.txt", "captions.txt"]
    private static let clipLists = ["video.txt", "videos.txt"]

    private mutating func addLists(_ paths: [DatasetPath]) {
        for clips in paths where Self.clipLists.contains(clips.name) && isOfSplit(clips.path) {
            let captions = paths.filter { $0.folder == clips.folder && Self.captionLists.contains($0.name) }
            guard let only = captions.first, captions.count == 1 else {
                let missing = "no list of captions beside it: \(Self.captionLists.joined(separator: ", "))"
                listing.leaveOut(clips.path, captions.isEmpty ? missing : "several lists of captions beside it")
                continue
            }
            do throws(RowError) {
                let (names, texts) = (try lines(clips), try lines(only))
                guard names.count == texts.count else {
                    throw RowError("has \(names.count) lines and \(only.name) \(texts.count): line by line they belong together")
                }
                read.append(clips.path)
                for (index, (name, text)) in zip(names, texts).enumerated() { addLine(index + 1, name, text, clips) }
            } catch {
                listing.leaveOut(clips.path, error.reason)
            }
        }
    }

    private mutating func addLine(_ line: Int, _ name: String, _ text: String, _ list: DatasetPath) {
        do throws(RowError) {
            guard !name.isEmpty else { throw RowError("the line is empty") }
            let clip = try files.clip(.path(name), inFolder: list.folder, spacing: nil)
            named.insert(clip.name)
            add(Winner(.clip(clip), captions: try captions(.string(text), "the caption")), from: list.path, row: line)
        } catch {
            listing.leaveOut(list.path, row: line, error.reason)
        }
    }

    /// Without those at the end that are empty.
    private func lines(_ path: DatasetPath) throws(RowError) -> [String] {
        let text: String
        do { text = try RegularFile.text(files.folder.appendingPathComponent(path.path), atMost: MetadataFormat.largestFile) } catch {
            throw RowError("\(path.name) \(error.problem)")
        }
        var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }

    // MARK: Captions beside the clips

    private mutating func addCaptioned(_ paths: [DatasetPath]) {
        var captions: [String: DatasetPath] = [:]
        for ending in CaptionFiles.endings {
            for path in paths where path.ending == ending && captions[path.stem] == nil { captions[path.stem] = path }
        }
        var used: Set<String> = []
        let folders = files.frames.keys.filter { !$0.isEmpty }.map { (path: $0, keys: [$0]) }
        let videos = files.clips.map { (path: $0.path, keys: [$0.stem, $0.path]) }
        for clip in (folders + videos).sorted(by: { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }) {
            guard !named.contains(clip.path), isOfSplit(clip.path + "/") else { continue }
            guard let file = clip.keys.lazy.compactMap({ captions[$0] }).first else {
                // Beside tables, further files are nobody's business.
                if read.isEmpty, ClipSource.endings.contains(DatasetPath(clip.path).ending) {
                    listing.leaveOut(clip.path, "no caption: \(DatasetPath(DatasetPath(clip.path).stem).name).txt is missing")
                }
                continue
            }
            readsCaptionFiles = true
            used.insert(file.path)
            do throws(RowError) {
                let text: String
                let url = files.folder.appendingPathComponent(file.path)
                do { text = try UTF8Text.string(RegularFile.bytes(url, atMost: WinnerListing.longestCaption)) } catch {
                    throw RowError("\(file.name): \((error as? UnreadableFile).map { "\($0.problem)" } ?? "\(error)")")
                }
                let found = try self.captions(.string(text), file.name)
                add(Winner(.clip(try files.clip(at: clip.path, named: clip.path)), captions: found), from: clip.path)
            } catch {
                listing.leaveOut(clip.path, error.reason)
            }
        }
        guard read.isEmpty else { return }
        for path in paths where CaptionFiles.endings.contains(path.ending) && !used.contains(path.path) && isOfSplit(path.path) {
            listing.leaveOut(path.path, "no clip beside it")
        }
    }
}
