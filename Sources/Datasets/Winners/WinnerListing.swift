import Foundation

/// Collects winners and what is left out while a data set is listed, whatever its form.
struct WinnerListing {
    private(set) var winners: [Winner] = []
    private(set) var skips: [Skip] = []
    /// Winners that were left out because the same one was there before.
    private(set) var repeated = 0
    private var seen: [Content: (file: String, row: Int?)] = [:]

    /// By content: one image may win with two captions, or over two losers.
    private struct Content: Hashable {
        let image: String
        let caption: String
        let loser: String?
    }

    /// Takes a winner, or leaves it out where it repeats an earlier one.
    /// - Parameters:
    ///   - file: where it is listed, such as `metadata.jsonl` with its row, or the image itself
    mutating func add(_ winner: Winner, from file: String, row: Int? = nil) {
        let content = Content(image: winner.image.digest, caption: winner.caption, loser: winner.loser?.digest)
        if let first = seen[content] {
            repeated += 1
            let place = first.row.map { first.file == file ? "row \($0)" : "\(first.file):\($0)" } ?? first.file
            return leaveOut(file, row: row, "the same image and caption as \(place)")
        }
        seen[content] = (file, row)
        winners.append(winner)
    }

    mutating func leaveOut(_ file: String, row: Int? = nil, _ reason: String) { skips.append(Skip(file: file, row: row, reason: reason)) }

    /// Captions are one line: what a text editor adds around or within them means nothing to a tokenizer.
    static func caption(_ text: String) -> String {
        var text = text[...]
        if text.hasPrefix("\u{FEFF}") { text = text.dropFirst() }
        return text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }.joined(separator: " ")
    }
}
