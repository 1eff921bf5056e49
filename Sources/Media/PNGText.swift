import CImages

/// A text chunk of PNG (third edition, 11.3.3): a keyword and what stands under it, compressed in `zTXt` and in some `iTXt`.
struct PNGText {
    let keyword: ArraySlice<UInt8>
    private let text: ArraySlice<UInt8>
    private let isCompressed: Bool

    /// Pillow reads no longer compressed text either.
    private static let limit = 1 << 20

    /// Nil where the chunk is of another kind or lacks a part.
    init?(_ type: String, _ content: ArraySlice<UInt8>) {
        guard let end = content.firstIndex(of: 0), end > content.startIndex else { return nil }
        keyword = content[..<end]
        var rest = content[content.index(after: end)...]
        switch type {
        case "tEXt": isCompressed = false
        case "zTXt":
            guard rest.popFirst() == 0 else { return nil }
            isCompressed = true
        case "iTXt":
            guard let flag = rest.popFirst(), let method = rest.popFirst(), flag == 0 || method == 0 else { return nil }
            isCompressed = flag != 0
            // The language, and the keyword in it.
            for _ in 0..<2 {
                guard let end = rest.firstIndex(of: 0) else { return nil }
                rest = rest[rest.index(after: end)...]
            }
        default: return nil
        }
        text = rest
    }

    func reads(_ name: String) -> Bool { keyword.elementsEqual(name.utf8) }

    /// Decompressed; nil where that fails.
    var value: [UInt8]? { isCompressed ? Self.inflated(text, limit: Self.limit) : Array(text) }

    /// The decompressed bytes, as far as the data and the limit reach, since a few kilobytes of them can stand for gigabytes; nil where the data are
    /// damaged.
    static func inflated(_ data: ArraySlice<UInt8>, limit: Int) -> [UInt8]? {
        var isDamaged = false
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { bytes, count in
            let length = data.withUnsafeBufferPointer { ci_inflate($0.baseAddress, $0.count, bytes.baseAddress, limit) }
            (isDamaged, count) = (length < 0, max(0, Int(length)))
        }
        return isDamaged ? nil : bytes
    }
}
