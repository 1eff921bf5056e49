import Foundation
import Storage
import TestFiles
import Testing
import Torch

/// Damaged files: each is refused, or every tensor in it can be read to its last byte.
@Suite struct SafeTensorsMutationTests {
    private static let pieces: [[UInt8]] = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud83c", "-", "0", "9", "1e9", ".5", "null", "18446744073709551615", "9223372036854775807",
        "__metadata__", "dtype", "shape", "data_offsets", "F32", "F64", "BOOL", "F4", "[0,0]", "[]", " ", "\u{FEFF}", "\0",
    ].map { Array($0.utf8) }

    @Test func neverCrashes() throws {
        let folder = TemporaryFolder()
        let url = folder.url("mutant.safetensors")
        try SafeTensors.write(
            [
                ("a", Tensor.range(6).reshaped([2, 3])), ("b", Tensor([true, false, true])), ("c.weight", Tensor.range(4, on: Placement(.cpu, .int64))),
                ("d", .zeros([0, 2])),
            ],
            metadata: ["format": "pt", "k": "é"], to: url)
        let original = Array(try Data(contentsOf: url))
        let headerEnd = 8 + Int(original[0]) + Int(original[1]) << 8

        var random = SeededGenerator(seed: 20_000)
        var refused: [String: Int] = [:]
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0...random.integer(below: 3) { mutate(&bytes, headerEnd: headerEnd, &random) }
            // By C, because Foundation flushes what it writes, and a new file, because some file systems flush one that is written again.
            remove(url.path)
            let file = try #require(fopen(url.path, "w"))
            fwrite(bytes, 1, bytes.count, file)
            fclose(file)
            do {
                let file = try SafeTensorsFile(url)
                for (name, tensor) in try file.all() {
                    #expect(tensor.shape == file.shape(of: name))
                    _ = tensor.withUnsafeBytes { $0.reduce(0) { $0 ^ $1 } }
                }
                accepted += 1
            } catch {
                refused[String("\(error.problem)".prefix(20)), default: 0] += 1
            }
        }
        // The mutants must reach both ways out, and many reasons.
        #expect(accepted > 500 && refused.values.reduce(0, +) > 5_000 && refused.count > 15, "\(accepted) accepted, refused: \(refused)")
    }

    /// One change: mostly inside the header, where a change of length is at times made good in the header's length.
    private func mutate(_ bytes: inout [UInt8], headerEnd: Int, _ random: inout SeededGenerator) {
        guard bytes.count > 16 else { return }
        let end = random.integer(below: 4) == 0 ? bytes.count : min(headerEnd, bytes.count)
        let place = random.integer(below: end)
        let before = bytes.count
        switch random.integer(below: 7) {
        case 0: bytes[place] ^= 1 << UInt8(random.integer(below: 8))
        case 1: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 2: bytes.insert(contentsOf: random.element(of: Self.pieces), at: place)
        case 3: bytes.removeSubrange(place..<min(place + 1 + random.integer(below: 12), bytes.count))
        case 4:
            let piece = random.element(of: Self.pieces)
            bytes.replaceSubrange(place..<min(place + piece.count, bytes.count), with: piece)
        case 5:
            let source = random.integer(below: end)
            bytes.insert(contentsOf: bytes[source..<min(source + 1 + random.integer(below: 60), bytes.count)], at: place)
        default:
            if random.integer(below: 4) == 0 { bytes.removeLast(random.integer(below: bytes.count)) }
        }
        let growth = bytes.count - before
        if growth != 0, place >= 8, place < headerEnd, bytes.count >= 8, random.integer(below: 4) > 0 {
            let length = Int(bytes[0]) + Int(bytes[1]) << 8 + growth
            bytes[0] = UInt8(truncatingIfNeeded: length)
            bytes[1] = UInt8(truncatingIfNeeded: length >> 8)
        }
    }
}
