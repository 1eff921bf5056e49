import Foundation
import Media
import Tokenizers

/// A data set: what a training would find in it.
public struct DatasetInspection: Encodable, Sendable {
    /// Least, middle and greatest of some numbers.
    public struct Spread: Encodable, Sendable {
        public let min: Int
        public let median: Int
        public let max: Int

        init?(_ values: [Int]) {
            guard !values.isEmpty else { return nil }
            let sorted = values.sorted()
            (min, median, max) = (sorted[0], sorted[sorted.count / 2], sorted[sorted.count - 1])
        }
    }

    /// How many of the decoded images have a size.
    public struct SizeCount: Encodable, Sendable {
        public let width: Int
        public let height: Int
        public let count: Int
    }

    /// Of a data set, that many images are decoded unless all are asked for.
    public static let fewImages = 1000
    package static let title = "a data set"

    /// What it was read as; nil where it could not be.
    public var form: String?
    /// What was counted while it was listed.
    public var counts: [WinnerSet.Count] = []
    /// Images with a caption that can be used, as far as they were decoded.
    public var winners = 0
    public var distinctCaptions = 0
    /// Winners with a losing image.
    public var losers = 0
    /// Winners that were decoded.
    public var decoded = 0
    public var width: Spread?
    public var height: Spread?
    /// Winners that are clips; nil where there is none, as for the three below.
    public var clips: Int?
    /// Frames of the clips that were decoded.
    public var frames: Spread?
    /// How long these clips last, in milliseconds.
    public var milliseconds: Spread?
    /// Clips of which a part is damaged, or that hold less than they claim, and what is read of them.
    public var damagedClips: [String]?
    /// Lengths of the captions of the images decoded, in tokens of Stable Diffusion's tokenizer, its marks of beginning and end among them.
    public var captionTokens: Spread?
    /// How many of these captions are longer than Stable Diffusion's 77 tokens.
    public var longCaptions = 0
    /// The first five captions.
    public var firstCaptions: [String] = []
    /// The most frequent first, ten at most.
    public var sizes: [SizeCount] = []
    /// Groups of images with the same bytes under several captions.
    public var duplicates: [[String]] = []
    /// What was done that a user might not expect.
    public var notes: [String] = []
    /// Links that lead out of the data set, with what they lead to.
    public var links: [String] = []
    /// Files and rows that were left out.
    public var skipped: [Skip] = []

    /// - Parameters:
    ///   - columns: of Parquet files, or keys of metadata files, where their names do not tell
    ///   - captionLines: what becomes of captions of several lines
    ///   - images: how many are decoded, evenly spread over the data set; 0 for all
    ///   - problems: what is wrong with it is added
    package init(
        _ url: URL, columns: ParquetColumnNames = ParquetColumnNames(), captionLines: CaptionLines = .join, images: Int,
        _ problems: inout [String]
    ) {
        do {
            let set = try WinnerSet.list(url, columns: columns, captionLines: captionLines)
            (form, counts, skipped) = (set.form, set.counts, set.report)
            (notes, links) = (set.notes, set.links.map(\.description))
            examine(set.winners, images: images)
            let what = clips == nil ? "images" : "clips"
            if winners == 0 { problems.append("\(url.path): no usable winner: none of \(set.winners.count) \(what) can be decoded") }
        } catch {
            if case .noWinners(_, _, let skips)? = error as? WinnerSetError { skipped = skips }
            problems.append("\(error)".split(separator: "\n").first.map(String.init) ?? "")
        }
        problems += skipped.map { "\($0)" }
        problems += damagedClips ?? []
        problems += duplicates.map { "the same \(clips == nil ? "picture" : "clip"): \($0.enumerated(upTo: 5))" }
    }

    /// A sentence on captions that are too long; nil where none is.
    public var longCaptionsNote: String? { CLIPTokenizer.truncationNote(longCaptions, of: decoded) }

    /// Width and height of an image that can be decoded.
    private static func size(of image: ImageReference) throws(ImageError) -> [Int] {
        let image = try image.image()
        return [image.width, image.height]
    }

    /// Width and height of a picture, or of a clip of which every frame is decoded.
    private mutating func size(of medium: Medium) throws(Skip) -> [Int] {
        switch medium {
        case .image(let image):
            do { return try Self.size(of: image) } catch { throw Skip(error) }
        case .clip(let clip):
            let times: ClipTimes
            do { times = try clip.decoder().times() } catch { throw Skip(error) }
            clipTimes.append((times.count, Int((times.duration * 1000).rounded())))
            if let note = times.note { damagedClips = (damagedClips ?? []) + ["\(clip.name): \(note)".printable] }
            return [times.width, times.height]
        }
    }

    /// Frames and milliseconds of each clip that was decoded.
    private var clipTimes: [(frames: Int, milliseconds: Int)] = []

    private enum CodingKeys: String, CodingKey {
        case form, counts, winners, distinctCaptions, losers, decoded, width, height, clips, frames, milliseconds, damagedClips, captionTokens, longCaptions
        case firstCaptions, sizes, duplicates, notes, links, skipped
    }

    private mutating func examine(_ all: [Winner], images: Int) {
        let count = images > 0 ? Swift.min(images, all.count) : all.count
        var sizes: [[Int]: Int] = [:]
        var (widths, heights): ([Int], [Int]) = ([], [])
        var tokens: [Int] = []
        var failed: Set<Int> = []
        for number in 0..<count {
            let index = number * all.count / count
            do throws(Skip) {
                let size = try self.size(of: all[index].medium)
                if let loser = all[index].losingMedium { _ = try self.size(of: loser) }
                decoded += 1
                widths.append(size[0])
                heights.append(size[1])
                sizes[size, default: 0] += 1
                tokens += all[index].captions.map { CLIPTokenizer.standard.encode($0).count }
            } catch {
                failed.insert(index)
                if !skipped.contains(error) { skipped.append(error) }
            }
        }
        let usable = all.indices.filter { !failed.contains($0) }.map { all[$0] }
        winners = usable.count
        distinctCaptions = Set(usable.flatMap(\.captions)).count
        losers = usable.count { $0.losingMedium != nil }
        let clips = all.count { $0.medium.clip != nil }
        self.clips = clips > 0 ? clips : nil
        (frames, milliseconds) = (Spread(clipTimes.map(\.frames)), Spread(clipTimes.map(\.milliseconds)))
        (width, height, captionTokens) = (Spread(widths), Spread(heights), Spread(tokens))
        longCaptions = tokens.count { $0 > CLIPTokenizer.defaultMaximumLength }
        firstCaptions = Array(usable.prefix(5).flatMap(\.captions).prefix(5))
        let frequent = sizes.sorted { ($1.value, $0.key[0], $0.key[1]) < ($0.value, $1.key[0], $1.key[1]) }.prefix(10)
        self.sizes = frequent.map { SizeCount(width: $0.key[0], height: $0.key[1], count: $0.value) }
        let names = Dictionary(grouping: usable.map(\.medium), by: \.digest).values.map { Set($0.map(\.name)).sorted() }
        duplicates = names.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
    }
}
