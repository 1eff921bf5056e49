import CFFmpeg

/// Runs one FFmpeg decoder over one picture.
enum FrameDecoder {
    static func decode(_ image: ImageContainer) throws(ImageError.Reason) -> Raster {
        try withFrame(of: image, markedBy: marks[0]) { frame throws(ImageError.Reason) in
            let raster = try Raster(frame, of: image)
            // A row of nothing but the mark was either never written or is that colour: the other mark tells.
            if image.codec == .png, let row = lastRow(of: frame), consists(row, of: marks[0]) {
                let second = try withFrame(of: image, markedBy: marks[1]) { second throws(ImageError.Reason) in lastRow(of: second) ?? [] }
                if second != row { throw .truncated }
            }
            return raster
        }
    }

    /// FFmpeg's PNG decoder accepts compressed data that end early and leaves the rows below as they were, so the last row is marked first.
    private static let marks: [UInt8] = [0xA7, 0x5B]

    private static func consists(_ row: [UInt8], of mark: UInt8) -> Bool {
        // Where a key colour is transparent, FFmpeg has put alpha values between.
        row.contains(mark) && row.allSatisfy { $0 == mark || $0 == 0 || $0 == 255 }
    }

    private static func lastRow(of frame: AVFrame) -> [UInt8]? {
        let length = av_image_get_linesize(AVPixelFormat(frame.format), frame.width, 0)
        guard length > 0, let plane = frame.data.0 else { return nil }
        return Array(UnsafeBufferPointer(start: plane + Int(frame.height - 1) * Int(frame.linesize.0), count: Int(length)))
    }

    private static let silence: Void = av_log_set_level(AV_LOG_QUIET)

    private static func withFrame<Result>(
        of image: ImageContainer, markedBy mark: UInt8, _ body: (AVFrame) throws(ImageError.Reason) -> Result
    ) throws(ImageError.Reason) -> Result {
        _ = silence
        guard let codec = avcodec_find_decoder_by_name(image.codec.rawValue) else {
            throw .unsupported("\(image.codec.rawValue) in this build of FFmpeg")
        }
        var context = avcodec_alloc_context3(codec)
        var packet = av_packet_alloc()
        var frame = av_frame_alloc()
        defer {
            avcodec_free_context(&context)
            av_packet_free(&packet)
            av_frame_free(&frame)
        }
        guard let context, let packet, let frame else { throw .file("out of memory") }
        context.pointee.thread_count = 1
        context.pointee.max_pixels = Int64(RGBImage.pixelLimit)
        context.pointee.err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE
        // libjpeg's own accurate inverse cosine transform; FFmpeg's usual one rounds differently.
        context.pointee.idct_algo = FF_IDCT_INT
        context.pointee.flags |= AV_CODEC_FLAG_BITEXACT
        context.pointee.opaque = UnsafeMutableRawPointer(bitPattern: UInt(mark))
        if image.codec == .png {
            context.pointee.get_buffer2 = { context, frame, flags in
                let status = avcodec_default_get_buffer2(context, frame, flags)
                if status >= 0, let context, let frame, let plane = frame.pointee.data.0, frame.pointee.height > 0 {
                    let stride = Int(frame.pointee.linesize.0)
                    let mark = Int32(Int(bitPattern: context.pointee.opaque))
                    memset(plane + Int(frame.pointee.height - 1) * stride, mark, stride)
                }
                return status
            }
        }
        guard image.payload.count <= Int(Int32.max) - Int(AV_INPUT_BUFFER_PADDING_SIZE) else { throw .file("too many bytes for one image") }
        try check(avcodec_open2(context, codec, nil))
        try check(av_new_packet(packet, Int32(image.payload.count)))
        image.payload.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { packet.pointee.data.update(from: start.assumingMemoryBound(to: UInt8.self), count: bytes.count) }
        }
        try check(avcodec_send_packet(context, packet))
        try check(avcodec_send_packet(context, nil))
        try check(avcodec_receive_frame(context, frame))
        guard frame.pointee.width == image.width, frame.pointee.height == image.height else {
            throw .damaged("its header says \(image.width) x \(image.height), its data \(frame.pointee.width) x \(frame.pointee.height)")
        }
        return try body(frame.pointee)
    }

    private static func check(_ status: Int32) throws(ImageError.Reason) {
        if status >= 0 { return }
        if status == seppo_averror_memory { throw .file("out of memory") }
        throw .damaged("FFmpeg cannot decode it (\(FFmpegError.message(status)))")
    }
}

enum FFmpegError {
    static func message(_ status: Int32) -> String {
        if status == seppo_averror_end { return "it holds no picture" }
        var buffer = [CChar](repeating: 0, count: Int(AV_ERROR_MAX_STRING_SIZE))
        av_strerror(status, &buffer, buffer.count)
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
