import Datasets
import Foundation

/// An image folder: what a training would find in it.
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

    /// Images with a caption that can be used, as far as they were decoded.
    public var winners = 0
    public var distinctCaptions = 0
    /// Winners with a losing image.
    public var losers = 0
    /// Winners that were decoded.
    public var decoded = 0
    public var width: Spread?
    public var height: Spread?
    /// The most frequent first, ten at most.
    public var sizes: [SizeCount] = []
    /// Groups of files with the same bytes, among those decoded.
    public var duplicates: [[String]] = []
    /// Files and rows that were left out.
    public var skipped: [Skip] = []

    init(_ url: URL, _ effort: Inspection.Effort, _ problems: inout [String]) {
        do {
            var folder = try ImageFolder(url)
            examine(&folder, effort)
            skipped = folder.report
            if winners == 0 { problems.append("\(url.path): no usable winner: none of \(folder.winners.count) images can be decoded") }
        } catch {
            if case .noWinners(_, _, let skips) = error { skipped = skips }
            problems.append("\(error)".split(separator: "\n").first.map(String.init) ?? "")
        }
        problems += skipped.map { "\($0)" }
        problems += duplicates.map { "the same picture: \($0.enumerated(upTo: 5))" }
    }

    private mutating func examine(_ folder: inout ImageFolder, _ effort: Inspection.Effort) {
        let all = folder.winners
        let count = effort.images > 0 ? Swift.min(effort.images, all.count) : all.count
        var sizes: [[Int]: Int] = [:]
        var (widths, heights): ([Int], [Int]) = ([], [])
        var failed: Set<Int> = []
        var seen: [URL] = []
        for number in 0..<count {
            let index = number * all.count / count
            guard let (image, _) = folder.load(all[index], withLoser: true) else {
                failed.insert(index)
                continue
            }
            decoded += 1
            seen.append(all[index].image)
            widths.append(image.width)
            heights.append(image.height)
            sizes[[image.width, image.height], default: 0] += 1
        }
        let usable = all.indices.filter { !failed.contains($0) }.map { all[$0] }
        winners = usable.count
        distinctCaptions = Set(usable.map(\.caption)).count
        losers = usable.count { $0.loser != nil }
        (width, height) = (Spread(widths), Spread(heights))
        let frequent = sizes.sorted { ($1.value, $0.key[0], $0.key[1]) < ($0.value, $1.key[0], $1.key[1]) }.prefix(10)
        self.sizes = frequent.map { SizeCount(width: $0.key[0], height: $0.key[1], count: $0.value) }
        duplicates = Self.duplicates(among: seen, in: folder.folder)
    }

    /// Only files of equal length are compared. One file under two captions is one file.
    private static func duplicates(among files: [URL], in folder: URL) -> [[String]] {
        func length(_ url: URL) -> Int { ((try? FileManager.default.attributesOfItem(atPath: url.path))?[.size] as? NSNumber)?.intValue ?? 0 }
        let unique = Dictionary(files.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first }).values
        return Dictionary(grouping: unique, by: length).values.filter { $0.count > 1 }
            .flatMap { group in
                Dictionary(grouping: group) { (try? Data(contentsOf: $0)) ?? Data($0.path.utf8) }.values.filter { $0.count > 1 }
            }
            .map { group in group.map { String($0.path.dropFirst(folder.path.count + 1)) }.sorted() }
            .sorted { $0[0] < $1[0] }
    }

    /// Whether there is an image anywhere in a folder.
    static func holdsImages(_ folder: URL) -> Bool {
        guard let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else { return false }
        for case let file as URL in files where ImageFolder.extensions.contains(file.pathExtension.lowercased()) { return true }
        return false
    }
}
