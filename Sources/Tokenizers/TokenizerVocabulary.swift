import Storage

/// The pieces by id, and the merges between them, proven consistent: ids 0…n−1 each once, every merge among known pieces.
struct TokenizerVocabulary: Sendable {
    /// The file that named the pieces, for messages.
    let file: String
    /// By id.
    let pieces: [String]
    let merges: [BytePairs.Merge]
    private let ids: [String: Int]

    func id(of piece: String) -> Int? { ids[piece] }

    /// - Parameter merges: each with its place (`line 7`) in `mergesFile`.
    /// - Throws: `TokenizerError` (`vocabulary`) with the piece or the merge that does not fit.
    init(file: String, ids: [String: Int], mergesFile: String, merges: some Sequence<(place: String, entry: MergeEntry)>) throws {
        let remedy = "The file is damaged, or belongs to another model: fetch it again"
        var pieces = [String?](repeating: nil, count: ids.count)
        for (piece, id) in ids {
            guard pieces.indices.contains(id) else {
                let problem = "id \(id) is out of range: \(ids.count) tokens have ids 0 to \(ids.count - 1), each once"
                throw TokenizerError(.vocabulary, file, at: "token \(piece.quotedForMessage)", problem, remedy: remedy)
            }
            if let other = pieces[id] {
                let problem = "id \(id) is also that of \(min(piece, other).quotedForMessage)"
                throw TokenizerError(.vocabulary, file, at: "token \(max(piece, other).quotedForMessage)", problem, remedy: remedy)
            }
            pieces[id] = piece
        }
        var known: [BytePairs.Merge] = []
        for (place, entry) in merges {
            guard entry.pieces.count == 2, entry.pieces.allSatisfy({ !$0.isEmpty && !$0.unicodeScalars.contains(where: \.properties.isWhitespace) })
            else {
                throw TokenizerError(.format, mergesFile, at: place, "a merge is two pieces with one space between", remedy: remedy)
            }
            func id(of piece: String) throws -> Int {
                if let id = ids[piece] { return id }
                let problem = "the piece \(piece.quotedForMessage) is not in \(file == mergesFile ? "the vocabulary" : file)"
                throw TokenizerError(.vocabulary, mergesFile, at: place, problem, remedy: remedy)
            }
            let (left, right) = (entry.pieces[0], entry.pieces[1])
            known.append(try BytePairs.Merge(left: id(of: left), right: id(of: right), result: id(of: left + right)))
        }
        self.file = file
        self.pieces = pieces.compactMap { $0 }
        self.merges = known
        self.ids = ids
    }

    /// - Parameter unknown: the id for bytes that the vocabulary has no piece for.
    func bytePairs(unknown: Int) -> BytePairs {
        BytePairs(
            inside: ByteAlphabet.pieces.map { ids[$0] ?? unknown },
            last: ByteAlphabet.pieces.map { ids[$0 + ByteAlphabet.endOfWord] ?? unknown },
            merges: merges)
    }

    /// Reads `tokenizer.json` where there is one, as transformers does, and `vocab.json` with `merges.txt` otherwise.
    static func read(_ folder: TokenizerFolder) throws -> (TokenizerVocabulary, TokenizerDocument?) {
        if let document = try folder.json(TokenizerDocument.self, from: "tokenizer.json") {
            return (try read(document), document)
        }
        guard let ids = try folder.json([String: Int].self, from: "vocab.json") else {
            let remedy = "Put vocab.json with merges.txt, or tokenizer.json, into \(folder.url.path)"
            throw TokenizerError(.file, "vocab.json", "neither this file nor tokenizer.json is there", remedy: remedy)
        }
        guard let text = try folder.text(of: "merges.txt") else {
            throw TokenizerError(.file, "merges.txt", "not there", remedy: "It belongs beside vocab.json: fetch it from where the model came from")
        }
        let lines = text.unicodeScalars.split(omittingEmptySubsequences: false) { $0 == "\n" }.enumerated().lazy.map { number, line in
            (place: "line \(number + 1)", line: Substring(line.last == "\r" ? line.dropLast() : line))
        }
        let merges = lines.filter { !$0.line.isEmpty && !$0.line.unicodeScalars.starts(with: "#version".unicodeScalars) }
            .map { (place: $0.place, entry: MergeEntry(line: $0.line)) }
        return (try TokenizerVocabulary(file: "vocab.json", ids: ids, mergesFile: "merges.txt", merges: merges), nil)
    }

    private static func read(_ document: TokenizerDocument) throws -> TokenizerVocabulary {
        let (file, model) = ("tokenizer.json", document.model)
        let remedy = "A CLIP text encoder's tokenizer is a byte-pair vocabulary with \(ByteAlphabet.endOfWord): choose another folder"
        if let type = model.type, type != "BPE" {
            throw TokenizerError(.unsupported, file, at: "model.type", "a \(type.quotedForMessage) vocabulary", remedy: remedy)
        }
        if let suffix = model.endOfWord, suffix != ByteAlphabet.endOfWord {
            throw TokenizerError(.unsupported, file, at: "model.end_of_word_suffix", "words end with \(suffix.quotedForMessage)", remedy: remedy)
        }
        if let prefix = model.continuation, !prefix.isEmpty {
            let problem = "pieces inside words begin with \(prefix.quotedForMessage)"
            throw TokenizerError(.unsupported, file, at: "model.continuing_subword_prefix", problem, remedy: remedy)
        }
        let merges = model.merges.enumerated().lazy.map { (place: "merge \($0 + 1)", entry: $1) }
        return try TokenizerVocabulary(file: file, ids: model.vocabulary, mergesFile: file, merges: merges)
    }
}
