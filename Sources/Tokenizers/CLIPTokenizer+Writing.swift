import Foundation
import Storage

extension CLIPTokenizer {
    /// Writes `vocab.json`, `merges.txt`, `tokenizer_config.json` and `special_tokens_map.json`, from which transformers' `CLIPTokenizer`
    /// gives the same ids. The folder is made if need be; each file is replaced whole.
    ///
    /// - Throws: `TokenizerError` (`file`) if a file cannot be written or if a `tokenizer.json`, which would outrank them, is in the way.
    public func write(to folder: URL) throws {
        if FileManager.default.fileExists(atPath: folder.appendingPathComponent("tokenizer.json").path) {
            let problem = "already in \(folder.path), where it would count instead of the files to be written"
            throw TokenizerError(.file, "tokenizer.json", problem, remedy: "Choose an empty folder, or remove it first")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        // By id rather than by name, as the published files have it, so that a reader sees the order of learning.
        let entries = try vocabulary.pieces.enumerated().map { id, piece in
            "\(String(decoding: try encoder.encode(piece), as: UTF8.self)): \(id)"
        }
        let merges = vocabulary.merges.map { "\(vocabulary.pieces[$0.left]) \(vocabulary.pieces[$0.right])" }
        do {
            try createFolder(folder)
        } catch {
            throw TokenizerError(.file, folder.path, "cannot be made: \(error.localizedDescription)", remedy: "Choose a folder that can be written")
        }
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try Self.write(Data("{\(entries.joined(separator: ", "))}".utf8), to: folder, as: "vocab.json")
        try Self.write(Data((["#version: 0.2"] + merges + [""]).joined(separator: "\n").utf8), to: folder, as: "merges.txt")
        try Self.write(encoder.encode(WrittenConfiguration(self)), to: folder, as: "tokenizer_config.json")
        try Self.write(encoder.encode(WrittenNames(self)), to: folder, as: "special_tokens_map.json")
    }

    private static func write(_ data: Data, to folder: URL, as name: String) throws {
        do {
            try writeAtomically(data, to: folder.appendingPathComponent(name))
        } catch {
            let remedy = "Check the folder's permissions and the free disk space"
            throw TokenizerError(.file, name, "cannot be written: \((error as? FileError)?.reason ?? "\(error)")", remedy: remedy)
        }
    }

    fileprivate func content(_ id: Int) -> String { token(id) ?? "" }
}

private struct WrittenNames: Encodable {
    let bos_token, eos_token, unk_token, pad_token: String

    init(_ tokenizer: CLIPTokenizer) {
        bos_token = tokenizer.content(tokenizer.special.bos)
        eos_token = tokenizer.content(tokenizer.special.eos)
        unk_token = tokenizer.content(tokenizer.special.unknown)
        pad_token = tokenizer.content(tokenizer.special.pad)
    }
}

private struct WrittenConfiguration: Encodable {
    let bos_token, eos_token, unk_token, pad_token: String
    /// The flags of every added token, in the one place where transformers reads them for all.
    let added_tokens_decoder: [String: Token]
    let model_max_length: Int
    let tokenizer_class = "CLIPTokenizer"

    struct Token: Encodable {
        let content: String
        let lstrip, normalized, rstrip, single_word, special: Bool
    }

    init(_ tokenizer: CLIPTokenizer) {
        let names = WrittenNames(tokenizer)
        (bos_token, eos_token, unk_token, pad_token) = (names.bos_token, names.eos_token, names.unk_token, names.pad_token)
        model_max_length = tokenizer.maximumLength
        added_tokens_decoder = Dictionary(
            uniqueKeysWithValues: tokenizer.special.added.map { id, token in
                let written = Token(
                    content: token.content, lstrip: token.stripsLeft, normalized: token.normalized, rstrip: token.stripsRight,
                    single_word: token.singleWord, special: token.special)
                return (String(id), written)
            })
    }
}
