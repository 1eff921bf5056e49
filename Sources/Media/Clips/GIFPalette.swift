/// Up to 256 colours for the pixels of a clip: its own where it has no more, else those of a median cut (Heckbert, "Color image quantization for frame
/// buffer display", 1982) over colours of five bits a channel.
struct GIFPalette {
    static let size = 256

    /// `[count, 3]`
    private(set) var colours: [UInt8] = []
    /// Of a colour, its place; where colours are exact.
    private var exact: [Int: UInt8]?
    /// Of five bits a channel, the nearest colour's place; -1 where it was not looked up yet.
    private var nearest = [Int16](repeating: -1, count: 1 << 15)

    init(_ frames: [RGBImage]) {
        if let own = Self.own(frames) {
            for colour in own { colours += [UInt8(colour >> 16), UInt8(colour >> 8 & 255), UInt8(colour & 255)] }
            exact = Dictionary(uniqueKeysWithValues: own.enumerated().map { ($1, UInt8($0)) })
        } else {
            colours = Self.cut(frames)
        }
    }

    var count: Int { colours.count / 3 }

    /// The places of a picture's colours.
    mutating func indices(of image: RGBImage) -> [UInt8] {
        let count = image.width * image.height
        var result = [UInt8](repeating: 0, count: count)
        var (last, lastPlace) = (-1, UInt8(0))
        for index in 0..<count {
            let (red, green, blue) = (Int(image.pixels[3 * index]), Int(image.pixels[3 * index + 1]), Int(image.pixels[3 * index + 2]))
            let colour = red << 16 | green << 8 | blue
            if colour != last { (last, lastPlace) = (colour, place(colour, red, green, blue)) }
            result[index] = lastPlace
        }
        return result
    }

    private mutating func place(_ colour: Int, _ red: Int, _ green: Int, _ blue: Int) -> UInt8 {
        if let exact { return exact[colour] ?? 0 }
        let bin = Self.bin(red, green, blue)
        if nearest[bin] >= 0 { return UInt8(nearest[bin]) }
        // The middle of the bin stands for all that lie in it.
        let middle = [(bin >> 10) << 3 | 4, (bin >> 5 & 31) << 3 | 4, (bin & 31) << 3 | 4]
        var (best, distance) = (0, Int.max)
        for place in 0..<count {
            let own = (0..<3).reduce(0) { sum, channel in
                let difference = Int(colours[3 * place + channel]) - middle[channel]
                return sum + difference * difference
            }
            if own < distance { (best, distance) = (place, own) }
        }
        nearest[bin] = Int16(best)
        return UInt8(best)
    }

    private static func bin(_ red: Int, _ green: Int, _ blue: Int) -> Int { (red >> 3) << 10 | (green >> 3) << 5 | blue >> 3 }

    /// The colours in ascending order; nil where there are more than fit.
    private static func own(_ frames: [RGBImage]) -> [Int]? {
        var found: Set<Int> = []
        for frame in frames {
            var last = -1
            for index in 0..<frame.width * frame.height {
                let colour = Int(frame.pixels[3 * index]) << 16 | Int(frame.pixels[3 * index + 1]) << 8 | Int(frame.pixels[3 * index + 2])
                if colour == last { continue }
                last = colour
                if found.insert(colour).inserted, found.count > size { return nil }
            }
        }
        return found.sorted()
    }

    // MARK: Median cut

    /// Colours of five bits a channel that are seen, with how often, and the sums of their true values.
    private struct Bin {
        let place: Int
        var count = 0
        var sums = [0, 0, 0]

        func value(_ channel: Int) -> Int { place >> (10 - 5 * channel) & 31 }
    }

    private static func cut(_ frames: [RGBImage]) -> [UInt8] {
        var bins = (0..<1 << 15).map { Bin(place: $0) }
        for frame in frames {
            for index in 0..<frame.width * frame.height {
                let (red, green, blue) = (Int(frame.pixels[3 * index]), Int(frame.pixels[3 * index + 1]), Int(frame.pixels[3 * index + 2]))
                let place = bin(red, green, blue)
                bins[place].count += 1
                bins[place].sums[0] += red
                bins[place].sums[1] += green
                bins[place].sums[2] += blue
            }
        }
        var boxes = [Box(bins.filter { $0.count > 0 })]
        while boxes.count < size {
            // The box whose cut helps the most: many pixels, far apart.
            guard let widest = boxes.indices.filter({ boxes[$0].bins.count > 1 }).max(by: { boxes[$0].weight < boxes[$1].weight }) else { break }
            let (low, high) = boxes[widest].halves()
            boxes[widest] = low
            boxes.append(high)
        }
        return boxes.flatMap(\.mean)
    }

    private struct Box {
        let bins: [Bin]
        private let count: Int
        /// The channel in which its colours lie furthest apart.
        private let channel: Int
        private let extent: Int

        init(_ bins: [Bin]) {
            self.bins = bins
            count = bins.reduce(0) { $0 + $1.count }
            let extents = (0..<3).map { channel in
                let values = bins.map { $0.value(channel) }
                return values.max()! - values.min()!
            }
            channel = extents.indices.max { extents[$0] < extents[$1] }!
            extent = extents[channel]
        }

        var weight: Int { count * extent * extent }

        /// At the median of its pixels; neither is empty.
        func halves() -> (Box, Box) {
            let sorted = bins.sorted { ($0.value(channel), $0.place) < ($1.value(channel), $1.place) }
            var (place, seen) = (0, 0)
            while place < sorted.count - 1, seen + sorted[place].count <= count / 2 || place == 0 {
                seen += sorted[place].count
                place += 1
            }
            return (Box(Array(sorted[..<place])), Box(Array(sorted[place...])))
        }

        var mean: [UInt8] { (0..<3).map { channel in UInt8((bins.reduce(0) { $0 + $1.sums[channel] } + count / 2) / count) } }
    }
}
