import Foundation
import Storage
import Yams

/// Data sets that lie together in one folder, as the configurations (subsets) of a data set on Hugging Face's hub do. They are never mixed.
enum DatasetConfigurations {
    /// Throws where files are of several configurations, by what the folder's README.md states, or else by their names.
    /// - Parameter names: of files of one form, relative to the folder
    static func requireOne(_ names: [String], in folder: URL) throws(WinnerSetError) {
        var found = stated(in: folder).map { (name: $0.name, files: $0.files(among: names)) }.filter { !$0.files.isEmpty }
        if found.isEmpty {
            found = told(by: names)
        } else {
            let rest = Set(names).subtracting(found.flatMap(\.files)).sorted()
            if !rest.isEmpty { found.append((name: "in none of README.md's configurations", files: rest)) }
        }
        guard found.count > 1 else { return }
        throw .severalConfigurations(folder.path, found.map { "\($0.name): \(place(of: $0.files, in: folder))" })
    }

    private static func count(_ files: [String]) -> String { files.count == 1 ? "one file" : "\(files.count) files" }

    /// The folder of some files, or the files themselves where they have no folder of their own.
    private static func place(of files: [String], in folder: URL) -> String {
        let folders = Set(files.map { NSString(string: $0).deletingLastPathComponent })
        if folders.count == 1, let only = folders.first, !only.isEmpty { return "\(folder.path)/\(only) (\(count(files)))" }
        return files.prefix(3).map { "\(folder.path)/\($0)" }.joined(separator: ", ") + (files.count > 3 ? " and \(files.count - 3) more" : "")
    }

    // MARK: By names

    /// Folders that each have a whole data set: what lies in one has the name of what lies in another, and a name that tells of a whole, such as
    /// `train-00000-of-00001.parquet` or `train/0000.parquet`. Parts of one data set in several folders have names of their own.
    private static func told(by names: [String]) -> [(name: String, files: [String])] {
        var folders: [String: [String]] = [:]
        var wholes: [String: Set<String>] = [:]
        for name in names {
            var parts = name.split(separator: "/").map(String.init)
            let file = parts.removeLast()
            var rest = file
            if let last = parts.last, isSplit(last) { rest = parts.removeLast() + "/" + file }
            let folder = parts.joined(separator: "/")
            folders[folder, default: []].append(name)
            if rest != file || isSplit(file) || file.firstMatch(of: /[0-9]{3,}-of-[0-9]{3,}/) != nil { wholes[rest, default: []].insert(folder) }
        }
        let together = wholes.values.filter { $0.count > 1 }.reduce(into: Set<String>()) { $0.formUnion($1) }
        guard !together.isEmpty else { return [] }
        return folders.sorted { $0.key < $1.key }.map { ($0.key.isEmpty ? "in no folder" : $0.key, $0.value) }
    }

    private static func isSplit(_ name: String) -> Bool {
        let words = name.lowercased().split { !$0.isLetter }
        return words.contains { ["train", "training", "test", "testing", "validation", "valid", "val", "dev", "eval"].contains($0) }
    }

    // MARK: By README.md

    /// A configuration that the README.md states, and the patterns of its files.
    private struct Stated {
        let name: String
        let patterns: [String]

        func files(among names: [String]) -> [String] { names.filter { name in patterns.contains { matches(name, $0) } } }

        /// As a shell has it; `**` is any number of folders.
        private func matches(_ name: String, _ pattern: String) -> Bool {
            let pattern = pattern.hasPrefix("./") ? String(pattern.dropFirst(2)) : pattern
            return fnmatch(pattern, name, 0) == 0 || pattern.contains("**/") && fnmatch(pattern.replacingOccurrences(of: "**/", with: ""), name, 0) == 0
        }
    }

    /// What is not readable states nothing.
    private static func stated(in folder: URL) -> [Stated] {
        guard let text = try? RegularFile.text(folder.appendingPathComponent("README.md")), text.hasPrefix("---") else { return [] }
        let lines = text.split(whereSeparator: \.isNewline)
        let header = lines.dropFirst().prefix { $0 != "---" }.joined(separator: "\n")
        guard let node = try? Yams.compose(yaml: header), let configurations = node["configs"]?.sequence else { return [] }
        return configurations.compactMap { configuration in
            guard let name = configuration["config_name"]?.string else { return nil }
            let root = configuration["data_dir"]?.string.map { $0.hasSuffix("/") ? $0 : $0 + "/" } ?? ""
            let patterns = configuration["data_files"].map(patterns) ?? []
            return Stated(name: name, patterns: patterns.isEmpty && !root.isEmpty ? [root + "*"] : patterns.map { root + $0 })
        }
    }

    /// Those of a pattern, of several, or of each split.
    private static func patterns(_ node: Node) -> [String] {
        if let pattern = node.string { return [pattern] }
        if let path = node["path"] { return patterns(path) }
        return (node.sequence.map(Array.init) ?? node.mapping.map { Array($0.values) } ?? []).flatMap(patterns)
    }
}
