/// The WebP container specification: RIFF chunks around a VP8 or VP8L frame, in animations one level deeper.
enum WebPContainer {
    private typealias Chunk = (type: String, content: Range<Int>)

    /// FFmpeg's decoder does not read animations: their first frame is made a file of its own.
    static func still(in file: [UInt8]) throws(ImageError.Reason) -> ImageContainer {
        let size = file.littleEndian(at: 4, bytes: 4) ?? 0
        guard size <= file.count - 8 else { throw .truncated }
        guard size >= 4 else { throw .damaged("its RIFF header is wrong") }
        let chunks = try chunks(of: file, in: 12..<8 + size)
        var still: ImageContainer
        if let animation = chunks.first(where: { $0.type == "ANMF" }) {
            guard let canvasHeader = chunks.first(where: { $0.type == "VP8X" })?.content, canvasHeader.count >= 10, animation.content.count >= 16
            else { throw .damaged("its animation has no canvas") }
            func field(_ offset: Int) -> Int { file.littleEndian(at: offset, bytes: 3) ?? 0 }
            let (canvas, frame) = (canvasHeader.lowerBound, animation.content.lowerBound)
            let frameChunks = try self.chunks(of: file, in: frame + 16..<animation.content.upperBound)
            still = try picture(frameChunks, of: file)
            still.canvas = .init(width: field(canvas + 4) + 1, height: field(canvas + 7) + 1, left: 2 * field(frame), top: 2 * field(frame + 3))
        } else {
            still = try picture(chunks, of: file)
        }
        if let header = chunks.first(where: { $0.type == "VP8X" })?.content.first {
            // libwebp, and so Pillow, passes over what the header does not announce.
            let (announcesEXIF, announcesXMP) = (file[header] & 0x08 != 0, file[header] & 0x04 != 0)
            func content(_ type: String) -> [UInt8]? { chunks.first { $0.type == type }.map { Array(file[$0.content]) } }
            still.orientation = ImageMetadata(exif: announcesEXIF ? content("EXIF") : nil, xmp: announcesXMP ? content("XMP ") : nil).orientation
        }
        return still
    }

    private static func chunks(of file: [UInt8], in range: Range<Int>) throws(ImageError.Reason) -> [Chunk] {
        var chunks: [Chunk] = []
        var offset = range.lowerBound
        while offset + 8 <= range.upperBound {
            guard let type = file.text(at: offset, 4), let length = file.littleEndian(at: offset + 4, bytes: 4) else { throw .truncated }
            guard offset + 8 + length <= range.upperBound else { throw .truncated }
            chunks.append((type, offset + 8..<offset + 8 + length))
            offset += 8 + length + length % 2
        }
        return chunks
    }

    private static func picture(_ chunks: [Chunk], of file: [UInt8]) throws(ImageError.Reason) -> ImageContainer {
        if let lossless = chunks.first(where: { $0.type == "VP8L" }) {
            let start = lossless.content.lowerBound
            guard lossless.content.count >= 5, file[start] == 0x2F, let bits = file.littleEndian(at: start + 1, bytes: 4)
            else { throw .damaged("its VP8L header is wrong") }
            let (width, height) = (bits & 0x3FFF + 1, bits >> 14 & 0x3FFF + 1)
            let payload = riff([("VP8L", file[lossless.content])])
            var still = try ImageContainer(codec: .webp, payload: payload, width: width, height: height)
            still.hasAlpha = bits >> 28 & 1 == 1
            still.frameBytes = 4 * width * height
            return still
        }
        guard let lossy = chunks.first(where: { $0.type == "VP8 " }) else { throw .damaged("it has no picture data") }
        let start = lossy.content.lowerBound
        guard lossy.content.count >= 10, file[start] & 1 == 0, file.bigEndian(at: start + 3, bytes: 3) == 0x9D012A,
            let width = file.littleEndian(at: start + 6, bytes: 2), let height = file.littleEndian(at: start + 8, bytes: 2)
        else { throw .damaged("its VP8 header is wrong") }
        let alpha = chunks.first { $0.type == "ALPH" }
        var parts = [("VP8 ", file[lossy.content])]
        if let alpha { parts = [canvas(width: width & 0x3FFF, height: height & 0x3FFF), ("ALPH", file[alpha.content])] + parts }
        var still = try ImageContainer(codec: .webp, payload: riff(parts), width: width & 0x3FFF, height: height & 0x3FFF)
        still.hasAlpha = alpha != nil
        // Alpha may be compressed as a lossless picture of its own.
        still.frameBytes = (alpha == nil ? 3 : 5) * still.width * still.height / 2
        still.workingBytes = alpha == nil ? 0 : 4 * still.width * still.height
        still.chroma = .webp
        return still
    }

    private static func canvas(width: Int, height: Int) -> (String, ArraySlice<UInt8>) {
        let alphaFlag: UInt8 = 0x10
        return ("VP8X", [alphaFlag, 0, 0, 0] + littleEndian(width - 1, bytes: 3) + littleEndian(height - 1, bytes: 3))
    }

    private static func riff(_ chunks: [(type: String, content: ArraySlice<UInt8>)]) -> [UInt8] {
        let size = chunks.reduce(4) { $0 + 8 + $1.content.count + $1.content.count % 2 }
        var file: [UInt8] = []
        file.reserveCapacity(8 + size + ImageContainer.padding.count)
        file += Array("RIFF".utf8) + littleEndian(size, bytes: 4) + Array("WEBP".utf8)
        for chunk in chunks {
            file += Array(chunk.type.utf8) + littleEndian(chunk.content.count, bytes: 4)
            file += chunk.content
            if chunk.content.count % 2 == 1 { file.append(0) }
        }
        file += ImageContainer.padding
        return file
    }

    private static func littleEndian(_ value: Int, bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(value >> (8 * $0) & 0xFF) }
    }
}
