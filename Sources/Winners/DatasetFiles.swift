import Foundation

/// The files of one kind that make up a data set: one file, or those in a folder and its subfolders, in the order of their paths.
struct DatasetFiles {
    struct File {
        let path: String
        /// Relative to the data set.
        let name: String
    }

    let read: [File]
    /// Files of other splits than the one that is trained on, and what cannot be used whatever it is for.
    let unread: [Skip]
    /// Through which some of them are read.
    let links: DatasetLinks

    init(file: URL) {
        read = [File(path: file.path, name: file.lastPathComponent)]
        unread = []
        links = DatasetLinks([])
    }

    /// - Parameter names: relative to the folder, in their order
    init(_ names: [String], in folder: URL, _ walk: FolderWalk) throws(WinnerSetError) {
        let splits = names.map { DatasetSplit(path: $0) }
        let trained = try DatasetSplit.trained(among: Set(splits), in: folder.path)
        let files = zip(names, splits)
        read = files.filter { $0.1 == trained }.map { File(path: folder.path + "/" + $0.0, name: $0.0) }
        unread = walk.skips + files.filter { $0.1 != trained }.map { Skip(file: $0.0, reason: DatasetSplit.reasonNotRead($0.1, trained: trained)) }
        links = DatasetLinks(walk.links)
    }
}
