extension CLIPTokenizer {
    /// Learns a vocabulary from captions: 256 bytes, 256 bytes that end a word, merges, then `<|startoftext|>` and `<|endoftext|>`, in CLIP's order.
    ///
    /// Each merge joins the pair of neighbours most frequent in the captions; of equals, the one whose left and then right id is least, so the
    /// same captions always give the same vocabulary, in whatever order. It ends early, with a smaller vocabulary, when no pair occurs twice.
    /// Source: Sennrich et al. 2016 (arXiv:1508.07909), algorithm 1.
    ///
    /// - Parameters:
    ///   - vocabularySize: at most this many ids; at least 514, the bytes and the two special tokens.
    ///   - maximumLength: positions of the text encoder, at least 2.
    /// - Throws: `TokenizerError` (`argument`) if a size is too small.
    public static func train(
        captions: [String], vocabularySize: Int, maximumLength: Int = defaultMaximumLength
    ) throws -> CLIPTokenizer {
        let call = "CLIPTokenizer.train"
        let alphabet = ByteAlphabet.bytes.map { ByteAlphabet.pieces[Int($0)] }
        var pieces = alphabet + alphabet.map { $0 + ByteAlphabet.endOfWord }
        let specials = [defaultBos, defaultEos]
        guard vocabularySize >= pieces.count + specials.count else {
            let problem = "\(vocabularySize) is less than the bytes and the special tokens need"
            throw TokenizerError(.argument, call, at: "vocabularySize", problem, remedy: "Give at least \(pieces.count + specials.count)")
        }
        guard maximumLength >= 2 else {
            let problem = "\(maximumLength) has no room for the start and the end of the text"
            throw TokenizerError(.argument, call, at: "maximumLength", problem, remedy: "Give at least 2, or 77 as CLIP does")
        }

        var corpus = PairCorpus(captions: captions, symbols: try CLIPTokenizer(merges: [], maximumLength: 2).vocabulary.bytePairs(unknown: 0))
        var ids: [String: Int] = [:]
        var merges: [MergeEntry] = []
        while pieces.count + specials.count < vocabularySize, let pair = corpus.mostFrequentPair() {
            let joined = pieces[pair.left] + pieces[pair.right]
            // Two pairs may spell the same piece, as "a" "bc" and "ab" "c" do.
            let id = ids[joined] ?? pieces.count
            if id == pieces.count { pieces.append(joined) }
            ids[joined] = id
            merges.append(MergeEntry(pieces: [pieces[pair.left], pieces[pair.right]]))
            corpus.join(pair, into: id)
        }

        return try CLIPTokenizer(merges: merges, maximumLength: maximumLength)
    }
}

/// The captions' words as symbols, with the count of every pair of neighbours kept up to date as pairs are joined.
private struct PairCorpus {
    struct Pair: Hashable {
        let left: Int
        let right: Int
    }

    private struct Word {
        var symbols: [Int]
        let count: Int

        var pairs: some Sequence<Pair> { zip(symbols, symbols.dropFirst()).lazy.map { Pair(left: $0, right: $1) } }
    }

    private var words: [Word]
    private var counts: [Pair: Int] = [:]
    /// Words in which a pair has ever stood. Some may have lost it since.
    private var wordsWith: [Pair: Set<Int>] = [:]

    init(captions: [String], symbols: BytePairs) {
        var wordCounts: [[UInt8]: Int] = [:]
        // A special token written in a caption is found whole and is no word.
        let specials = [CLIPTokenizer.defaultBos, CLIPTokenizer.defaultEos].map { (token: AddedToken(content: $0), id: 0) }
        let finder = AddedTokenFinder(specials) { Array($0.unicodeScalars) }
        for caption in captions {
            for case .text(let stretch) in finder.parts(of: Array(caption.unicodeScalars)[...]) {
                for word in TextWords.words(in: TextNormalization.normalize(stretch)[...]) { wordCounts[word, default: 0] += 1 }
            }
        }
        words = wordCounts.map { Word(symbols: symbols.symbols(of: $0.key), count: $0.value) }
        for index in words.indices { count(index, sign: 1) }
    }

    /// Nil when no pair occurs twice: joining those would only learn single words by heart.
    func mostFrequentPair() -> Pair? {
        let best = counts.max { ($0.value, $1.key.left, $1.key.right) < ($1.value, $0.key.left, $0.key.right) }
        return best.flatMap { $0.value >= 2 ? $0.key : nil }
    }

    mutating func join(_ pair: Pair, into symbol: Int) {
        for index in wordsWith.removeValue(forKey: pair) ?? [] {
            count(index, sign: -1)
            var joined: [Int] = []
            for next in words[index].symbols {
                if joined.last == pair.left, next == pair.right {
                    joined[joined.count - 1] = symbol
                } else {
                    joined.append(next)
                }
            }
            words[index].symbols = joined
            count(index, sign: 1)
        }
    }

    private mutating func count(_ index: Int, sign: Int) {
        for pair in words[index].pairs {
            let count = counts[pair, default: 0] + sign * words[index].count
            counts[pair] = count == 0 ? nil : count
            if sign > 0 { wordsWith[pair, default: []].insert(index) }
        }
    }
}
