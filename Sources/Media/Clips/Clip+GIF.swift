extension Clip {
    /// The bytes of an animated GIF that repeats for ever, of one palette of 256 colours: for people to look at, never to measure.
    ///
    /// - Precondition: no side is longer than 65,535.
    public func encodedGIF() -> [UInt8] {
        precondition(width <= 65535 && height <= 65535, "\(width) x \(height) pixels are too many for a GIF")
        var palette = GIFPalette(frames)
        var file = Array("GIF89a".utf8) + Self.word(width) + Self.word(height) + [0xF7, 0, 0]
        file += palette.colours + [UInt8](repeating: 0, count: 3 * (GIFPalette.size - palette.count))
        if frames.count > 1 { file += [0x21, 0xFF, 11] + Array("NETSCAPE2.0".utf8) + [3, 1, 0, 0, 0] }
        var shown = 0
        for (index, frame) in frames.enumerated() {
            // In hundredths of a second, so that errors of rounding do not add up. Viewers take less than two for ten.
            let end = Int((Double(index + 1) * 100 / rate).rounded())
            let delay = min(max(2, end - shown), 65535)
            shown += delay
            file += [0x21, 0xF9, 4, 0] + Self.word(delay) + [0, 0]
            file += [0x2C, 0, 0, 0, 0] + Self.word(width) + Self.word(height) + [0]
            file += Self.compressed(palette.indices(of: frame))
        }
        return file + [0x3B]
    }

    private static func word(_ value: Int) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8)] }

    /// GIF's LZW over bytes, with the size of its codes before and in blocks of up to 255 bytes.
    static func compressed(_ indices: [UInt8]) -> [UInt8] {
        var bits = BitBlocks()
        let (clear, end) = (256, 257)
        // Of a code and the byte behind it, the code of both; 0 for none.
        var table = [UInt16](repeating: 0, count: 4096 << 8)
        var used: [Int] = []
        var (next, width) = (end + 1, 9)
        bits.append(clear, width)
        var current = Int(indices[0])
        for index in indices.dropFirst() {
            let key = current << 8 | Int(index)
            if table[key] != 0 {
                current = Int(table[key])
                continue
            }
            bits.append(current, width)
            if next < 4096 {
                table[key] = UInt16(next)
                used.append(key)
                // The reader learns a code one step later.
                if next == 1 << width { width += 1 }
                next += 1
            } else {
                bits.append(clear, width)
                for key in used { table[key] = 0 }
                used.removeAll(keepingCapacity: true)
                (next, width) = (end + 1, 9)
            }
            current = Int(index)
        }
        bits.append(current, width)
        if next == 1 << width, width < 12 { width += 1 }
        bits.append(end, width)
        return [8] + bits.blocks()
    }

    /// Codes one after another, lowest bits first.
    private struct BitBlocks {
        private var bytes: [UInt8] = []
        private var (held, count) = (0, 0)

        mutating func append(_ code: Int, _ width: Int) {
            held |= code << count
            count += width
            while count >= 8 {
                bytes.append(UInt8(held & 255))
                (held, count) = (held >> 8, count - 8)
            }
        }

        /// Each with its length before it, and an empty one at the end.
        func blocks() -> [UInt8] {
            let all = count > 0 ? bytes + [UInt8(held & 255)] : bytes
            var result: [UInt8] = []
            result.reserveCapacity(all.count + all.count / 255 + 2)
            for start in stride(from: 0, to: all.count, by: 255) {
                let block = all[start..<min(start + 255, all.count)]
                result.append(UInt8(block.count))
                result += block
            }
            return result + [0]
        }
    }
}
