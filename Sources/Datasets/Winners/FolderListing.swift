import Foundation

/// Images and their captions in a folder, by the conventions of Hugging Face's `imagefolder`.
///
/// Read from the first of these that is there:
/// - `metadata.jsonl`: an object a line with `file_name`, `text` and optionally `loser_file_name`, paths relative to the folder;
/// - `metadata.csv`: the same as columns (RFC 4180, a header row, any order, further columns ignored);
/// - a `.txt` file beside each image, in the folder and its subfolders.
///
/// Winners come in the order of the rows, or sorted by path. A row is left out, and reported, that is not readable, lacks a caption, names a file
/// that is missing, outside the folder or of another kind, or repeats an earlier row. Links that lie in the folder are followed wherever they lead,
/// as download caches need.
struct FolderListing {
    let folder: URL
    /// The metadata file that is read; nil where captions stand beside the images.
    let table: MetadataFormat?
    private(set) var listing = WinnerListing()

    init(_ folder: URL) {
        self.folder = folder
        table = MetadataFormat.allCases.first { FileManager.default.fileExists(atPath: folder.appendingPathComponent($0.fileName).path) }
        if let table { addRows(of: table) } else { addCaptionedImages() }
    }

    var form: String { "image folder (\(table?.fileName ?? "captions beside the images"))" }

    var lookedFor: String {
        let conventions = "metadata.jsonl or metadata.csv (file_name, text), or .png, .jpg, .jpeg, .webp images with a .txt caption beside each"
        let found = table.map { "\($0.fileName) has" } ?? "there is no metadata file, and there are"
        return "\(conventions); \(found) nothing usable"
    }

    // MARK: A metadata file

    private mutating func addRows(of table: MetadataFormat) {
        for unread in MetadataFormat.allCases where unread != table {
            if FileManager.default.fileExists(atPath: folder.appendingPathComponent(unread.fileName).path) {
                listing.leaveOut(unread.fileName, "not read, because \(table.fileName) is there")
            }
        }
        let bytes: Data
        do { bytes = try Data(contentsOf: folder.appendingPathComponent(table.fileName)) } catch {
            return listing.leaveOut(table.fileName, "cannot be read")
        }
        for row in table.rows(of: [UInt8](bytes)) {
            do throws(RowError) {
                listing.add(try winner(row), from: table.fileName, row: row.line)
            } catch {
                listing.leaveOut(table.fileName, row: row.line, error.reason)
            }
        }
    }

    private func winner(_ row: MetadataRow) throws(RowError) -> Winner {
        let fields = try row.fields.get()
        guard let name = fields["file_name"], !name.isEmpty else { throw RowError("no file_name") }
        guard let text = fields["text"] else { throw RowError("no text") }
        let caption = WinnerListing.caption(text)
        guard !caption.isEmpty else { throw RowError("the text is empty") }
        let image = try image(named: name)
        guard let loserName = fields["loser_file_name"], !loserName.isEmpty else { return Winner(image: image, caption: caption) }
        return Winner(image: image, caption: caption, loser: try self.image(named: loserName))
    }

    /// A path from a metadata file, checked: it is somebody else's text.
    private func image(named name: String) throws(RowError) -> ImageReference {
        guard !name.hasPrefix("/"), !name.contains("\0") else { throw RowError("\(name) is outside the folder") }
        var depth = 0
        for part in name.split(separator: "/") where part != "." {
            depth += part == ".." ? -1 : 1
            if depth < 0 { throw RowError("\(name) is outside the folder") }
        }
        let url = folder.appendingPathComponent(name).standardizedFileURL
        guard WinnerSet.imageExtensions.contains(url.pathExtension.lowercased()) else { throw RowError("\(name) is not a .png, .jpg, .jpeg or .webp file") }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else { throw RowError("\(name) is missing") }
        guard !isFolder.boolValue else { throw RowError("\(name) is a folder") }
        do {
            return try ImageReference(FileSource(url.path), name: relative(url))
        } catch {
            throw RowError("\(name): \(error)")
        }
    }

    private func relative(_ url: URL) -> String {
        let root = folder.path + "/"
        return url.path.hasPrefix(root) ? String(url.path.dropFirst(root.count)) : url.path
    }

    // MARK: Captions beside the images

    private mutating func addCaptionedImages() {
        let files = Self.files(under: folder)
        let names = Set(files)
        var captioned: Set<String> = []
        for file in files {
            let path = NSString(string: file)
            let kind = path.pathExtension.lowercased()
            if Self.otherImages.contains(kind) { listing.leaveOut(file, "not a .png, .jpg, .jpeg or .webp file") }
            guard WinnerSet.imageExtensions.contains(kind) else { continue }
            let captionFile = path.deletingPathExtension + ".txt"
            guard names.contains(captionFile) else {
                listing.leaveOut(file, "no caption: \(NSString(string: captionFile).lastPathComponent) is missing")
                continue
            }
            captioned.insert(captionFile)
            guard let bytes = try? Data(contentsOf: folder.appendingPathComponent(captionFile)), let text = String(data: bytes, encoding: .utf8)
            else {
                listing.leaveOut(captionFile, "cannot be read as UTF-8")
                continue
            }
            let caption = WinnerListing.caption(text)
            guard !caption.isEmpty else {
                listing.leaveOut(captionFile, "the caption is empty")
                continue
            }
            do throws(ImageError.Reason) {
                let image = try ImageReference(FileSource(folder.appendingPathComponent(file).path), name: file)
                listing.add(Winner(image: image, caption: caption), from: file)
            } catch {
                listing.leaveOut(file, error.description)
            }
        }
        for file in files where file.hasSuffix(".txt") && !captioned.contains(file) {
            listing.leaveOut(file, "no image beside it")
        }
    }

    /// Whether, of these files, one is an image and another its caption.
    static func holdCaptionedImage(_ files: [String]) -> Bool {
        let names = Set(files)
        return files.contains { file in
            let path = NSString(string: file)
            return WinnerSet.imageExtensions.contains(path.pathExtension.lowercased()) && names.contains(path.deletingPathExtension + ".txt")
        }
    }

    /// Images that a user would expect to be used.
    private static let otherImages: Set<String> = ["gif", "bmp", "tif", "tiff", "avif", "heic", "jxl", "jp2", "svg"]

    /// Paths relative to `folder`, of the files in it and its subfolders, sorted by their bytes so that every machine agrees.
    static func files(under folder: URL) -> [String] {
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
}

struct RowError: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}
