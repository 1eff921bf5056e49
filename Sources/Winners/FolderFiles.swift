import Foundation
import Media
import Storage

/// The files of an image folder under the names that metadata files give them.
struct FolderFiles {
    let folder: URL
    /// Links out of the folder, by those that have been followed so far too.
    private(set) var links: DatasetLinks
    private let walk: FolderWalk
    /// Which files there are under a name, whichever way its accents are written.
    private let files: [String: [String]]
    /// Images whatever they end in and however capitals are written in their names.
    private lazy var similar = Dictionary(walk.files.map(DatasetPath.init).filter(\.isImage).map { ($0.stem.lowercased(), $0.path) }) { first, _ in first }

    init(_ folder: URL, _ walk: FolderWalk) {
        (self.folder, self.walk) = (folder, walk)
        links = DatasetLinks(walk.links)
        files = Dictionary(grouping: walk.files) { $0 }
    }

    /// What is no file, such as a folder, and what it is.
    var others: [String: String] { walk.others }

    /// The file that a metadata file means, relative to the data set: checked, since it is somebody else's text.
    func path(named name: String, inFolder base: String) throws(RowError) -> String {
        let path = try normalized(name, in: base)
        if files[path]?.contains(where: path.isWritten) ?? false || others[path] != nil { return path }
        var status = stat()
        if stat(folder.path + "/" + path, &status) == 0 { return path }
        // Windows parts folders by backslashes, macOS writes accents in another way.
        if name.contains("\\") {
            let other = try normalized(name.replacingOccurrences(of: "\\", with: "/"), in: base)
            if let file = files[other]?.first { return file }
        }
        let spellings = files[path] ?? []
        if spellings.count > 1 { throw RowError("\(name) is missing, and several files have that name with its accents written in another way") }
        return spellings.first ?? path
    }

    private func normalized(_ name: String, in base: String) throws(RowError) -> String {
        guard !name.hasPrefix("/"), !name.contains("\0") else { throw RowError("\(name) is outside the folder") }
        var parts: [Substring] = []
        for part in (base + name).split(separator: "/") where part != "." {
            if part != ".." {
                parts.append(part)
            } else if parts.popLast() == nil {
                throw RowError("\(name) is outside the folder")
            }
        }
        return parts.joined(separator: "/")
    }

    /// The image at a path of the data set. Throws where it is none, is missing, or cannot be read.
    /// - Parameter name: as it is written in the metadata file
    mutating func image(_ path: String, named name: String) throws(RowError) -> ImageReference {
        let parts = DatasetPath(path)
        guard parts.isImage else { throw RowError("\(name) is \(parts.otherImage ?? "not a .png, .jpg, .jpeg or .webp file")") }
        if let what = others[path] { throw RowError("\(name) \(what)") }
        var status = stat()
        guard stat(folder.path + "/" + path, &status) == 0 else {
            throw RowError("\(name) is missing" + (similar[parts.stem.lowercased()].map { "; there is \($0)" } ?? ""))
        }
        // What the walk passed over may be a link, too.
        if files[path] == nil, links.link(to: path) == nil, let destination = walk.destinationOutside(path) {
            links = DatasetLinks(links.all + [DatasetLink(file: path, destination: destination)])
        }
        do {
            return try ImageReference(FileSource(folder.path + "/" + path), name: path)
        } catch {
            throw RowError("\(name): \(error)")
        }
    }
}
