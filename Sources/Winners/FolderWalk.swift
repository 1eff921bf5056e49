import Foundation

/// The files in a folder and its subfolders. Passed over are names that begin with a dot, and `__MACOSX`, which archives from a Mac carry along. Links
/// are followed wherever they lead, as download caches need, but every folder is entered once.
struct FolderWalk {
    let root: String
    /// Regular files, by their paths within the folder, sorted by bytes so that every machine agrees.
    private(set) var files: [String] = []
    /// What is no regular file, by path, and what it is: "is a folder".
    private(set) var others: [String: String] = [:]
    /// What cannot be used whatever it is for.
    private(set) var skips: [Skip] = []
    private(set) var links: [DatasetLink] = []

    private var visited: Set<Identity> = []
    private var linkedFolders: [String] = []
    private let resolvedRoot: String

    private struct Identity: Hashable {
        let device: dev_t
        let number: ino_t
    }

    init(_ folder: URL) {
        root = folder.path
        resolvedRoot = Self.resolved(root) ?? root
        var open = [""]
        while let prefix = open.popLast() {
            open += visit(prefix)
            // Folders in their own place come before links to them.
            if open.isEmpty, !linkedFolders.isEmpty { open.append(linkedFolders.removeFirst()) }
        }
        files.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        skips.sort { $0.file.utf8.lexicographicallyPrecedes($1.file.utf8) }
        links.sort { $0.file.utf8.lexicographicallyPrecedes($1.file.utf8) }
    }

    /// - Returns: its subfolders
    private mutating func visit(_ prefix: String) -> [String] {
        var status = stat()
        guard stat(root + "/" + prefix, &status) == 0, visited.insert(Identity(device: status.st_dev, number: status.st_ino)).inserted else { return [] }
        guard let names = Self.names(in: root + "/" + prefix) else {
            skips.append(Skip(file: prefix, reason: "the folder cannot be opened: \(String(cString: strerror(errno)))"))
            return []
        }
        var folders: [String] = []
        for bytes in names where bytes.first != UInt8(ascii: ".") && !bytes.elementsEqual("__MACOSX".utf8) {
            guard let name = String(validating: bytes, as: UTF8.self) else {
                skips.append(Skip(file: prefix + Self.escaped(bytes), reason: "the name is not UTF-8: rename it"))
                continue
            }
            let file = prefix + name
            guard lstat(root + "/" + file, &status) == 0 else { continue }
            let isLink = status.st_mode & S_IFMT == S_IFLNK
            if isLink {
                guard stat(root + "/" + file, &status) == 0 else {
                    skips.append(Skip(file: file, reason: "a link to something that is not there"))
                    others[file] = "is a link to something that is not there"
                    continue
                }
                if let destination = destinationOutside(file) { links.append(DatasetLink(file: file, destination: destination)) }
            }
            switch status.st_mode & S_IFMT {
            case S_IFREG: files.append(file)
            case S_IFDIR:
                others[file] = "is a folder"
                if isLink { linkedFolders.append(file + "/") } else { folders.append(file + "/") }
            default:
                others[file] = "is a pipe or a device"
                skips.append(Skip(file: file, reason: "a pipe or a device, not a file"))
            }
        }
        return folders
    }

    /// Where a file leads to, if that is not within the folder.
    func destinationOutside(_ file: String) -> String? {
        guard let destination = Self.resolved(root + "/" + file), destination != resolvedRoot, !destination.hasPrefix(resolvedRoot + "/") else { return nil }
        return destination
    }

    private static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// As bytes, since a name need not be text; nil where the folder cannot be opened.
    private static func names(in folder: String) -> [[UInt8]]? {
        guard let stream = opendir(folder) else { return nil }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while let entry = readdir(stream) {
            let name = UnsafeRawPointer(entry) + MemoryLayout<dirent>.offset(of: \dirent.d_name)!
            names.append(Array(UnsafeRawBufferPointer(start: name, count: strlen(name.assumingMemoryBound(to: CChar.self)))))
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private static func escaped(_ name: [UInt8]) -> String {
        name.map { 0x20..<0x7F ~= $0 ? String(Unicode.Scalar($0)) : "\\x" + String($0, radix: 16, uppercase: true) }.joined()
    }
}

/// A link in a data set that leads out of it.
public struct DatasetLink: Sendable, Hashable, CustomStringConvertible {
    /// Relative to the data set.
    public let file: String
    public let destination: String

    public var description: String { "\(file): a link that leads out of the data set, to \(destination)" }
}

/// Links by what lies behind them.
struct DatasetLinks {
    let all: [DatasetLink]
    private let byName: [String: DatasetLink]

    init(_ links: [DatasetLink]) {
        all = links
        byName = Dictionary(links.map { ($0.file, $0) }) { first, _ in first }
    }

    /// The link that a file, a member of a shard (`a.tar/0.png`) or a row (`a.parquet:7`) is read through.
    func link(to name: String) -> DatasetLink? {
        guard !byName.isEmpty else { return nil }
        if let link = byName[name] { return link }
        return name.indices.filter { name[$0] == "/" || name[$0] == ":" }.lazy.compactMap { byName[String(name[..<$0])] }.first
    }
}
