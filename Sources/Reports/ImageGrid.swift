import Foundation
import Media
import Pages
import Scoring

extension Report {
    /// Images before and after every run, on the same captions, seeds and guidance; nothing without images.
    var imageGrid: HTML? {
        let keys = runs.flatMap { $0.images.map(\.key) }
        guard !keys.isEmpty else { return nil }
        let pairs = runs.map { Dictionary($0.images.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first }) }
        let groups = Dictionary(grouping: Self.firstOccurrences(keys), by: \.guidance).sorted { $0.key < $1.key }
        let figures = groups.map { guidance, keys -> HTML in
            let cards = keys.map { card($0, pairs) }
            return "<h3>Guidance \(guidance.short)</h3><div class=\"grid columns-\(min(runs.count + 1, 4))\">\(cards)</div>"
        }
        let order: HTML = runs.count == 1 ? .nothing : " From left to right: before, then after \(list(runs.map(\.name)))."
        return "<p class=\"note\">Same caption, seed, sampler and guidance in every row; only the weights differ.\(order)\(scoreInitials)</p>\(figures)"
    }

    /// What the letters under the images stand for.
    private var scoreInitials: HTML {
        let all = Set(runs.flatMap(\.images).flatMap { Array($0.scoresBefore.keys) + Array($0.scoresAfter.keys) })
        let names = Self.shown(all)
        let initials = Self.initials(of: names)
        return names.isEmpty ? .nothing : " \(names.inReadingOrder.map { "\(initials[$0]!): \($0.asWords)" }.joined(separator: ", "))."
    }

    private static func shown(_ names: Set<String>) -> Set<String> { names.contains("composite") ? names.intersection(Report.summed) : names }

    /// For each score the beginning of its name that no other has: Q of quality, or Com of composite beside Con of consistency.
    private static func initials(of names: Set<String>) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: names.map { name in
                let lengths = 1...max(1, name.count)
                let length = lengths.first { length in !names.contains { $0 != name && $0.hasPrefix(name.prefix(length)) } } ?? name.count
                return (name, name.prefix(length).capitalized)
            })
    }

    private func card(_ key: ImageKey, _ pairs: [[ImageKey: RunRecord.ImagePair]]) -> HTML {
        let before = pairs.lazy.compactMap { $0[key] }.first
        var images = [Self.image(before?.before, before?.scoresBefore, name: "Before", key, style: nil)]
        for (index, run) in runs.enumerated() {
            let pair = pairs[index][key]
            images.append(Self.image(pair?.after, pair?.scoresAfter, name: runs.count == 1 ? "After" : run.name, key, style: index))
        }
        return """
            <figure class="pair"><div class="row">\(images)</div>\
            <figcaption><q class="caption">\(key.caption)</q> <span class="quiet">seed \(String(key.seed))</span></figcaption></figure>
            """
    }

    private static func image(_ bytes: Data?, _ scores: [String: Double]?, name: String, _ key: ImageKey, style: Int?) -> HTML {
        let picture = picture(bytes, alt: "\(name): \(key.caption), seed \(key.seed), guidance \(key.guidance.short)")
        let scores = scores ?? [:]
        let names = shown(Set(scores.keys))
        let initials = initials(of: names)
        let values = names.inReadingOrder.map { name -> HTML in "<span title=\"\(name.asWords)\">\(initials[name]!) \(scores[name]!.score)</span>" }
        let swatch: HTML = style.map { "<span class=\"swatch s\($0 % 6)\"></span>" } ?? .nothing
        return "<div class=\"image\">\(picture)<span class=\"name\">\(swatch)\(name)</span><span class=\"quiet values\">\(values)</span></div>"
    }

    /// A PNG file or an animated GIF as a part of the page.
    static func picture(_ bytes: Data?, alt: String) -> HTML {
        let isAnimation = bytes?.starts(with: Array("GIF8".utf8)) ?? false
        guard let bytes, let width = isAnimation ? width(ofGIF: bytes) : PNGHeader(bytes)?.width
        else { return "<div class=\"missing\" role=\"img\" aria-label=\"\(alt): no image\">no image</div>" }
        // Smoothing would blur a tiny image, and blur is one of the flaws to be seen here.
        let pixelated = width <= 128 ? " class=\"pixelated\"" : "" as HTML
        return "<img\(pixelated) src=\"data:image/\(isAnimation ? "gif" : "png");base64,\(bytes.base64EncodedString())\" alt=\"\(alt)\">"
    }

    private static func width(ofGIF bytes: Data) -> Int? {
        bytes.count >= 10 ? Int(bytes[bytes.startIndex + 6]) | Int(bytes[bytes.startIndex + 7]) << 8 : nil
    }

    private static func firstOccurrences(_ keys: [ImageKey]) -> [ImageKey] {
        var seen: Set<ImageKey> = []
        return keys.filter { seen.insert($0).inserted }
    }
}
