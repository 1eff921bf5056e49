import Foundation

/// The byte-level byte-pair tokenizer of CLIP's text encoder: text in, ids out.
///
/// Source: `transformers/models/clip/tokenization_clip.py` (5.x), whose ids it gives for every text. Read from a folder in either published
/// form, trained from captions, and written so that transformers reads it.
public struct CLIPTokenizer: Sendable {
    public static let defaultBos = "<|startoftext|>"
    public static let defaultEos = "<|endoftext|>"
    public static let defaultMaximumLength = 77

    let vocabulary: TokenizerVocabulary
    let special: SpecialTokens
    private let bytePairs: BytePairs
    private let literalFinder: AddedTokenFinder
    private let normalizedFinder: AddedTokenFinder

    /// Reads `tokenizer.json`, or `vocab.json` with `merges.txt`; and where present `tokenizer_config.json`, `special_tokens_map.json`,
    /// `added_tokens.json`. Where both forms are present `tokenizer.json` counts, as in transformers.
    ///
    /// - Throws: `TokenizerError` if a file is missing, damaged or contradicts another.
    public init(folder: URL) throws {
        let folder = TokenizerFolder(url: folder)
        let (vocabulary, document) = try TokenizerVocabulary.read(folder)
        self.init(vocabulary: vocabulary, special: try SpecialTokens.read(folder, vocabulary: vocabulary, document: document))
    }

    init(vocabulary: TokenizerVocabulary, special: SpecialTokens) {
        self.vocabulary = vocabulary
        self.special = special
        bytePairs = vocabulary.bytePairs(unknown: special.unknown)
        let added = special.added.map { (token: $0.value, id: $0.key) }
        literalFinder = AddedTokenFinder(added.filter { !$0.token.normalized }) { Array($0.unicodeScalars) }
        normalizedFinder = AddedTokenFinder(added.filter { $0.token.normalized }) { TextNormalization.normalize($0.unicodeScalars) }
    }

    /// Ids run from 0 to this, exclusive: the rows that the text encoder's token embedding needs.
    public var vocabularySize: Int { max(vocabulary.pieces.count, (special.added.keys.max() ?? -1) + 1) }

    /// The length of every list that `ids(_:)` gives.
    public var maximumLength: Int { special.maximumLength }

    public var bos: Int { special.bos }
    public var eos: Int { special.eos }
    public var pad: Int { special.pad }

    /// The token's text in the vocabulary's own spelling (`cat</w>`), or nil if there is no such id.
    public func token(_ id: Int) -> String? {
        if let added = special.added[id] { return added.content }
        return vocabulary.pieces.indices.contains(id) ? vocabulary.pieces[id] : nil
    }

    /// The text's ids between `bos` and `eos`, however many: neither padded nor truncated.
    public func encode(_ text: String) -> [Int] {
        [bos] + bare(text) + [eos]
    }

    /// The ids the text encoder gets, `[texts.count][maximumLength]`: truncated so that `eos` stays last, and filled up with `pad`.
    ///
    /// As transformers' `padding="max_length", truncation=True`.
    public func ids(_ texts: [String]) -> [[Int]] {
        texts.map { text in
            let ids = [bos] + bare(text).prefix(maximumLength - 2) + [eos]
            return ids + Array(repeating: pad, count: maximumLength - ids.count)
        }
    }

    private func bare(_ text: String) -> [Int] {
        var ids: [Int] = []
        for part in literalFinder.parts(of: Array(text.unicodeScalars)[...]) {
            switch part {
            case .token(let id):
                ids.append(id)
            case .text(let stretch):
                appendNormalized(TextNormalization.normalize(stretch)[...], to: &ids)
            }
        }
        return ids
    }

    private func appendNormalized(_ text: ArraySlice<Unicode.Scalar>, to ids: inout [Int]) {
        for part in normalizedFinder.parts(of: text) {
            switch part {
            case .token(let id):
                ids.append(id)
            case .text(let stretch):
                for word in TextWords.words(in: stretch) { ids.append(contentsOf: bytePairs.ids(of: word)) }
            }
        }
    }
}
