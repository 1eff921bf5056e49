/// Which tokens stand for the start, the end and the rest of a text, and which are found whole within it.
///
/// Source: `_from_pretrained` and `TokenizersBackend.__init__` of transformers 5, whose order of precedence this follows.
struct SpecialTokens: Sendable {
    var bos: Int
    var eos: Int
    var pad: Int
    var unknown: Int
    /// Every token found whole in a text, by id.
    var added: [Int: AddedToken]
    /// Positions of the text encoder, `bos` and `eos` included.
    var maximumLength: Int

    /// transformers writes 10³⁰ for "no limit". No CLIP text encoder has this many positions.
    private static let largestLength = 65_536.0

    static func read(_ folder: TokenizerFolder, vocabulary: TokenizerVocabulary, document: TokenizerDocument?) throws -> SpecialTokens {
        let configurationFile = "tokenizer_config.json"
        var configuration = try folder.json(TokenizerConfiguration.self, from: configurationFile) ?? TokenizerConfiguration()
        try configuration.refuseUnsupported(configurationFile)

        // Name the roles: defaults, then the configuration, then (in folders of old) the map.
        var named: [TokenRole: (entry: TokenEntry, file: String)] = [:]
        for role in TokenRole.allCases {
            named[role] = role.defaultContent.map { (TokenEntry(text: $0), vocabulary.file) }
            if let entry = configuration.named[role] { named[role] = (entry, configurationFile) }
        }
        var declared: [(id: Int, token: AddedToken, file: String)] = []
        if let tokens = configuration.addedTokens {
            declared = tokens.map { ($0.key, $0.value.token(isSpecial: false), configurationFile) }
        } else {
            let mapFile = "special_tokens_map.json"
            if let map = try folder.json(TokenizerConfiguration.self, from: mapFile) {
                for (role, var entry) in map.named {
                    entry.special = entry.isTextAlone ? nil : true
                    named[role] = (entry, mapFile)
                }
                if !map.furtherSpecialTokens.isEmpty { configuration.furtherSpecialTokens = map.furtherSpecialTokens }
            }
            let specialEntries = named.values.filter { $0.file != vocabulary.file }.map(\.entry) + configuration.furtherSpecialTokens
            let contents = Set(specialEntries.map(\.content))
            for (content, id) in try folder.json([String: Int].self, from: "added_tokens.json") ?? [:] {
                declared.append((id, TokenEntry(text: content).token(isSpecial: contents.contains(content)), "added_tokens.json"))
            }
            for entry in document?.addedTokens ?? [] {
                guard let id = entry.id else {
                    let place = "added_tokens, \(entry.content.quotedForMessage)"
                    throw TokenizerError(.format, "tokenizer.json", at: place, "\"id\" is missing", remedy: "Fetch the file again")
                }
                declared.removeAll { $0.id == id }
                declared.append((id, entry.token(isSpecial: false), "tokenizer.json"))
            }
        }

        var gathering = Gathering(vocabulary: vocabulary)
        for (id, token, file) in declared.sorted(by: { $0.id < $1.id }) { try gathering.declare(token, as: id, file: file) }
        let declaredContents = Set(declared.map(\.token.content))
        var roles: [TokenRole: Int] = [:]
        for role in TokenRole.allCases {
            guard let (entry, file) = named[role] else { continue }
            if role.defaultContent != nil { try gathering.require(entry.content, role: role, file: file) }
            // Python takes an object for a normalised token until told otherwise, and a bare text for a special one.
            var token = entry.token(isSpecial: entry.isTextAlone)
            token.special = true
            roles[role] = gathering.add(token, keepingFlags: declaredContents.contains(token.content))
        }
        for entry in configuration.furtherSpecialTokens {
            _ = gathering.add(entry.token(isSpecial: entry.isTextAlone), keepingFlags: declaredContents.contains(entry.content))
        }
        guard let bos = roles[.bos], let eos = roles[.eos], let pad = roles[.pad], let unknown = roles[.unknown] else {
            preconditionFailure("roles with a default are always named")
        }
        let length = try configuration.maximumLength(configurationFile) ?? document?.maximumLength()
        return SpecialTokens(
            bos: bos, eos: eos, pad: pad, unknown: unknown, added: gathering.tokens, maximumLength: length ?? CLIPTokenizer.defaultMaximumLength)
    }

    /// - Returns: nil where the value means that there is no limit.
    fileprivate static func checkedLength(_ value: Double?, file: String, at place: String) throws -> Int? {
        guard let value, value <= largestLength else { return nil }
        guard value >= 2, value == value.rounded() else {
            let problem = "\(value) is no length: a whole number, at least 2 for the start and the end of the text"
            throw TokenizerError(.format, file, at: place, problem, remedy: "Give the text encoder's max_position_embeddings, 77 as a rule")
        }
        return Int(value)
    }
}

/// Tokens with their ids, as they are added one after another.
private struct Gathering {
    let vocabulary: TokenizerVocabulary
    private(set) var tokens: [Int: AddedToken] = [:]
    private(set) var ids: [String: Int] = [:]
    private var next: Int

    init(vocabulary: TokenizerVocabulary) {
        self.vocabulary = vocabulary
        next = vocabulary.pieces.count
    }

    /// Adds a token a file gives an id. The id must be the token's own in the vocabulary, or the next free one after it.
    mutating func declare(_ token: AddedToken, as id: Int, file: String) throws {
        let right = ids[token.content] ?? vocabulary.id(of: token.content) ?? next
        guard id == right else {
            let problem = "id \(id) does not fit: in a vocabulary of \(vocabulary.pieces.count) it must be \(right)"
            let remedy = "Correct the id, or fetch the tokenizer folder again as a whole"
            throw TokenizerError(.vocabulary, file, at: "token \(token.content.quotedForMessage)", problem, remedy: remedy)
        }
        _ = add(token, keepingFlags: false)
    }

    func require(_ content: String, role: TokenRole, file: String) throws {
        guard ids[content] == nil, vocabulary.id(of: content) == nil else { return }
        let problem = "the token \(content.quotedForMessage), needed as \(role.rawValue), is not in the vocabulary"
        let remedy = "Name a token that is in \(vocabulary.file), in tokenizer_config.json under \(role.rawValue)"
        throw TokenizerError(.vocabulary, file, at: role.rawValue, problem, remedy: remedy)
    }

    mutating func add(_ token: AddedToken, keepingFlags: Bool) -> Int {
        let id: Int
        if let known = ids[token.content] ?? vocabulary.id(of: token.content) {
            id = known
        } else {
            id = next
            next += 1
        }
        ids[token.content] = id
        if tokens[id] == nil || !keepingFlags { tokens[id] = token }
        return id
    }
}

extension TokenizerConfiguration {
    fileprivate func refuseUnsupported(_ file: String) throws {
        for (key, value) in [("padding_side", paddingSide), ("truncation_side", truncationSide)] {
            if let value, value != "right" {
                let remedy = "Set it to \"right\": the text encoder was trained so"
                throw TokenizerError(.unsupported, file, at: key, "\(value.quotedForMessage) is not done for CLIP", remedy: remedy)
            }
        }
        if splitsSpecialTokens == true {
            let problem = "splitting special tokens found in the text is not done for CLIP"
            throw TokenizerError(.unsupported, file, at: "split_special_tokens", problem, remedy: "Set it to false")
        }
    }

    fileprivate func maximumLength(_ file: String) throws -> Int? {
        try SpecialTokens.checkedLength(modelMaximumLength, file: file, at: "model_max_length")
    }
}

extension TokenizerDocument {
    fileprivate func maximumLength() throws -> Int? {
        try SpecialTokens.checkedLength(truncation?.maximumLength, file: "tokenizer.json", at: "truncation.max_length")
    }
}
