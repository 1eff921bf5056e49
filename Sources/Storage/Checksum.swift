import CStorage

/// CRC-32C (RFC 3720, appendix B.4) of bytes that come one after another: finds every damage of up to 32 bits in a row, and any other but for one in four
/// billion.
public struct Checksum: Sendable, Equatable {
    public private(set) var value: UInt32 = 0

    public init() {}

    public init(_ bytes: some Sequence<UInt8>) { update(bytes) }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) { value = cs_crc32c(value, bytes.baseAddress, Int64(bytes.count), false) }

    public mutating func update(_ bytes: some Sequence<UInt8>) {
        let whole: Void? = bytes.withContiguousStorageIfAvailable { update(UnsafeRawBufferPointer($0)) }
        if whole == nil { Array(bytes).withUnsafeBytes { update($0) } }
    }

    /// Eight hexadecimal digits.
    public var text: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
