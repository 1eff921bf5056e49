/// A token recognised as a whole in the text, before any word is cut: the special tokens, and what textual inversion adds.
struct AddedToken: Equatable, Sendable {
    var content: String
    /// Only between characters that are not part of a word.
    var singleWord = false
    /// Whether whitespace beside it belongs to it. Kept for writing only: CLIP drops whitespace anyway.
    var stripsLeft = false
    var stripsRight = false
    /// Looked for in the normalised text, so that `<|ENDOFTEXT|>` is found too; otherwise in the text as it stands.
    var normalized = false
    var special = true
}

/// Finds added tokens in a text: the leftmost, and of those at one place the longest.
///
/// Source: `AddedVocabulary` of Hugging Face's `tokenizers`.
struct AddedTokenFinder: Sendable {
    enum Part: Equatable {
        case text(ArraySlice<Unicode.Scalar>)
        case token(Int)
    }

    private struct Candidate {
        let scalars: [Unicode.Scalar]
        let id: Int
        let singleWord: Bool
    }

    private var candidates: [Unicode.Scalar: [Candidate]] = [:]

    /// - Parameter spelling: how a token's content looks in the text that will be searched.
    init(_ tokens: [(token: AddedToken, id: Int)], spelling: (String) -> [Unicode.Scalar]) {
        for (token, id) in tokens {
            let scalars = spelling(token.content)
            guard let first = scalars.first else { continue }
            candidates[first, default: []].append(Candidate(scalars: scalars, id: id, singleWord: token.singleWord))
        }
        for key in candidates.keys { candidates[key]?.sort { $0.scalars.count > $1.scalars.count } }
    }

    func parts(of text: ArraySlice<Unicode.Scalar>) -> [Part] {
        var parts: [Part] = []
        var textStart = text.startIndex
        var position = text.startIndex
        while position < text.endIndex {
            guard let found = candidates[text[position]]?.first(where: { text[position...].starts(with: $0.scalars) }) else {
                position += 1
                continue
            }
            let end = position + found.scalars.count
            let touchesWord = text[..<position].last.map(Self.isWord) == true || text[end...].first.map(Self.isWord) == true
            if !(found.singleWord && touchesWord) {
                if textStart < position { parts.append(.text(text[textStart..<position])) }
                parts.append(.token(found.id))
                textStart = end
            }
            position = end
        }
        if textStart < text.endIndex { parts.append(.text(text[textStart...])) }
        return parts
    }

    /// `\w` of Unicode's regular expressions (UTS #18, annex C).
    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        if properties.isAlphabetic || properties.isJoinControl { return true }
        return switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
        default: false
        }
    }
}
