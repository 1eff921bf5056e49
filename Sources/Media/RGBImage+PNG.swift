import CFFmpeg
import Foundation
import Storage

extension RGBImage {
    /// The bytes of a PNG file: 8-bit RGB, lossless.
    public func encodedPNG() throws(ImageError) -> [UInt8] {
        do { return try png() } catch { throw ImageError(file: "PNG", reason: error) }
    }

    /// Writes a PNG file, whole or not at all.
    public func writePNG(to url: URL) throws(ImageError) {
        do { try Self.write(png(), to: url) } catch { throw ImageError(file: url.path, reason: error) }
    }

    private func png() throws(ImageError.Reason) -> [UInt8] {
        guard let codec = avcodec_find_encoder_by_name("png") else { throw .encoding("this build of FFmpeg has no PNG encoder") }
        var context = avcodec_alloc_context3(codec)
        var packet = av_packet_alloc()
        var frame = av_frame_alloc()
        defer {
            avcodec_free_context(&context)
            av_packet_free(&packet)
            av_frame_free(&frame)
        }
        guard let context, let packet, let frame else { throw .encoding("out of memory") }
        func check(_ status: Int32) throws(ImageError.Reason) {
            if status < 0 { throw .encoding(FFmpegError.message(status)) }
        }
        context.pointee.width = Int32(clamping: width)
        context.pointee.height = Int32(clamping: height)
        context.pointee.pix_fmt = AV_PIX_FMT_RGB24
        context.pointee.time_base = AVRational(num: 1, den: 1)
        context.pointee.thread_count = 1
        context.pointee.flags |= AV_CODEC_FLAG_BITEXACT
        // The filter is chosen row by row: photographs come out at half the size.
        try check(av_opt_set(context.pointee.priv_data, "pred", "mixed", 0))
        try check(avcodec_open2(context, codec, nil))
        frame.pointee.format = AV_PIX_FMT_RGB24.rawValue
        frame.pointee.width = context.pointee.width
        frame.pointee.height = context.pointee.height
        try check(av_frame_get_buffer(frame, 0))
        let stride = Int(frame.pointee.linesize.0)
        pixels.withUnsafeBufferPointer { pixels in
            for y in 0..<height { frame.pointee.data.0!.advanced(by: y * stride).update(from: pixels.baseAddress! + y * width * 3, count: width * 3) }
        }
        try check(avcodec_send_frame(context, frame))
        try check(avcodec_receive_packet(context, packet))
        return Array(UnsafeBufferPointer(start: packet.pointee.data, count: Int(packet.pointee.size)))
    }

    private static func write(_ bytes: [UInt8], to url: URL) throws(ImageError.Reason) {
        do {
            try writeAtomically(Data(bytes), to: url)
        } catch {
            throw .file((error as? FileError)?.reason ?? "\(error)")
        }
    }
}
