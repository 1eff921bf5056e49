/// Decompression of short texts: DEFLATE (RFC 1951) in the frame of RFC 1950, as the compressed chunks of PNG hold it.
///
/// It stops at a limit: a few kilobytes of compressed data can stand for gigabytes.
struct Inflation {
    private enum Stop: Error { case inputEnds, limitReached, damaged }

    private var input: ArraySlice<UInt8>
    private var bits = 0
    private var bitCount = 0
    private var output: [UInt8] = []
    private let limit: Int

    private init(_ input: ArraySlice<UInt8>, limit: Int) { (self.input, self.limit) = (input, limit) }

    /// The decompressed bytes, as far as the data and the limit reach; nil where the data are damaged.
    static func bytes(of data: ArraySlice<UInt8>, limit: Int) -> [UInt8]? {
        let header = [UInt8](data.prefix(2))
        guard let word = header.bigEndian(at: 0, bytes: 2), word % 31 == 0, header[0] & 0x0F == 8, header[1] & 0x20 == 0 else { return nil }
        var inflation = Inflation(data.dropFirst(2), limit: limit)
        do throws(Stop) {
            while try !inflation.addBlock() {}
        } catch {
            if error == .damaged { return nil }
        }
        return inflation.output
    }

    /// Whether the block was the last one.
    private mutating func addBlock() throws(Stop) -> Bool {
        let isLast = try take(1) == 1
        switch try take(2) {
        case 0: try addStored()
        case 1: try addCompressed(Self.fixedLengths, Self.fixedDistances)
        case 2:
            let (lengths, distances) = try codes()
            try addCompressed(lengths, distances)
        default: throw .damaged
        }
        return isLast
    }

    private mutating func addStored() throws(Stop) {
        (bits, bitCount) = (0, 0)
        let length = try take(16)
        guard try take(16) == ~length & 0xFFFF else { throw .damaged }
        for _ in 0..<length { try add(UInt8(try take(8))) }
    }

    private mutating func addCompressed(_ lengths: HuffmanCode, _ distances: HuffmanCode) throws(Stop) {
        while true {
            let symbol = try symbol(of: lengths)
            if symbol < 256 {
                try add(UInt8(symbol))
                continue
            }
            if symbol == 256 { return }
            guard symbol <= 285 else { throw .damaged }
            let length = Self.lengthBases[symbol - 257] + (try take(Self.lengthBits[symbol - 257]))
            let code = try self.symbol(of: distances)
            guard code < 30 else { throw .damaged }
            let distance = Self.distanceBases[code] + (try take(max(0, code / 2 - 1)))
            guard distance <= output.count else { throw .damaged }
            for _ in 0..<length { try add(output[output.count - distance]) }
        }
    }

    /// The codes that stand at the head of a block, themselves Huffman-coded.
    private mutating func codes() throws(Stop) -> (lengths: HuffmanCode, distances: HuffmanCode) {
        let (lengthCount, distanceCount, count) = (try take(5) + 257, try take(5) + 1, try take(4) + 4)
        guard lengthCount <= 286, distanceCount <= 30 else { throw .damaged }
        var own = [Int](repeating: 0, count: 19)
        for place in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15].prefix(count) { own[place] = try take(3) }
        guard let code = HuffmanCode(own) else { throw .damaged }
        var sizes: [Int] = []
        while sizes.count < lengthCount + distanceCount {
            switch try symbol(of: code) {
            case 16:
                guard let last = sizes.last else { throw .damaged }
                sizes += Array(repeating: last, count: 3 + (try take(2)))
            case 17: sizes += Array(repeating: 0, count: 3 + (try take(3)))
            case 18: sizes += Array(repeating: 0, count: 11 + (try take(7)))
            case let size: sizes.append(size)
            }
        }
        guard sizes.count == lengthCount + distanceCount, let lengths = HuffmanCode(Array(sizes[..<lengthCount])),
            let distances = HuffmanCode(Array(sizes[lengthCount...]))
        else { throw .damaged }
        return (lengths, distances)
    }

    private mutating func add(_ byte: UInt8) throws(Stop) {
        guard output.count < limit else { throw .limitReached }
        output.append(byte)
    }

    private mutating func take(_ count: Int) throws(Stop) -> Int {
        while bitCount < count {
            guard let byte = input.popFirst() else { throw .inputEnds }
            bits |= Int(byte) << bitCount
            bitCount += 8
        }
        defer {
            bits >>= count
            bitCount -= count
        }
        return bits & (1 << count - 1)
    }

    private mutating func symbol(of code: HuffmanCode) throws(Stop) -> Int {
        var (word, first, index) = (0, 0, 0)
        for length in 1..<code.counts.count {
            word |= try take(1)
            let count = code.counts[length]
            if word - count < first { return code.symbols[index + word - first] }
            index += count
            first = (first + count) << 1
            word <<= 1
        }
        throw .damaged
    }

    private static let lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
    private static let lengthBases = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
    ]
    private static let distanceBases = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
    ]
    private static let fixedLengths = HuffmanCode((0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })!
    private static let fixedDistances = HuffmanCode(Array(repeating: 5, count: 30))!
}

/// A canonical Huffman code: how many symbols each length has, and the symbols in the order of their words.
private struct HuffmanCode {
    var counts = [Int](repeating: 0, count: 16)
    let symbols: [Int]

    /// Nil where there are more words of a length than it has room for.
    init?(_ lengths: [Int]) {
        for length in lengths where length > 0 { counts[length] += 1 }
        var room = 1
        for count in counts.dropFirst() {
            room = 2 * room - count
            if room < 0 { return nil }
        }
        symbols = lengths.indices.filter { lengths[$0] > 0 }.sorted { (lengths[$0], $0) < (lengths[$1], $1) }
    }
}
