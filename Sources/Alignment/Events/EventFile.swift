import Foundation
import Storage

/// A TensorBoard event file: TFRecord frames, each an ``Event``, only ever appended to.
///
/// A frame is the length of its data (8 bytes, little-endian), the masked CRC-32C of these 8 bytes, the data, and the masked CRC-32C of the data.
final class EventFile {
    private let file: AppendingFile

    /// Opens a file, or begins one. It is cut at the first record that is torn, damaged or of a later step: what follows will be written again.
    /// - Parameter known: is given every event that stays
    init(_ url: URL, continuingAfter step: Int, known: (Event) -> Void) throws {
        try createFolder(url.deletingLastPathComponent())
        file = try AppendingFile(url)
        let end = Self.read(try Data(contentsOf: url)) { event in
            guard event.step <= step else { return false }
            known(event)
            return true
        }
        try file.truncate(to: end)
        if end == 0 { try write(Event.opening(wallTime: Date().timeIntervalSince1970)) }
    }

    /// Hands out the events of a file's bytes up to the first that is torn or damaged, or is refused.
    /// - Returns: where the last accepted record ends
    static func read(_ data: Data, _ accept: (Event) -> Bool) -> Int {
        var end = data.startIndex
        while data.endIndex - end >= 16 {
            let header = Array(data[end..<end + 12])
            guard CRC32C.masked(header[..<8]) == UInt32(truncatingIfNeeded: header[8...].littleEndian()),
                let length = Int(exactly: header[..<8].littleEndian()),
                length <= data.endIndex - end - 16
            else { break }
            let body = Array(data[end + 12..<end + 16 + length])
            guard CRC32C.masked(body[..<length]) == UInt32(truncatingIfNeeded: body[length...].littleEndian()), let event = try? Event(body[..<length]),
                accept(event)
            else { break }
            end += 16 + length
        }
        return end - data.startIndex
    }

    func append(_ event: Event) throws { try write(event.encoded(wallTime: Date().timeIntervalSince1970)) }

    private func write(_ body: [UInt8]) throws {
        func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        let length = littleEndian(UInt64(body.count))
        try file.append(Data(length + littleEndian(CRC32C.masked(length)) + body + littleEndian(CRC32C.masked(body))))
    }

    func flush() throws { try file.flush() }
}
