import Foundation

/// Winners in WebDataset shards. Neighbouring files of an archive with the same path up to the first dot of the name make a sample: an image (`.jpg`,
/// `.jpeg`, `.png` or `.webp`), its caption (`.txt`, or `.json` with `caption`, `text` or `prompt`) and, in preference data, the image it was preferred
/// to (`.loser.jpg`, …). Other files of a sample are not looked at.
struct ShardListing {
    private(set) var listing = WinnerListing()
    private let files: DatasetFiles
    private var samples = 0
    private var unusable = 0

    static let lookedFor = "samples of an image (.jpg, .jpeg, .png, .webp) and a caption (.txt, or .json with caption, text or prompt)"

    /// By its name. Compressed ones are shards too, to be refused with what to do about it.
    static func isShard(_ name: String) -> Bool {
        let name = name.lowercased()
        return [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2"].contains { name.hasSuffix($0) }
    }

    /// Throws where a shard is damaged: what is left of it could be mistaken for the whole.
    init(_ files: DatasetFiles) throws(TarError) {
        self.files = files
        for file in files.read { try add(file) }
        for skip in files.unread { listing.leaveOut(skip.file, skip.reason) }
    }

    var form: String { "WebDataset (\(files.read.count == 1 ? "one shard" : "\(files.read.count) shards"))" }
    var counts: [WinnerSet.Count] { [WinnerSet.Count("samples", samples), WinnerSet.Count("unusable", unusable)] }

    private mutating func add(_ shard: DatasetFiles.File) throws(TarError) {
        let archive = try TarArchive(URL(fileURLWithPath: shard.path))
        if !archive.hasEnd { listing.leaveOut(shard.name, "the end mark is missing: the archive may have been cut off behind its last file") }
        var rest = archive.members[...]
        while let first = rest.first {
            guard let key = Self.parts(first.path)?.key else {
                rest = rest.dropFirst()
                continue
            }
            let sample = rest.prefix { Self.parts($0.path)?.key == key }
            rest = rest[sample.endIndex...]
            samples += 1
            let name = "\(shard.name)/\(key)"
            do throws(RowError) {
                listing.add(try winner(sample, shard), from: name)
            } catch {
                unusable += 1
                listing.leaveOut(name, error.reason)
            }
        }
    }

    /// The key of a member and what follows the dot, in lower case; nil for hidden files and names without a dot, as in the `webdataset` library.
    private static func parts(_ path: String) -> (key: String, kind: String)? {
        let nameStart = path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex
        guard let dot = path[nameStart...].firstIndex(of: "."), dot > nameStart else { return nil }
        return (String(path[..<dot]), path[path.index(after: dot)...].lowercased())
    }

    private func winner(_ sample: ArraySlice<TarArchive.Member>, _ shard: DatasetFiles.File) throws(RowError) -> Winner {
        var image: TarArchive.Member?
        var loser: TarArchive.Member?
        var captions: [String: TarArchive.Member] = [:]
        for member in sample {
            let kind = Self.parts(member.path)!.kind
            if WinnerSet.imageExtensions.contains(kind) {
                if image != nil { throw RowError("more than one image") }
                image = member
            } else if kind.hasPrefix("loser."), WinnerSet.imageExtensions.contains(String(kind.dropFirst(6))) {
                if loser != nil { throw RowError("more than one losing image") }
                loser = member
            } else if kind == "txt" || kind == "json" {
                if captions[kind] != nil { throw RowError("more than one .\(kind) file") }
                captions[kind] = member
            }
        }
        guard let image else { throw RowError("no image") }
        let caption = try caption(captions, shard)
        return Winner(image: try reference(image, shard), caption: caption, loser: try loser.map { member throws(RowError) in try reference(member, shard) })
    }

    private func reference(_ member: TarArchive.Member, _ shard: DatasetFiles.File) throws(RowError) -> ImageReference {
        do {
            return try ImageReference(FileSource(shard.path, range: member.range), name: "\(shard.name)/\(member.path)")
        } catch {
            throw RowError("\(member.path): \(error)")
        }
    }

    // MARK: Captions

    private static let longestCaption = 1 << 20

    private struct Description: Decodable {
        let caption: String?
        let text: String?
        let prompt: String?
    }

    private func caption(_ files: [String: TarArchive.Member], _ shard: DatasetFiles.File) throws(RowError) -> String {
        if let file = files["txt"] {
            guard let text = String(bytes: try bytes(file, shard), encoding: .utf8) else { throw RowError("\(file.path) is not UTF-8") }
            let caption = WinnerListing.caption(text)
            if !caption.isEmpty || files["json"] == nil { return try Self.notEmpty(caption) }
        }
        guard let file = files["json"] else { throw RowError("no caption: neither .txt nor .json") }
        let description: Description
        do { description = try JSONDecoder().decode(Description.self, from: Data(try bytes(file, shard))) } catch let error as RowError {
            throw error
        } catch {
            throw RowError("\(file.path) is not a JSON object whose caption, text and prompt are strings")
        }
        guard let text = description.caption ?? description.text ?? description.prompt else { throw RowError("\(file.path) has no caption, text or prompt") }
        return try Self.notEmpty(WinnerListing.caption(text))
    }

    private static func notEmpty(_ caption: String) throws(RowError) -> String {
        if caption.isEmpty { throw RowError("the caption is empty") }
        return caption
    }

    private func bytes(_ member: TarArchive.Member, _ shard: DatasetFiles.File) throws(RowError) -> [UInt8] {
        guard member.range.count <= Self.longestCaption else { throw RowError("\(member.path) is longer than \(Self.longestCaption) bytes") }
        guard !member.range.isEmpty else { return [] }
        do { return try FileSource(shard.path, range: member.range).bytes() } catch { throw RowError("\(member.path): \(error)") }
    }
}
