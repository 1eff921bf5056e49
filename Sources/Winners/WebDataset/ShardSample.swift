import Media

/// Neighbouring files of an archive with one key: the path up to the first dot of the name, as the `webdataset` library has it.
struct ShardSample {
    /// A file of a sample, and what follows the dot of its name, in lower case: its kind.
    struct File {
        let member: TarArchive.Member
        let kind: String
    }

    let key: String
    private(set) var files: [File] = []

    /// The samples of an archive, in its order. Hidden files and names without a dot belong to none.
    static func all(_ members: [TarArchive.Member]) -> [ShardSample] {
        var samples: [ShardSample] = []
        for member in members {
            guard let (key, kind) = parts(member.path) else { continue }
            // Byte by byte: letters whose accents are written in two ways are two names.
            if samples.last.map({ !$0.key.utf8.elementsEqual(key.utf8) }) ?? true { samples.append(ShardSample(key: key)) }
            samples[samples.count - 1].files.append(File(member: member, kind: kind))
        }
        return samples
    }

    private static func parts(_ path: String) -> (key: String, kind: String)? {
        let bytes = path.utf8
        let nameStart = bytes.lastIndex(of: UInt8(ascii: "/")).map(bytes.index(after:)) ?? bytes.startIndex
        guard let dot = bytes[nameStart...].firstIndex(of: UInt8(ascii: ".")), dot > nameStart else { return nil }
        return (String(path[..<dot]), path[bytes.index(after: dot)...].lowercased())
    }

    // MARK: Its parts

    var clips: [File] { files.filter { ClipSource.endings.contains($0.kind) } }
    var losingClips: [File] { files.filter { $0.kind.hasPrefix("loser.") && ClipSource.endings.contains(String($0.kind.dropFirst(6))) } }
    var images: [File] { files.filter { WinnerSet.imageExtensions.contains($0.kind) } }
    var losers: [File] { files.filter { $0.kind.hasPrefix("loser.") && WinnerSet.imageExtensions.contains(String($0.kind.dropFirst(6))) } }

    func files(of kind: String) -> [File] { files.filter { $0.kind == kind } }

    /// A file that would be an image, or a caption, if its name had no other dot.
    func dotted(_ extensions: Set<String>) -> File? {
        files.first { file in
            guard let dot = file.kind.lastIndex(of: "."), !file.kind.hasPrefix("loser.") else { return false }
            return extensions.contains(String(file.kind[file.kind.index(after: dot)...]))
        }
    }
}
