import Foundation

/// Files of one JSON value a line: metadata of data sets, and what a run records.
public enum JSONLines {
    /// A value as a line, with its end; keys are sorted.
    public static func line(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(value) + Data("\n".utf8)
    }
}

/// The lines of such a file, in order. Blank ones are passed over, but counted.
public struct JSONLinesReader<Bytes: RandomAccessCollection<UInt8>>: Sequence, IteratorProtocol {
    public struct Line {
        /// From 1.
        public let number: Int
        public let bytes: Bytes.SubSequence
        /// False where the file ends in this line: whoever wrote it may have been stopped amid it.
        public let isWhole: Bool

        /// Throws where the line is no such value.
        public func decoded<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value { try JSONDecoder().decode(type, from: Data(bytes)) }
    }

    private var rest: Bytes.SubSequence
    private var number = 0

    public init(_ bytes: Bytes) { rest = bytes[...] }

    public mutating func next() -> Line? {
        while !rest.isEmpty {
            let newline = rest.firstIndex(of: UInt8(ascii: "\n"))
            let line = rest[..<(newline ?? rest.endIndex)]
            rest = newline.map { rest[rest.index(after: $0)...] } ?? rest[rest.endIndex...]
            number += 1
            guard line.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) else { return Line(number: number, bytes: line, isWhole: newline != nil) }
        }
        return nil
    }
}
