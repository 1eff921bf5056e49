import Foundation

/// Collects winners and skips while a folder is listed.
struct FolderListing {
    let folder: URL
    private(set) var winners: [Winner] = []
    private(set) var skips: [Skip] = []

    /// A winner's row by its image, caption and loser: one image may win with two captions, or over two losers.
    private var seen: [[String]: Int] = [:]

    init(folder: URL) { self.folder = folder }

    // MARK: A metadata file

    mutating func addRows(of table: MetadataFormat) {
        for unread in MetadataFormat.allCases where unread != table {
            if FileManager.default.fileExists(atPath: folder.appendingPathComponent(unread.fileName).path) {
                skips.append(Skip(file: unread.fileName, reason: "not read, because \(table.fileName) is there"))
            }
        }
        let bytes: Data
        do { bytes = try Data(contentsOf: folder.appendingPathComponent(table.fileName)) } catch {
            skips.append(Skip(file: table.fileName, reason: "cannot be read"))
            return
        }
        for row in table.rows(of: [UInt8](bytes)) {
            do throws(RowError) {
                try add(row)
            } catch {
                skips.append(Skip(file: table.fileName, row: row.line, reason: error.reason))
            }
        }
    }

    private mutating func add(_ row: MetadataRow) throws(RowError) {
        let fields = try row.fields.get()
        guard let name = fields["file_name"], !name.isEmpty else { throw RowError("no file_name") }
        guard let text = fields["text"] else { throw RowError("no text") }
        let caption = Self.caption(text)
        guard !caption.isEmpty else { throw RowError("the text is empty") }
        let image = try file(named: name)
        let loserName = fields["loser_file_name"].flatMap { $0.isEmpty ? nil : $0 }
        var loser: URL?
        if let loserName { loser = try file(named: loserName) }
        let key = [image.path, caption, loser?.path ?? ""]
        if let earlier = seen[key] { throw RowError("the same as row \(earlier)") }
        seen[key] = row.line
        winners.append(Winner(image: image, caption: caption, loser: loser))
    }

    /// A path from a metadata file, checked: it is somebody else's text.
    private func file(named name: String) throws(RowError) -> URL {
        guard !name.hasPrefix("/"), !name.contains("\0") else { throw RowError("\(name) is outside the folder") }
        var depth = 0
        for part in name.split(separator: "/") where part != "." {
            depth += part == ".." ? -1 : 1
            if depth < 0 { throw RowError("\(name) is outside the folder") }
        }
        let url = folder.appendingPathComponent(name).standardizedFileURL
        guard ImageFolder.extensions.contains(url.pathExtension.lowercased()) else { throw RowError("\(name) is not a .png, .jpg, .jpeg or .webp file") }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else { throw RowError("\(name) is missing") }
        guard !isFolder.boolValue else { throw RowError("\(name) is a folder") }
        return url
    }

    // MARK: Captions beside the images

    mutating func addCaptionedImages() {
        let files = Self.files(under: folder)
        let names = Set(files)
        var captioned: Set<String> = []
        for file in files {
            let path = NSString(string: file)
            let kind = path.pathExtension.lowercased()
            if Self.otherImages.contains(kind) { skips.append(Skip(file: file, reason: "not a .png, .jpg, .jpeg or .webp file")) }
            guard ImageFolder.extensions.contains(kind) else { continue }
            let captionFile = path.deletingPathExtension + ".txt"
            guard names.contains(captionFile) else {
                skips.append(Skip(file: file, reason: "no caption: \(NSString(string: captionFile).lastPathComponent) is missing"))
                continue
            }
            captioned.insert(captionFile)
            guard let bytes = try? Data(contentsOf: folder.appendingPathComponent(captionFile)), let text = String(data: bytes, encoding: .utf8)
            else {
                skips.append(Skip(file: captionFile, reason: "cannot be read as UTF-8"))
                continue
            }
            let caption = Self.caption(text)
            if caption.isEmpty {
                skips.append(Skip(file: captionFile, reason: "the caption is empty"))
            } else {
                winners.append(Winner(image: folder.appendingPathComponent(file), caption: caption))
            }
        }
        for file in files where file.hasSuffix(".txt") && !captioned.contains(file) {
            skips.append(Skip(file: file, reason: "no image beside it"))
        }
    }

    /// Images that a user would expect to be used.
    private static let otherImages: Set<String> = ["gif", "bmp", "tif", "tiff", "avif", "heic", "jxl", "jp2", "svg"]

    /// Paths relative to `folder`, of the files in it and its subfolders, sorted by their bytes so that every machine agrees.
    private static func files(under folder: URL) -> [String] {
        let manager = FileManager.default
        var files: [String] = []
        var visited: Set<String> = []
        func visit(_ prefix: String) {
            let path = prefix.isEmpty ? folder.path : folder.appendingPathComponent(prefix).path
            // A link to a folder around it would be followed for ever.
            guard visited.insert(URL(fileURLWithPath: path).resolvingSymlinksInPath().path).inserted else { return }
            for name in (try? manager.contentsOfDirectory(atPath: path)) ?? [] where !name.hasPrefix(".") {
                let file = prefix + name
                var isFolder: ObjCBool = false
                guard manager.fileExists(atPath: folder.path + "/" + file, isDirectory: &isFolder) else { continue }
                if isFolder.boolValue { visit(file + "/") } else { files.append(file) }
            }
        }
        visit("")
        return files.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }

    /// Captions are one line: what a text editor adds around or within them means nothing to a tokenizer.
    private static func caption(_ text: String) -> String {
        var text = text[...]
        if text.hasPrefix("\u{FEFF}") { text = text.dropFirst() }
        return text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }.joined(separator: " ")
    }
}

struct RowError: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}
