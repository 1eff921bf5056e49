/// Text that others wrote: UTF-8, or refused. Whoever guesses an encoding reads words that nobody wrote.
public enum UTF8Text {
    /// The text of these bytes. A byte order mark at its beginning is no part of it.
    public static func string(_ bytes: some BidirectionalCollection<UInt8>) throws(NotUTF8) -> String {
        if let other = NotUTF8(wide: bytes.prefix(4096)) { throw other }
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = bytes.dropFirst(bytes.starts(with: mark) ? mark.count : 0)
        guard let string = String(validating: text, as: UTF8.self) else {
            let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            throw .invalid(line: 1 + (lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0))
        }
        if text.contains(0) { throw .zeroBytes }
        return string
    }
}

/// What some bytes are that are no UTF-8 text.
public enum NotUTF8: Error, Equatable, CustomStringConvertible {
    case utf16, utf32
    case zeroBytes
    /// The first line that is not, from 1.
    case invalid(line: Int)

    /// UTF-16 and UTF-32, with or without a byte order mark: Latin letters and the signs of every format have zeros beside them there.
    /// - Parameter start: of a text
    public init?(wide start: some Collection<UInt8>) {
        let start = Array(start)
        if start.starts(with: [0xFF, 0xFE, 0, 0]) || start.starts(with: [0, 0, 0xFE, 0xFF]) {
            self = .utf32
        } else if start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF]) {
            self = .utf16
        } else {
            let zeros = start.indices.filter { start[$0] == 0 }
            guard zeros.count * 8 >= start.count, zeros.count > 0 else { return nil }
            let hasOneParity = Set(zeros.map { $0 % 2 }).count == 1
            self = zeros.count * 2 > start.count ? .utf32 : hasOneParity ? .utf16 : .zeroBytes
        }
    }

    public var description: String {
        switch self {
        case .utf16: "is UTF-16, not UTF-8: save it as UTF-8"
        case .utf32: "is UTF-32, not UTF-8: save it as UTF-8"
        case .zeroBytes: "holds zero bytes, which no text does: save it as UTF-8"
        case .invalid(let line): "is not UTF-8 (line \(line)): save it as UTF-8"
        }
    }
}
