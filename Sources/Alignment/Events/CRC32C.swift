import Storage

/// The cyclic redundancy check as TFRecord files hold it.
enum CRC32C {
    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 { Checksum(bytes).value }

    /// Rotated and shifted, since the checksum of bytes that contain their own checksum says little.
    static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let crc = checksum(bytes)
        return (crc >> 15 | crc << 17) &+ 0xa282_ead8
    }
}
