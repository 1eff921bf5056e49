import CTorch
import Foundation
import TestSupport
import Testing

@testable import Torch

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
                #expect(ct_crc32c(5, part, Int64(count), true) == ct_crc32c(5, part, Int64(count), false))
            }
        }
        // In parts it is the same, and with one bit less another.
        var parts = Checksum()
        for part in stride(from: 0, to: 1000, by: 77) { parts.update(bytes[part..<min(part + 77, 1000)]) }
        #expect(parts == Checksum(bytes))
        #expect(Checksum(bytes.dropLast() + [bytes[999] ^ 1]) != Checksum(bytes))
    }

    @Test func everyByteOfAFileCounts() throws {
        let folder = TemporaryFolder()
        let url = folder.url("sealed.safetensors")
        try SafeTensors.write([("a", Tensor([Float(1), 2, 3])), ("b", Tensor([Float(4)]))], metadata: ["format": "pt"], isSealed: true, to: url)
        let file = try SafeTensorsFile(url)
        #expect(try file.verify())
        #expect(try file.tensor("a").values() == [1, 2, 3] && file.metadata["format"] == "pt")
        let whole = try Data(contentsOf: url)
        let key = try #require(whole.range(of: Data("crc32c".utf8)))
        for offset in whole.indices where !key.contains(offset) {
            var bytes = whole
            bytes[offset] ^= 1
            try bytes.write(to: url)
            #expect(throws: SafeTensorsError.self, "\(offset)") { try SafeTensorsFile(url).verify() }
        }
        try whole.write(to: url)
        #expect(try SafeTensorsFile(url).verify())
        try SafeTensors.write([("a", Tensor([Float(1)]))], to: url)
        #expect(try !SafeTensorsFile(url).verify(), "one that has none says nothing")
    }

    @Test func aStopwatchNeverGoesBack() {
        let clock = Stopwatch()
        var before = 0.0
        for _ in 0..<1000 {
            let now = clock.seconds
            #expect(now >= before && now < 60)
            before = now
        }
    }
}
