import Storage

/// The printable stand-ins by which byte-level vocabularies write the 256 bytes.
///
/// Source: `bytes_to_unicode` of OpenAI's GPT-2 and CLIP (`clip/simple_tokenizer.py`). Printable Latin-1 bytes stand for themselves; the
/// others take U+0100 and on, in order. CLIP's vocabulary starts with these in exactly this order, then the same with `</w>`.
enum ByteAlphabet {
    /// Marks a piece that ends a word.
    static let endOfWord = "</w>"

    /// The bytes in the order of CLIP's ids 0…255.
    static let bytes: [UInt8] = {
        let printable = Array(33...126) + Array(161...172) + Array(174...255)
        let others = (0...255).filter { !printable.contains($0) }
        return (printable + others).map { UInt8($0) }
    }()

    /// The stand-in of every byte, by byte.
    static let pieces: [String] = {
        var pieces = [String](repeating: "", count: 256)
        for (index, byte) in bytes.enumerated() {
            let scalar = index < 188 ? UInt32(byte) : UInt32(256 + index - 188)
            pieces[Int(byte)] = Unicode.Scalar(scalar).map { String($0) } ?? ""
        }
        return pieces
    }()
}
