/// The first chunk of a PNG file (third edition, 11.2.1).
public struct PNGHeader: Sendable {
    /// What every PNG file begins with.
    public static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    /// Bytes of signature and header, the header's checksum included.
    public static let length = 33

    /// In pixels.
    public let width: Int
    public let height: Int
    let hasAlpha: Bool

    /// Nil where the bytes do not begin with a signature and a header chunk.
    public init?(_ start: some Collection<UInt8>) {
        let bytes = [UInt8](start.prefix(Self.length))
        guard bytes.count == Self.length, bytes.starts(with: Self.signature), bytes.bigEndian(at: 8, bytes: 4) == 13, bytes.text(at: 12, 4) == "IHDR",
            let width = bytes.bigEndian(at: 16, bytes: 4), let height = bytes.bigEndian(at: 20, bytes: 4)
        else { return nil }
        (self.width, self.height) = (width, height)
        hasAlpha = bytes[25] & 4 != 0
    }
}
