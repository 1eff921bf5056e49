import Foundation
import Media
import Storage

/// Winners in WebDataset shards. Neighbouring files of an archive with the same path up to the first dot of the name make a sample: an image (`.jpg`,
/// `.jpeg`, `.png` or `.webp`; where there is none, a clip, such as `.mp4`), its caption (`.txt`, or `.json` with `caption`, `captions`, `text` or `prompt`) and, in preference data, the image it was
/// preferred to (`.loser.jpg`, …). Other files of a sample are not looked at.
struct ShardListing {
    private(set) var listing: WinnerListing
    private let files: DatasetFiles
    private let choice: ParquetColumnNames
    private var samples = 0
    private var unusable = 0

    static let lookedFor = "samples of an image (.jpg, .jpeg, .jfif, .png, .webp) and a caption (.txt, or .json with caption, captions, text or prompt)"

    /// By its name. Compressed ones are shards too, to be refused with what to do about it.
    static func isShard(_ name: String) -> Bool {
        let name = name.lowercased()
        return [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2"].contains { name.hasSuffix($0) }
    }

    /// Throws where a shard is damaged: what is left of it could be mistaken for the whole.
    /// - Parameter choice: the kind of file that is the image, the kind of file or the key of the `.json` that is the caption
    init(_ files: DatasetFiles, _ choice: ParquetColumnNames, _ captionLines: CaptionLines) throws(TarError) {
        self.files = files
        listing = WinnerListing(captionLines)
        self.choice = choice
        for file in files.read { try add(file) }
        for skip in files.unread { listing.leaveOut(skip.file, skip.reason) }
    }

    var form: String { "WebDataset (\(files.read.count == 1 ? "one shard" : "\(files.read.count) shards"))" }
    var counts: [WinnerSet.Count] { [WinnerSet.Count("samples", samples), WinnerSet.Count("unusable", unusable)] }

    private mutating func add(_ shard: DatasetFiles.File) throws(TarError) {
        let archive = try TarArchive(URL(fileURLWithPath: shard.path))
        if !archive.hasEnd { listing.leaveOut(shard.name, "the end mark is missing: the archive may have been cut off behind its last file") }
        let all = ShardSample.all(archive.members)
        // By bytes, as the keys are told apart.
        let places = Dictionary(grouping: all.indices) { Array(all[$0].key.utf8) }
        var scattered: Set<[UInt8]> = []
        for (index, sample) in all.enumerated() {
            let name = "\(shard.name)/\(sample.key)"
            let key = Array(sample.key.utf8)
            let pieces = places[key]!
            do throws(RowError) {
                try requireParts(sample, among: pieces.map { all[$0] })
                listing.add(try winner(sample, shard), from: pieces[0] == index ? name : "\(name) (the key comes again)")
            } catch {
                // A sample in pieces is one sample.
                if pieces.count > 1, !scattered.insert(key).inserted { continue }
                unusable += 1
                listing.leaveOut(name, error.reason)
            }
            samples += 1
        }
    }

    // MARK: What a sample must have

    /// Throws where a sample lacks its image or its caption, with the rule of the form that was broken.
    /// - Parameter pieces: all that the shard has under this key, itself among them
    private func requireParts(_ sample: ShardSample, among pieces: [ShardSample]) throws(RowError) {
        let lacks: String
        let endings: Set<String>
        let has: (ShardSample) -> Bool
        if media(of: sample).isEmpty {
            (lacks, endings) = (choice.image.map { "no image: no file .\(Self.kind($0))" } ?? "no image", WinnerSet.imageExtensions)
            has = { !media(of: $0).isEmpty }
        } else if captionFiles(of: sample).isEmpty {
            (lacks, endings) = ("no caption: neither .\(Self.kind(choice.caption ?? "txt")) nor .json", ["txt", "json"])
            has = { !captionFiles(of: $0).isEmpty }
        } else {
            return
        }
        if let other = pieces.first(where: has) {
            let (first, second) = (sample.files[0].member.path, other.files[0].member.path)
            throw RowError(
                "\(lacks): the files of one sample must stand side by side, and others stand between \(first) and \(second). "
                    + "Pack them again in the order of their names, such as with tar --sort=name")
        }
        if let file = sample.dotted(endings) {
            throw RowError(
                "\(lacks): a sample's key ends at the first dot of the name, so \(file.member.path) is the .\(file.kind) of \(sample.key). "
                    + "Pack the files again under names with one dot, or name the kind with \(endings.contains("txt") ? "--caption-column" : "--image-column")"
                    + " where all samples have it")
        }
        throw RowError(lacks)
    }

    /// Its picture or, where it has none, its clip.
    private func media(of sample: ShardSample) -> [ShardSample.File] {
        choice.image.map { sample.files(of: Self.kind($0)) } ?? (sample.images.isEmpty ? sample.clips : sample.images)
    }

    /// The files that may hold the caption.
    private func captionFiles(of sample: ShardSample) -> [ShardSample.File] { sample.files(of: Self.kind(choice.caption ?? "txt")) + sample.files(of: "json") }

    /// A kind of file as people write it, with its dot or without.
    private static func kind(_ name: String) -> String { String(name.drop { $0 == "." }).lowercased() }

    private static func only(_ files: [ShardSample.File], _ what: String) throws(RowError) -> TarArchive.Member? {
        guard files.count < 2 else { throw RowError("more than one \(what): \(files[0].member.path) and \(files[1].member.path)") }
        return files.first?.member
    }

    private mutating func winner(_ sample: ShardSample, _ shard: DatasetFiles.File) throws(RowError) -> Winner {
        let media = media(of: sample)
        guard let first = media.first else { throw RowError("no image") }
        let isClip = ClipSource.endings.contains(first.kind)
        guard let medium = try Self.only(media, isClip ? "clip" : "image") else { throw RowError("no image") }
        let captions = try captions(of: sample, shard)
        let loser = try Self.only(isClip ? sample.losingClips : sample.losers, isClip ? "losing clip" : "losing image")
        return Winner(
            try reference(medium, shard, isClip), captions: captions, loser: try loser.map { member throws(RowError) in try reference(member, shard, isClip) })
    }

    private func reference(_ member: TarArchive.Member, _ shard: DatasetFiles.File, _ isClip: Bool) throws(RowError) -> Medium {
        let name = "\(shard.name)/\(member.path)"
        if isClip {
            do { return .clip(try ClipReference(file: shard.path, range: member.range, name: name)) } catch { throw RowError("\(member.path): \(error)") }
        }
        do { return .image(try ImageReference(FileSource(shard.path, range: member.range), name: name)) } catch { throw RowError("\(member.path): \(error)") }
    }

    // MARK: Captions

    private static let captionKeys = ["caption", "captions", "text", "prompt"]

    private mutating func captions(of sample: ShardSample, _ shard: DatasetFiles.File) throws(RowError) -> [String] {
        let object = try Self.only(sample.files(of: "json"), ".json file")
        let kind = Self.kind(choice.caption ?? "txt")
        if let file = try Self.only(sample.files(of: kind), ".\(kind) file"), file != object {
            let bytes = try bytes(file, shard)
            // An empty one gives way to what else there is.
            let isBlank = bytes.allSatisfy { $0 == 32 || 9...13 ~= $0 }
            if !isBlank || object == nil {
                let text: String
                do { text = try UTF8Text.string(bytes) } catch { throw RowError("\(file.path) \(error)") }
                return try listing.captions([text])
            }
        }
        guard let object else { throw RowError("no caption: neither .txt nor .json") }
        let value: JSONValue
        do { value = try JSONValue(json: try bytes(object, shard)) } catch let error as RowError { throw error } catch {
            throw RowError("\(object.path): \(error)")
        }
        guard case .object(let entries) = value else { throw RowError("\(object.path) is \(value.typeInWords), not a JSON object") }
        let keys = choice.caption.map { [$0] } ?? Self.captionKeys
        guard let key = keys.first(where: { (entries[$0] ?? .null) != .null }) else {
            throw RowError("\(object.path) has no \(keys.joined(separator: ", ")); its keys are \(entries.keys.sorted().prefix(20).joined(separator: ", "))")
        }
        return try listing.captions(entries[key]!, named: "\(object.path): \(key)")
    }

    private func bytes(_ member: TarArchive.Member, _ shard: DatasetFiles.File) throws(RowError) -> [UInt8] {
        guard member.range.count <= WinnerListing.longestCaption else {
            throw RowError("\(member.path) is longer than \(WinnerListing.longestCaption) bytes")
        }
        guard !member.range.isEmpty else { return [] }
        do { return try FileSource(shard.path, range: member.range).bytes() } catch { throw RowError("\(member.path): \(error)") }
    }
}
