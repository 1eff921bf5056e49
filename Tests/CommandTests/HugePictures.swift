import Foundation

/// Files of a few kilobytes that stand for pictures of many megapixels, every sample of them zero.
enum HugePicture {
    // MARK: PNG

    /// - Parameters:
    ///   - depth: bits of a sample
    ///   - colour: PNG's colour type: 0 grey, 2 red, green and blue, 4 and 6 the same with alpha
    static func png(_ width: Int, _ height: Int, depth: Int = 8, colour: UInt8 = 2, isInterlaced: Bool = false) -> Data {
        let channels = [0: 1, 2: 3, 4: 2, 6: 4][colour]!
        func size(_ width: Int, _ height: Int) -> Int { width == 0 ? 0 : height * (1 + (width * channels * depth + 7) / 8) }
        // Adam7: where each pass begins, and its steps.
        let passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        let interlaced = passes.reduce(0) { sum, pass in
            sum + size((width - pass.0 + pass.2 - 1) / pass.2, (height - pass.1 + pass.3 - 1) / pass.3)
        }
        let header = bigEndian(width) + bigEndian(height) + [UInt8(depth), colour, 0, 0, isInterlaced ? 1 : 0]
        let data = deflatedZeros(isInterlaced ? interlaced : size(width, height))
        return Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header) + chunk("IDAT", data) + chunk("IEND", []))
    }

    private static func bigEndian(_ value: Int) -> [UInt8] { withUnsafeBytes(of: UInt32(value).bigEndian) { Array($0) } }

    private static func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + content
        var sum = UInt32.max
        for byte in body {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum >> 1 ^ (sum & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        return bigEndian(content.count) + body + bigEndian(Int(~sum))
    }

    /// So many zeros in the form of RFC 1950: one, again and again 258 more, and the rest one by one.
    private static func deflatedZeros(_ count: Int) -> [UInt8] {
        var (bytes, bits, filled): ([UInt8], UInt8, Int) = ([0x78, 0x9C], 0, 0)
        func put(_ word: [UInt8]) {
            for bit in word {
                bits |= bit << UInt8(filled)
                filled += 1
                if filled == 8 {
                    bytes.append(bits)
                    (bits, filled) = (0, 0)
                }
            }
        }
        let (zero, more): ([UInt8], [UInt8]) = ([0, 0, 1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0])
        put([1, 1, 0] + zero)
        for _ in 0..<(count - 1) / 258 { put(more) }
        for _ in 0..<(count - 1) % 258 { put(zero) }
        put(Array(repeating: 0, count: 7) + Array(repeating: 0, count: (8 - (filled + 7) % 8) % 8))
        // Adler-32 of zeros.
        return bytes + bigEndian((count % 65_521) << 16 | 1)
    }

    // MARK: JPEG

    /// Without subsampling, the coefficient of every block zero.
    static func jpeg(_ width: Int, _ height: Int, components: Int = 3, isProgressive: Bool = true) -> Data {
        func two(_ value: Int) -> [UInt8] { Array(bigEndian(value).suffix(2)) }
        func segment(_ marker: UInt8, _ content: [UInt8]) -> [UInt8] { [0xFF, marker] + two(content.count + 2) + content }
        var frame: [UInt8] = [8] + two(height) + two(width) + [UInt8(components)]
        var scan: [UInt8] = [UInt8(components)]
        for part in 1...UInt8(components) {
            frame += [part, 0x11, 0]
            scan += [part, 0]
        }
        scan += isProgressive ? [0, 0, 0] : [0, 63, 0]
        // One word of one bit, for nothing.
        func table(_ kind: UInt8) -> [UInt8] { [kind, 1] + [UInt8](repeating: 0, count: 16) }
        var file: [UInt8] = [0xFF, 0xD8]
        file += segment(0xDB, [0] + [UInt8](repeating: 1, count: 64))
        file += segment(isProgressive ? 0xC2 : 0xC0, frame)
        file += segment(0xC4, table(0) + table(0x10))
        file += segment(0xDA, scan)
        let blocks = (width + 7) / 8 * ((height + 7) / 8) * components
        let bits = isProgressive ? blocks : 2 * blocks
        file += [UInt8](repeating: 0, count: bits / 8)
        // What is left of the last byte is filled with ones.
        if bits % 8 > 0 { file.append(0xFF >> UInt8(bits % 8)) }
        return Data(file + [0xFF, 0xD9])
    }
}
