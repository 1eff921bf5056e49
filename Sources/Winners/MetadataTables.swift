/// A metadata file in a folder or one of its subfolders, which tells of what lies in and under its own folder.
struct MetadataTable {
    let file: String
    let folder: String
    let format: MetadataFormat
}

/// The metadata files of a data set: one a folder.
struct MetadataTables {
    /// In the order of their folders.
    let all: [MetadataTable]
    private let byFolder: [String: MetadataTable]

    init(in paths: [DatasetPath]) {
        var found: [String: MetadataTable] = [:]
        for format in MetadataFormat.allCases {
            for path in paths where path.name == format.fileName && found[path.folder] == nil {
                found[path.folder] = MetadataTable(file: path.path, folder: path.folder, format: format)
            }
        }
        self.init(Array(found.values))
    }

    private init(_ tables: [MetadataTable]) {
        all = tables.sorted { $0.folder.utf8.lexicographicallyPrecedes($1.folder.utf8) }
        byFolder = Dictionary(uniqueKeysWithValues: tables.map { ($0.folder, $0) })
    }

    var isEmpty: Bool { all.isEmpty }
    /// Whether one tells of the whole data set.
    var holdsRoot: Bool { byFolder[""] != nil }

    func filter(_ isIncluded: (MetadataTable) -> Bool) -> MetadataTables { MetadataTables(all.filter(isIncluded)) }

    func table(inFolder folder: String) -> MetadataTable? { byFolder[folder] }

    /// The nearest that tells of a file.
    func table(for path: DatasetPath) -> MetadataTable? {
        var folder = path.folder
        while !byFolder.isEmpty {
            if let table = byFolder[folder] { return table }
            if folder.isEmpty { break }
            folder = DatasetPath(String(folder.dropLast())).folder
        }
        return nil
    }
}
