import Foundation

/// Text as CLIP's vocabulary saw it: composed (NFC) and in lower case.
///
/// Source: `transformers/models/clip/tokenization_clip.py`, whose normaliser is NFC, whitespace runs to one space, lower case. The whitespace
/// step is left out because no whitespace reaches a word: `TextWords` drops it all, so the ids are the same.
enum TextNormalization {
    static func normalize(_ text: some Sequence<Unicode.Scalar>) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        for scalar in composed(text) {
            if scalar.isASCII {
                result.append(("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) + 32) : scalar)
            } else {
                // Scalar by scalar, so that a final capital sigma becomes σ, as in the reference, and not ς.
                result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            }
        }
        return result
    }

    /// NFC by the tables of Unicode 9, which the reference's normaliser has.
    ///
    /// It takes every younger scalar for one that neither composes nor is reordered. Composing the stretches between them gives the same.
    private static func composed(_ text: some Sequence<Unicode.Scalar>) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var stretch = String.UnicodeScalarView()
        // Below U+0300 every scalar is composed already and nothing combines.
        var stretchIsComposed = true

        func endStretch() {
            if stretchIsComposed {
                result.append(contentsOf: stretch)
            } else {
                result.append(contentsOf: String(stretch).precomposedStringWithCanonicalMapping.unicodeScalars)
            }
            stretch = String.UnicodeScalarView()
            stretchIsComposed = true
        }

        for scalar in text {
            if scalar.value < 0x300 {
                stretch.append(scalar)
            } else if let age = scalar.properties.age, age.major <= 9 {
                stretch.append(scalar)
                stretchIsComposed = false
            } else {
                endStretch()
                result.append(scalar)
            }
        }
        endStretch()
        return result
    }
}
