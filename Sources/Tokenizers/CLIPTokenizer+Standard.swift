import Foundation

extension CLIPTokenizer {
    /// CLIP's own vocabulary of 49,408 tokens, which every Stable Diffusion 1.x has: for models whose files bring none.
    public static let standard: CLIPTokenizer = {
        do {
            let file = Bundle.module.bundleURL.appendingPathComponent("clip/merges.txt")
            let lines = try String(contentsOf: file, encoding: .utf8).unicodeScalars.split(separator: "\n").dropFirst()
            return try CLIPTokenizer(merges: lines.map { MergeEntry(line: Substring($0)) }, maximumLength: defaultMaximumLength)
        } catch {
            fatalError("the tokenizer that belongs to this program: \(error)")
        }
    }()

    /// The same vocabulary as Stable Diffusion 2.x has it: filled up with token 0, `!`, as open_clip does.
    public static let openCLIP: CLIPTokenizer = {
        var special = standard.special
        special.pad = 0
        // A token that fills up is found whole in a text, as transformers finds it.
        special.added[0] = AddedToken(content: standard.vocabulary.pieces[0])
        return CLIPTokenizer(vocabulary: standard.vocabulary, special: special)
    }()

    /// Whether both give the same ids for every text.
    package func isSame(as other: CLIPTokenizer) -> Bool {
        vocabulary.pieces == other.vocabulary.pieces && vocabulary.merges == other.vocabulary.merges && special.added == other.special.added
            && [bos, eos, pad, maximumLength] == [other.bos, other.eos, other.pad, other.maximumLength]
    }

    /// 256 bytes, 256 bytes that end a word, the pieces in the order of their merges, then `<|startoftext|>` and `<|endoftext|>`: CLIP's order.
    init(merges: [MergeEntry], maximumLength: Int) throws {
        let alphabet = ByteAlphabet.bytes.map { ByteAlphabet.pieces[Int($0)] }
        var pieces = alphabet + alphabet.map { $0 + ByteAlphabet.endOfWord }
        var known = Set(pieces)
        // Two merges may spell the same piece, as "a" "bc" and "ab" "c" do.
        for merge in merges where known.insert(merge.pieces.joined()).inserted { pieces.append(merge.pieces.joined()) }
        let (bos, eos) = (pieces.count, pieces.count + 1)
        pieces += [Self.defaultBos, Self.defaultEos]
        let vocabulary = try TokenizerVocabulary(
            file: "merges", ids: Dictionary(uniqueKeysWithValues: pieces.enumerated().map { ($1, $0) }), mergesFile: "merges",
            merges: merges.enumerated().map { (place: "merge \($0 + 1)", entry: $1) })
        let added = [bos: AddedToken(content: Self.defaultBos), eos: AddedToken(content: Self.defaultEos)]
        self.init(
            vocabulary: vocabulary, special: SpecialTokens(bos: bos, eos: eos, pad: eos, unknown: eos, added: added, maximumLength: maximumLength))
    }
}
