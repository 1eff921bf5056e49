/// Files with the captions of the images beside them: `a.txt` or `a.caption`, else `a.png.txt` or `a.png.caption`, for `a.png`.
struct CaptionFiles {
    static let endings = ["txt", "caption"]

    /// By their paths without the ending; a name whose accents are written in two ways is one key.
    private var files: [String: [DatasetPath]] = [:]
    private var images: [String: [DatasetPath]] = [:]

    init(_ paths: [DatasetPath]) {
        for path in paths where Self.endings.contains(path.ending) { files[path.stem, default: []].append(path) }
        for path in paths where path.isImage { images[path.stem, default: []].append(path) }
    }

    enum Match {
        /// The file to read, and others that would do.
        case file(DatasetPath, unread: [DatasetPath])
        case none(String)
    }

    func match(_ image: DatasetPath) -> Match {
        for stem in [image.stem, image.path] {
            let candidates = files[stem] ?? []
            let exact = candidates.filter { $0.stem.isWritten(as: stem) }
            if let first = Self.preferred(exact) { return .file(first, unread: exact.filter { !$0.path.isWritten(as: first.path) }) }
            // macOS writes accents in one way, everybody else in another.
            guard let only = candidates.first else { continue }
            let spellings = (images[image.stem] ?? []).filter { !$0.stem.isWritten(as: image.stem) }
            guard candidates.count == 1, spellings.isEmpty else {
                return .none("no caption: the accents of \(only.name) are written in another way, and it is not clear which picture it belongs to")
            }
            return .file(only, unread: [])
        }
        return .none("no caption: \(DatasetPath(image.stem).name).txt is missing")
    }

    func holds(_ image: DatasetPath) -> Bool { if case .file = match(image) { true } else { false } }

    private static func preferred(_ candidates: [DatasetPath]) -> DatasetPath? {
        for ending in endings {
            let those = candidates.filter { $0.ending == ending }
            if let first = those.first(where: { $0.path.hasSuffix(ending) }) ?? those.first { return first }
        }
        return nil
    }
}
