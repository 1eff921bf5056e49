import CStorage
import Foundation
import Testing

@testable import Storage

@Suite struct ChecksumTests {
    /// The check value of the polynomial's definition: of the digits 1 to 9.
    @Test func ofTheDigits() {
        #expect(Checksum("123456789".utf8).value == 0xe306_9283)
        #expect(Checksum("123456789".utf8).text == "e3069283")
        #expect(Checksum([]).text == "00000000")
    }

    @Test func theInstructionAndTheTableAgree() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31 &+ 7) }
        bytes.withUnsafeBytes { all in
            for (start, count) in [(0, 0), (0, 1), (0, 7), (0, 8), (0, 9), (1, 63), (3, 64), (5, 65), (7, 993)] {
                let part = all.baseAddress! + start
                #expect(cs_crc32c(5, part, Int64(count), true) == cs_crc32c(5, part, Int64(count), false))
            }
        }
        // In parts it is the same, and with one bit less another.
        var parts = Checksum()
        for part in stride(from: 0, to: 1000, by: 77) { parts.update(bytes[part..<min(part + 77, 1000)]) }
        #expect(parts == Checksum(bytes))
        #expect(Checksum(bytes.dropLast() + [bytes[999] ^ 1]) != Checksum(bytes))
    }
}
