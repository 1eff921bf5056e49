/// `tokenizer_config.json` and `special_tokens_map.json`, as far as they bear on ids. Other keys belong to other programs.
struct TokenizerConfiguration: Decodable {
    var named: [TokenRole: TokenEntry] = [:]
    var furtherSpecialTokens: [TokenEntry] = []
    /// By id. Its presence, even empty, tells that the file was written after transformers 4.31 and that the legacy files do not count.
    var addedTokens: [Int: TokenEntry]?
    var modelMaximumLength: Double?
    var paddingSide: String?
    var truncationSide: String?
    var splitsSpecialTokens: Bool?

    init() {}

    private enum Key: String, CodingKey {
        case addedTokens = "added_tokens_decoder"
        case additionalSpecialTokens = "additional_special_tokens"
        case extraSpecialTokens = "extra_special_tokens"
        case modelMaximumLength = "model_max_length"
        case paddingSide = "padding_side"
        case truncationSide = "truncation_side"
        case splitsSpecialTokens = "split_special_tokens"
    }

    init(from decoder: any Decoder) throws {
        let roles = try decoder.container(keyedBy: TokenRole.self)
        for role in TokenRole.allCases { named[role] = try roles.decodeIfPresent(TokenEntry.self, forKey: role) }
        let values = try decoder.container(keyedBy: Key.self)
        addedTokens = try values.decodeIfPresent([Int: TokenEntry].self, forKey: .addedTokens)
        modelMaximumLength = try values.decodeIfPresent(Double.self, forKey: .modelMaximumLength)
        paddingSide = try values.decodeIfPresent(String.self, forKey: .paddingSide)
        truncationSide = try values.decodeIfPresent(String.self, forKey: .truncationSide)
        splitsSpecialTokens = try values.decodeIfPresent(Bool.self, forKey: .splitsSpecialTokens)
        furtherSpecialTokens = try values.decodeIfPresent([TokenEntry].self, forKey: .extraSpecialTokens) ?? []
        if furtherSpecialTokens.isEmpty {
            furtherSpecialTokens = try values.decodeIfPresent([TokenEntry].self, forKey: .additionalSpecialTokens) ?? []
        }
    }
}

/// The names transformers gives special tokens, in its order (`SPECIAL_TOKENS_ATTRIBUTES`), which decides whose flags a shared token has.
enum TokenRole: String, CodingKey, CaseIterable {
    case bos = "bos_token"
    case eos = "eos_token"
    case unknown = "unk_token"
    case separator = "sep_token"
    case pad = "pad_token"
    case classification = "cls_token"
    case mask = "mask_token"

    /// The default of transformers' `CLIPTokenizer`; nil for roles CLIP does not have.
    var defaultContent: String? {
        switch self {
        case .bos: CLIPTokenizer.defaultBos
        case .eos, .unknown, .pad: CLIPTokenizer.defaultEos
        case .separator, .classification, .mask: nil
        }
    }
}

/// A token in JSON: its text alone, or an object with the flags of `AddedToken`.
struct TokenEntry: Decodable {
    var content: String
    var isTextAlone = false
    var singleWord = false
    var stripsLeft = false
    var stripsRight = false
    var normalized: Bool?
    var special: Bool?
    /// Only in `tokenizer.json`.
    var id: Int?

    private enum Key: String, CodingKey {
        case content, normalized, special, id
        case singleWord = "single_word"
        case stripsLeft = "lstrip"
        case stripsRight = "rstrip"
    }

    init(text: String) {
        content = text
        isTextAlone = true
    }

    init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            self.init(text: text)
        } else {
            try self.init(flagged: decoder)
        }
    }

    private init(flagged decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        content = try values.decode(String.self, forKey: .content)
        singleWord = try values.decodeIfPresent(Bool.self, forKey: .singleWord) ?? false
        stripsLeft = try values.decodeIfPresent(Bool.self, forKey: .stripsLeft) ?? false
        stripsRight = try values.decodeIfPresent(Bool.self, forKey: .stripsRight) ?? false
        normalized = try values.decodeIfPresent(Bool.self, forKey: .normalized)
        special = try values.decodeIfPresent(Bool.self, forKey: .special)
        id = try values.decodeIfPresent(Int.self, forKey: .id)
    }

    /// The token, with the flags that Python's constructor gives where the file is silent: normalised unless special.
    func token(isSpecial: Bool) -> AddedToken {
        AddedToken(
            content: content, singleWord: singleWord, stripsLeft: stripsLeft, stripsRight: stripsRight,
            normalized: normalized ?? !(special ?? isSpecial), special: special ?? isSpecial)
    }
}

/// `tokenizer.json`, as far as transformers' `CLIPTokenizer` reads it: it builds normaliser, pre-tokeniser and post-processor itself.
struct TokenizerDocument: Decodable {
    let model: Model
    let addedTokens: [TokenEntry]?
    let truncation: Truncation?

    struct Model: Decodable {
        let type: String?
        let vocabulary: [String: Int]
        let merges: [MergeEntry]
        let endOfWord: String?
        let continuation: String?

        private enum CodingKeys: String, CodingKey {
            case type, merges
            case vocabulary = "vocab"
            case endOfWord = "end_of_word_suffix"
            case continuation = "continuing_subword_prefix"
        }
    }

    struct Truncation: Decodable {
        let maximumLength: Double

        private enum CodingKeys: String, CodingKey { case maximumLength = "max_length" }
    }

    private enum CodingKeys: String, CodingKey {
        case model, truncation
        case addedTokens = "added_tokens"
    }
}

/// One merge: `"a b"` in older files, `["a", "b"]` in newer ones.
struct MergeEntry: Decodable {
    let pieces: [String]

    init(pieces: [String]) {
        self.pieces = pieces
    }

    init(line: Substring) {
        self.init(pieces: line.unicodeScalars.split(separator: " ", omittingEmptySubsequences: false).map { String($0) })
    }

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let line = try? value.decode(String.self) {
            self.init(line: line[...])
        } else {
            self.init(pieces: try value.decode([String].self))
        }
    }
}
