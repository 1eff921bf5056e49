import Foundation

/// The files of one kind that make up a data set: one file, or those in a folder and its subfolders, in the order of their paths.
struct DatasetFiles {
    struct File {
        let path: String
        /// Relative to the data set.
        let name: String
    }

    let read: [File]
    /// Names of files of other splits.
    let unread: [String]

    init(file: URL) {
        read = [File(path: file.path, name: file.lastPathComponent)]
        unread = []
    }

    /// Where any file is of a split called train, by its own name or its folder's (`train-00000-of-00010`, `train/0000`), only these are read.
    /// - Parameter names: relative to the folder, in their order
    init(_ names: [String], in folder: URL) {
        let train = names.filter(Self.isTrain)
        let chosen = train.isEmpty ? names : train
        read = chosen.map { File(path: folder.path + "/" + $0, name: $0) }
        unread = train.isEmpty ? [] : names.filter { !Self.isTrain($0) }
    }

    private static func isTrain(_ name: String) -> Bool {
        let parts = name.lowercased().split(separator: "/")
        return parts.last!.hasPrefix("train") || parts.dropLast().contains("train")
    }
}
