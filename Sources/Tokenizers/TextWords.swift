/// Normalised text cut into the words that byte-pair encoding works on, each as UTF-8.
///
/// Source: the expression in `transformers/models/clip/tokenization_clip.py`:
/// `<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`, followed there by GPT-2's own expression,
/// which cuts a special token that was not recognised as one (`<|`, `startoftext`, `|>`) and leaves all else whole.
enum TextWords {
    static func words(in text: ArraySlice<Unicode.Scalar>) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var start = text.startIndex
        while start < text.endIndex {
            let rest = text[start...]
            let kind = kind(of: rest[start])
            if kind == .space {
                start += 1
            } else if let name = specialNames.first(where: { rest.starts(with: $0) }) {
                words.append(utf8(name[..<2]))
                words.append(utf8(name[2..<(name.count - 2)]))
                words.append(utf8(name[(name.count - 2)...]))
                start += name.count
            } else {
                let end: Int
                if let ending = contractions.first(where: { rest.starts(with: $0) }) {
                    end = start + ending.count
                } else if kind == .number {
                    end = start + 1
                } else {
                    end = rest.firstIndex { Self.kind(of: $0) != kind } ?? text.endIndex
                }
                words.append(utf8(text[start..<end]))
                start = end
            }
        }
        return words
    }

    private static let specialNames = ["<|startoftext|>", "<|endoftext|>"].map { Array($0.unicodeScalars) }
    private static let contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map { Array($0.unicodeScalars) }

    private enum Kind { case space, letter, number, other }

    private static func kind(of scalar: Unicode.Scalar) -> Kind {
        if scalar.isASCII {
            return switch scalar {
            case "a"..."z", "A"..."Z": .letter
            case "0"..."9": .number
            case " ", "\t"..."\r": .space
            default: .other
            }
        }
        let properties = scalar.properties
        if properties.isWhitespace { return .space }
        // The reference's expressions know Unicode 16; what is younger is neither letter nor number there.
        guard let age = properties.age, age.major <= 16 else { return .other }
        return switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: .letter
        case .decimalNumber, .letterNumber, .otherNumber: .number
        default: .other
        }
    }

    private static func utf8(_ scalars: ArraySlice<Unicode.Scalar>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(scalars.count)
        for scalar in scalars { bytes.append(contentsOf: scalar.utf8) }
        return bytes
    }
}
