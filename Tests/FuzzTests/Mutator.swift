import Storage
import Torch

/// Seeded damage to a file's bytes: the same for the same seed, so that a failure can be made again.
struct Mutator {
    private var random: SeededGenerator
    /// What the format is made of: pieces of these are put in where chance has it.
    let words: [[UInt8]]
    let isText: Bool

    init(seed: UInt64, index: Int, words: [String], isText: Bool) {
        random = SeededGenerator(seed: seed, purpose: "mutation", index: index)
        self.words = (words + (isText ? Self.textWords : [])).map { Array($0.utf8) }
        self.isText = isText
    }

    private static let textWords = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud83c", "null", "true", "-1", "0", "1e999", "-0.0", "0.1", "NaN", "Infinity", "\n", "\r",
        "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616", "1000000", "4294967296", "[]", "{}", "\"\"", " ",
        "\u{FEFF}", "\0", "é", "e\u{301}", "👩‍👩‍👧", "../", "/",
    ]
    private static let numbers: [UInt64] = [
        0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 62, .max >> 1, 1 << 63, .max,
    ]

    /// One to four changes, rather few: many are refused at the first. `others` are files of the same format to take pieces from.
    mutating func mutated(_ original: [UInt8], splicing others: [[UInt8]]) -> [UInt8] {
        var bytes = original
        for _ in 0...random.integer(below: 1 + random.integer(below: 4)) {
            if isText, random.integer(below: 2) == 0 { changeToken(&bytes) } else { change(&bytes, others) }
        }
        return bytes
    }

    /// Whether a repair, such as of a checksum, is made afterwards: three times of four, or hardly any mutant would come past the first check.
    mutating func repairs() -> Bool { random.integer(below: 4) > 0 }

    private mutating func place(in bytes: [UInt8]) -> Int {
        // Headers are where most is decided.
        let end = random.integer(below: 2) == 0 ? min(bytes.count, 64) : bytes.count
        return random.integer(below: max(1, end))
    }

    private mutating func range(in bytes: [UInt8], longest: Int = 80) -> Range<Int> {
        let start = place(in: bytes)
        return start..<min(bytes.count, start + 1 + random.integer(below: longest))
    }

    private mutating func change(_ bytes: inout [UInt8], _ others: [[UInt8]]) {
        guard !bytes.isEmpty else {
            bytes = words.isEmpty ? [0] : random.element(of: words)
            return
        }
        switch random.integer(below: 10) {
        case 0: bytes[place(in: bytes)] ^= 1 << UInt8(random.integer(below: 8))
        case 1: bytes[place(in: bytes)] = UInt8(truncatingIfNeeded: random.next())
        case 2: bytes.removeLast(random.integer(below: bytes.count))
        case 3: bytes.removeSubrange(range(in: bytes))
        case 4: bytes.insert(contentsOf: bytes[range(in: bytes)], at: place(in: bytes))
        case 5: overwriteNumber(&bytes)
        case 6 where !words.isEmpty: bytes.insert(contentsOf: random.element(of: words), at: place(in: bytes))
        case 7 where !words.isEmpty:
            let (word, start) = (random.element(of: words), place(in: bytes))
            bytes.replaceSubrange(start..<min(bytes.count, start + word.count), with: word)
        case 8:
            let other = random.element(of: others)
            let cut = random.integer(below: other.count + 1)
            bytes = Array(bytes.prefix(random.integer(below: bytes.count + 1)) + other.dropFirst(cut))
        default:
            // The same again and again: depth, or length.
            let piece = Array(bytes[range(in: bytes, longest: 12)])
            bytes.insert(contentsOf: (0..<1 << random.integer(below: 13)).flatMap { _ in piece }, at: place(in: bytes))
        }
    }

    /// A length, a count or an offset: one to eight bytes of either order.
    private mutating func overwriteNumber(_ bytes: inout [UInt8]) {
        let number = random.element(of: Self.numbers) &+ UInt64(random.integer(below: 3)) &- 1
        let width = random.element(of: [1, 2, 4, 8])
        var digits = (0..<width).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
        if random.integer(below: 2) == 0 { digits.reverse() }
        let start = place(in: bytes)
        for (offset, digit) in digits.enumerated() where start + offset < bytes.count { bytes[start + offset] = digit }
    }

    /// Takes out, doubles or replaces one number, word, quoted text or bracket.
    private mutating func changeToken(_ bytes: inout [UInt8]) {
        let token = token(in: bytes)
        switch random.integer(below: 4) {
        case 0: bytes.removeSubrange(token)
        case 1: bytes.insert(contentsOf: bytes[token], at: token.lowerBound)
        case 2: bytes.replaceSubrange(token, with: self.token(of: bytes))
        default: bytes.replaceSubrange(token, with: random.element(of: words))
        }
    }

    private mutating func token(of bytes: [UInt8]) -> [UInt8] { Array(bytes[token(in: bytes)]) }

    private mutating func token(in bytes: [UInt8]) -> Range<Int> {
        guard !bytes.isEmpty else { return 0..<0 }
        func isWord(_ byte: UInt8) -> Bool { byte >= 0x80 || "+-._".utf8.contains(byte) || Unicode.Scalar(byte).properties.isAlphabetic || 0x30...0x39 ~= byte }
        var start = random.integer(below: bytes.count)
        while start > 0, isWord(bytes[start]), isWord(bytes[start - 1]) { start -= 1 }
        var end = start + 1
        if bytes[start] == UInt8(ascii: "\"") {
            while end < bytes.count, bytes[end] != UInt8(ascii: "\"") { end += 1 }
            end = min(end + 1, bytes.count)
        } else if isWord(bytes[start]) {
            while end < bytes.count, isWord(bytes[end]) { end += 1 }
        }
        return start..<end
    }
}
