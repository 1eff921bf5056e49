import Foundation

/// A part of a data set, told by the names of its folders and files as Hugging Face's `datasets` library tells it: a word of a name, not its beginning.
enum DatasetSplit: String, CaseIterable, Comparable {
    case train
    case validation
    case test
    /// What `data split` writes beside `train`.
    case heldOut = "held-out"

    private static let words: [String: DatasetSplit] = [
        "train": .train, "training": .train, "validation": .validation, "valid": .validation, "val": .validation, "dev": .validation, "test": .test,
        "testing": .test, "eval": .test, "evaluation": .test, "heldout": .heldOut, "holdout": .heldOut,
    ]

    /// Of a file by its folders alone: pictures are called whatever they show.
    /// - Parameter path: relative to the data set
    init?(foldersOf path: String) {
        let folders = path.split(separator: "/").dropLast()
        guard let split = folders.lazy.compactMap({ Self.init(name: $0) }).first else { return nil }
        self = split
    }

    /// Of a file by its folders, else by its own name.
    /// - Parameter path: relative to the data set
    init?(path: String) {
        if let split = Self.init(foldersOf: path) {
            self = split
        } else if let file = path.split(separator: "/").last, let split = Self.init(name: file) {
            self = split
        } else {
            return nil
        }
    }

    /// Of one folder or file: `train`, `train-00000-of-00010.parquet`, `val2017`, `my_test_images`, and not `trainwreck`.
    private init?(name: Substring) {
        var name = name.lowercased()
        for separator in ["-", "_", " "] where name.contains("held") { name = name.replacingOccurrences(of: "held\(separator)out", with: "heldout") }
        let words = name.split { "-._ ".contains($0) || $0.isWholeNumber }.map(String.init)
        // `10_train station` is a folder of sd-scripts: pictures to repeat ten times, of a station.
        if words.count > 1, name.wholeMatch(of: /[0-9]+_.*/) != nil { return nil }
        guard let split = words.lazy.compactMap({ Self.words[$0] }).first else { return nil }
        self = split
    }

    /// The folder that names the split of a file that lies in one.
    static func folder(of path: String) -> String {
        let folders = path.split(separator: "/").dropLast()
        let count = folders.firstIndex { Self.init(name: $0) != nil }.map { $0 + 1 } ?? 0
        return folders.prefix(count).joined(separator: "/")
    }

    static func < (a: Self, b: Self) -> Bool { allCases.firstIndex(of: a)! < allCases.firstIndex(of: b)! }

    /// Which split is trained on; nil is what lies in none.
    /// - Parameter splits: those that are there
    /// - Throws: where several are there and none of them is meant for training
    static func trained(among splits: Set<DatasetSplit?>, in path: String) throws(WinnerSetError) -> DatasetSplit? {
        if splits.contains(.train) { return .train }
        if splits.contains(nil) || splits.isEmpty { return nil }
        guard splits.count == 1 else { throw .severalSplits(path, splits.compactMap { $0 }.sorted().map(\.rawValue)) }
        return splits.first!
    }

    /// Why what lies in a split, or in none, is not read.
    static func reasonNotRead(_ split: DatasetSplit?, trained: DatasetSplit?) -> String {
        if let split { return "not read: it is of the split \(split.rawValue)" }
        return "not read: it is of no split, and others are of the split \(trained?.rawValue ?? "")"
    }
}
