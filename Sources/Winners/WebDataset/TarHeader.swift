import Foundation

/// One header block of a tar archive: ustar (POSIX.1-1988), GNU, or older.
struct TarHeader {
    static let length = 512

    enum Kind: Equatable {
        case file
        /// Links, folders, devices: a header alone.
        case empty
        /// `x`: records that hold for the next member.
        case extended
        /// `L`: the next member's path.
        case longName
        case sparse
        /// Anything else with bytes after it: global records, long link names, kinds of other programs.
        case other
    }

    let name: String
    let size: Int
    let kind: Kind

    /// - Parameter block: ``length`` bytes
    init(_ block: ArraySlice<UInt8>) throws(TarError.Problem) {
        let bytes = Array(block)
        guard let written = Self.octal(bytes[148..<156]) else { throw .badNumber(field: "checksum") }
        let sum = bytes.indices.reduce(0) { $0 + (148..<156 ~= $1 ? 32 : Int(bytes[$1])) }
        guard sum == written else { throw .badChecksum }
        guard let size = Self.number(bytes[124..<136]) else { throw .badNumber(field: "size") }
        let ending = Self.text(bytes[0..<100])
        // GNU's own form has other things in the prefix's place, and a magic number of its own.
        let prefix = bytes[257..<263].elementsEqual("ustar\0".utf8) ? Self.text(bytes[345..<500]) : ""
        name = prefix.isEmpty ? ending : prefix + "/" + ending
        kind = Self.kind(bytes[156], isFolder: ending.hasSuffix("/"))
        self.size = kind == .empty ? 0 : size
    }

    static func isZero(_ block: ArraySlice<UInt8>) -> Bool { block.allSatisfy { $0 == 0 } }

    private static func kind(_ flag: UInt8, isFolder: Bool) -> Kind {
        switch Character(UnicodeScalar(flag)) {
        // Before ustar a folder was a file whose name ends in a slash.
        case "0", "\0", "7": isFolder ? .empty : .file
        case "1", "2", "3", "4", "5", "6": .empty
        case "x": .extended
        case "L": .longName
        case "S": .sparse
        default: .other
        }
    }

    /// Up to the first NUL. Of what is not UTF-8 the bytes stand as `\xE9`, so that different names stay different: paths are for telling samples
    /// apart and for people, never to open files by.
    static func text(_ field: some Collection<UInt8>) -> String {
        let bytes = field.prefix { $0 != 0 }
        if let text = String(bytes: bytes, encoding: .utf8) { return text }
        return bytes.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "\\x" + String($0, radix: 16, uppercase: true) }.joined()
    }

    /// Octal digits or, where they do not suffice, GNU's base 256.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        guard let first = field.first, first & 0x80 != 0 else { return octal(field) }
        var value = Int(first & 0x7F)
        for byte in field.dropFirst() {
            let (high, overflow) = value.multipliedReportingOverflow(by: 256)
            if overflow { return nil }
            value = high | Int(byte)
        }
        return value
    }

    /// Digits between spaces or NULs; nothing at all is 0.
    private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
        let digits = field.drop { $0 == 32 }.prefix { $0 != 32 && $0 != 0 }
        guard digits.allSatisfy({ 48..<56 ~= $0 }), field[digits.endIndex...].allSatisfy({ $0 == 32 || $0 == 0 }) else { return nil }
        return digits.reduce(0) { $0 << 3 | Int($1 - 48) }
    }
}
