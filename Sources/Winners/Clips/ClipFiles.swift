import Foundation
import Media
import Storage

/// The clips of a folder, under the names that tables give them.
struct ClipFiles {
    let folder: URL
    /// Video files, by path, sorted by bytes.
    let clips: [DatasetPath]
    /// Folders whose pictures make a clip, with these in natural order.
    let frames: [String: [String]]
    private var files: FolderFiles
    private let byStem: [String: [DatasetPath]]
    private let paths: Set<String>

    init(_ folder: URL, _ walk: FolderWalk) {
        self.folder = folder
        files = FolderFiles(folder, walk)
        let all = walk.files.map(DatasetPath.init)
        clips = all.filter { ClipSource.endings.contains($0.ending) }
        paths = Set(walk.files)
        // A clip's name without its folder and ending.
        byStem = Dictionary(grouping: clips) { DatasetPath($0.stem).name }
        frames = Dictionary(grouping: all.filter(\.isImage)) { String($0.folder.dropLast()) }.mapValues {
            $0.map(\.path).sorted(by: NaturalOrder.precedes)
        }
    }

    var links: DatasetLinks { files.links }

    /// The clip that a row means.
    func clip(_ name: ClipColumns.Name, inFolder base: String, part: Int = 0, spacing: FrameRule.Spacing?) throws(RowError) -> ClipReference {
        switch name {
        case .path(let text): return try clip(at: files.path(named: text, inFolder: base), named: text, spacing: spacing)
        case .identifier(let id, let page, let parts): return try clip(id, in: base, page, part, of: parts, spacing)
        }
    }

    private func clip(
        _ id: String, in base: String, _ page: String, _ part: Int, of parts: Int, _ spacing: FrameRule.Spacing?
    ) throws(RowError) -> ClipReference {
        guard !id.contains("/"), !id.contains("\0"), id != "." && id != ".." else { throw RowError("\(id) is no identifier") }
        // The names that cutters give to the parts of a video.
        let stems = parts == 1 ? [id, "\(id)_0", "\(id)_00000"] : ["\(id)_\(part)", "\(id)-\(part)", "\(id).\(part)", "\(id)_" + Self.padded(part)]
        for stem in stems {
            let found = byStem[stem] ?? (ClipSource.endings.contains(DatasetPath(stem).ending) ? clips.filter { $0.name == stem } : [])
            if found.isEmpty {
                // A clip may also be a folder of its frames.
                let places = [base + page + (page.isEmpty ? "" : "/") + stem, stem]
                guard let path = places.first(where: { frames[$0] != nil }) else { continue }
                return try clip(at: path, named: stem, spacing: spacing)
            }
            let near = found.filter { $0.folder == base + page + (page.isEmpty ? "" : "/") }
            let chosen = near.count == 1 ? near : found
            guard chosen.count == 1 else { throw RowError("\(stem) names several clips: \(chosen.prefix(3).map(\.path).joined(separator: ", "))") }
            return try clip(at: chosen[0].path, named: stem, spacing: spacing)
        }
        throw RowError("\(parts == 1 ? id : "\(id), part \(part),") is missing: there is no \(stems[0]).mp4 or the like")
    }

    private static func padded(_ number: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 5 - text.count)) + text
    }

    /// The clip at a path of the data set: a video file, or a folder of frames.
    func clip(at path: String, named name: String, spacing: FrameRule.Spacing? = nil) throws(RowError) -> ClipReference {
        let parts = DatasetPath(path)
        do {
            if let pictures = frames[path.hasSuffix("/") ? String(path.dropLast()) : path] {
                let files = pictures.map { folder.path + "/" + $0 }
                return try ClipReference(frames: files, rate: ClipSource.usualRate, name: path, spacing: spacing)
            }
            guard ClipSource.endings.contains(parts.ending) else {
                if files.others[path] == "is a folder" { throw RowError("\(name) is a folder without pictures") }
                throw RowError("\(name) is no clip: neither a video file nor a folder of frames")
            }
            if let what = files.others[path] { throw RowError("\(name) \(what)") }
            guard FileIdentity(folder.path + "/" + path) != nil else {
                let other = byStem[DatasetPath(parts.stem).name]?.first.map { "; there is \($0.path)" } ?? ""
                throw RowError("\(name) is missing\(other)")
            }
            return try ClipReference(file: folder.path + "/" + path, name: path, spacing: spacing)
        } catch let error as RowError {
            throw error
        } catch let error as ClipError.Reason {
            throw RowError("\(name): \(error)")
        } catch {
            throw RowError("\(name): \(error)")
        }
    }
}
