import Foundation

/// What becomes of a caption of several lines.
public enum CaptionLines: String, Sendable, Codable, CaseIterable {
    /// One caption of them all.
    case join
    case first
}

/// Collects winners and what is left out while a data set is listed, whatever its form.
struct WinnerListing {
    private let captionLines: CaptionLines
    private(set) var winners: [Winner] = []
    private(set) var skips: [Skip] = []
    /// Winners that were left out because the same one was there before.
    private(set) var repeated = 0
    private var seen: [Content: (file: String, row: Int?)] = [:]
    private var severalLines = 0
    private var replacedCharacters = 0

    init(_ captionLines: CaptionLines = .join) { self.captionLines = captionLines }

    /// By content: one image may win with two captions, or over two losers.
    private struct Content: Hashable {
        let image: String
        let captions: [String]
        let loser: String?
    }

    /// Takes a winner, or leaves it out where it repeats an earlier one.
    /// - Parameters:
    ///   - file: where it is listed, such as `metadata.jsonl` with its row, or the image itself
    /// - Returns: whether it was taken
    @discardableResult
    mutating func add(_ winner: Winner, from file: String, row: Int? = nil) -> Bool {
        let content = Content(image: winner.image.digest, captions: winner.captions, loser: winner.loser?.digest)
        if let first = seen[content] {
            repeated += 1
            let place = first.row.map { first.file == file ? "row \($0)" : "\(first.file):\($0)" } ?? first.file
            leaveOut(file, row: row, "the same image and caption as \(place)")
            return false
        }
        seen[content] = (file, row)
        winners.append(winner)
        if winner.captions.contains(where: { $0.unicodeScalars.contains("\u{FFFD}") }) { replacedCharacters += 1 }
        return true
    }

    mutating func leaveOut(_ file: String, row: Int? = nil, _ reason: String) { skips.append(Skip(file: file, row: row, reason: reason)) }

    /// A caption as it is trained on, which is one line; counted where it had several.
    mutating func caption(_ text: String) -> String {
        let lines = Self.lines(text)
        if lines.count > 1 { severalLines += 1 }
        return captionLines == .first ? lines.first ?? "" : lines.joined(separator: " ")
    }

    /// What was done with captions, for people.
    var notes: [String] {
        var notes: [String] = []
        if severalLines > 0 {
            let what = captionLines == .first ? "the first line of each is its caption" : "the lines of each are joined into one caption"
            notes.append("captions of several lines: \(severalLines); \(what)")
        }
        if replacedCharacters > 0 { notes.append("captions with U+FFFD, which stands for a character that was lost before: \(replacedCharacters)") }
        return notes
    }

    /// What a text editor adds around or within a line means nothing to a tokenizer.
    private static func lines(_ text: String) -> [String] {
        var text = text[...]
        if text.hasPrefix("\u{FEFF}") { text = text.dropFirst() }
        return text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }
}
