import CFFmpeg

/// Runs one FFmpeg decoder over one picture.
enum FrameDecoder {
    /// The decoded frame; the decoder and what it worked with are gone.
    static func frame(of image: ImageContainer) throws(ImageError.Reason) -> Frame {
        var frame = try decode(image, markedBy: marks[0])
        // A row of nothing but the mark was either never written or is that colour: the other mark tells.
        if image.codec == .png, let row = frame.lastRow, consists(row, of: marks[0]) {
            frame.release()
            frame = try decode(image, markedBy: marks[1])
            if frame.lastRow != row { throw .truncated }
        }
        return frame
    }

    /// FFmpeg's PNG decoder accepts compressed data that end early and leaves the rows below as they were, so the last row is marked first.
    private static let marks: [UInt8] = [0xA7, 0x5B]

    private static func consists(_ row: [UInt8], of mark: UInt8) -> Bool {
        // Where a key colour is transparent, FFmpeg has put alpha values between.
        row.contains(mark) && row.allSatisfy { $0 == mark || $0 == 0 || $0 == 255 }
    }

    private static let silence: Void = av_log_set_level(AV_LOG_QUIET)

    private static func decode(_ image: ImageContainer, markedBy mark: UInt8) throws(ImageError.Reason) -> Frame {
        _ = silence
        let frame = try Frame()
        try decode(image, into: frame.pointer, markedBy: mark)
        let found = frame.pointer.pointee
        guard found.width == image.width, found.height == image.height else {
            throw .damaged("its header says \(image.width) x \(image.height), its data \(found.width) x \(found.height)")
        }
        return frame
    }

    private static func decode(_ image: ImageContainer, into frame: UnsafeMutablePointer<AVFrame>, markedBy mark: UInt8) throws(ImageError.Reason) {
        guard let codec = avcodec_find_decoder_by_name(image.codec.rawValue) else {
            throw .unsupported("\(image.codec.rawValue) in this build of FFmpeg")
        }
        var context = avcodec_alloc_context3(codec)
        defer { avcodec_free_context(&context) }
        guard let opened = context else { throw .file("out of memory") }
        opened.pointee.thread_count = 1
        opened.pointee.max_pixels = Int64(RGBImage.pixelLimit)
        opened.pointee.err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE
        // libjpeg's own accurate inverse cosine transform; FFmpeg's usual one rounds differently.
        opened.pointee.idct_algo = FF_IDCT_INT
        opened.pointee.flags |= AV_CODEC_FLAG_BITEXACT
        opened.pointee.opaque = UnsafeMutableRawPointer(bitPattern: UInt(mark))
        if image.codec == .png {
            opened.pointee.get_buffer2 = { context, frame, flags in
                let status = avcodec_default_get_buffer2(context, frame, flags)
                if status >= 0, let context, let frame, let plane = frame.pointee.data.0, frame.pointee.height > 0 {
                    let stride = Int(frame.pointee.linesize.0)
                    let mark = Int32(Int(bitPattern: context.pointee.opaque))
                    memset(plane + Int(frame.pointee.height - 1) * stride, mark, stride)
                }
                return status
            }
        }
        guard image.payload.count <= Int(Int32.max) else { throw .file("too many bytes for one image") }
        try check(avcodec_open2(opened, codec, nil))
        let status = image.payload.withUnsafeBytes { bytes in
            // Nothing of the packet outlives the bytes that it points into, which are not copied.
            defer { avcodec_free_context(&context) }
            return receive(frame, from: opened, bytes)
        }
        try check(status)
    }

    /// FFmpeg's status.
    private static func receive(
        _ frame: UnsafeMutablePointer<AVFrame>, from context: UnsafeMutablePointer<AVCodecContext>, _ bytes: UnsafeRawBufferPointer
    ) -> Int32 {
        var packet = av_packet_alloc()
        defer { av_packet_free(&packet) }
        let start = UnsafeMutablePointer(mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
        guard let packet, let start, let buffer = av_buffer_create(start, bytes.count, { _, _ in }, nil, AV_BUFFER_FLAG_READONLY) else {
            return seppo_averror_memory
        }
        (packet.pointee.buf, packet.pointee.data, packet.pointee.size) = (buffer, start, Int32(bytes.count - ImageContainer.padding.count))
        for send in [packet, nil] {
            let status = avcodec_send_packet(context, send)
            if status < 0 { return status }
        }
        return avcodec_receive_frame(context, frame)
    }

    /// FFmpeg's frame, which lives as long as this does.
    final class Frame {
        let pointer: UnsafeMutablePointer<AVFrame>

        fileprivate init() throws(ImageError.Reason) {
            guard let pointer = av_frame_alloc() else { throw .file("out of memory") }
            self.pointer = pointer
        }

        deinit {
            var pointer: UnsafeMutablePointer<AVFrame>? = pointer
            av_frame_free(&pointer)
        }

        /// Lets its samples go before their time.
        func release() { av_frame_unref(pointer) }

        fileprivate var lastRow: [UInt8]? {
            let frame = pointer.pointee
            let length = av_image_get_linesize(AVPixelFormat(frame.format), frame.width, 0)
            guard length > 0, let plane = frame.data.0 else { return nil }
            return Array(UnsafeBufferPointer(start: plane + Int(frame.height - 1) * Int(frame.linesize.0), count: Int(length)))
        }
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
