/// A protocol buffer's message on the wire (protobuf.dev, "Encoding"): fields one after another, each a key and a value.
struct WireMessage {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ field: Int, integer value: UInt64) {
        appendVarint(UInt64(field) << 3)
        appendVarint(value)
    }

    mutating func append(_ field: Int, double value: Double) {
        appendVarint(UInt64(field) << 3 | 1)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
    }

    mutating func append(_ field: Int, float value: Float) {
        appendVarint(UInt64(field) << 3 | 5)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
    }

    mutating func append(_ field: Int, bytes value: some Collection<UInt8>) {
        appendVarint(UInt64(field) << 3 | 2)
        appendVarint(UInt64(value.count))
        bytes += value
    }

    mutating func append(_ field: Int, _ value: String) { append(field, bytes: value.utf8) }
    mutating func append(_ field: Int, _ value: WireMessage) { append(field, bytes: value.bytes) }

    private mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// The fields of a message that somebody else may have written: nil from ``next()`` is the end, an error is damage.
struct WireReader {
    enum Value {
        case integer(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        case bytes(ArraySlice<UInt8>)
    }

    struct Malformed: Error {}

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() throws(Malformed) -> (field: Int, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let key = try varint()
        guard let field = Int(exactly: key >> 3), field > 0 else { throw Malformed() }
        switch key & 7 {
        case 0: return (field, .integer(try varint()))
        case 1: return (field, .fixed64(try take(8).littleEndian()))
        case 2:
            guard let count = Int(exactly: try varint()) else { throw Malformed() }
            return (field, .bytes(try take(count)))
        case 5: return (field, .fixed32(UInt32(truncatingIfNeeded: try take(4).littleEndian())))
        default: throw Malformed()
        }
    }

    private mutating func varint() throws(Malformed) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard let byte = rest.popFirst(), shift < 63 || byte <= 1 else { throw Malformed() }
            value |= UInt64(byte & 0x7f) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        throw Malformed()
    }

    private mutating func take(_ count: Int) throws(Malformed) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw Malformed() }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}

extension Collection<UInt8> {
    /// Of up to eight bytes, the least significant first.
    func littleEndian() -> UInt64 { reversed().reduce(0) { $0 << 8 | UInt64($1) } }
}
