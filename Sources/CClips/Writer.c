#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "Colours.h"
#include "Libraries.h"

struct CCWriter {
    const Libraries *av;
    int descriptor;
    int64_t position;
    int32_t width;
    int32_t height;
    AVFormatContext *format;
    AVIOContext *output;
    AVCodecContext *codec;
    AVStream *stream;
    AVPacket *packet;
    AVFrame *frame;
    struct SwsContext *scaler;
    uint8_t *padded;
    int64_t written;
    int file_error;
};

static int write_bytes(void *context, uint8_t *bytes, int count) {
    CCWriter *writer = context;
    int done = 0;
    while (done < count) {
        ssize_t part = pwrite(writer->descriptor, bytes + done, (size_t)(count - done), (off_t)(writer->position + done));
        if (part < 0 && errno == EINTR) continue;
        if (part <= 0) {
            writer->file_error = part < 0 ? errno : EIO;
            return AVERROR(EIO);
        }
        done += (int)part;
    }
    writer->position += count;
    return count;
}

#if LIBAVFORMAT_VERSION_MAJOR >= 61
static int write_callback(void *context, const uint8_t *bytes, int count) { return write_bytes(context, (uint8_t *)bytes, count); }
#else
static int write_callback(void *context, uint8_t *bytes, int count) { return write_bytes(context, bytes, count); }
#endif

static int64_t seek_file(void *context, int64_t offset, int whence) {
    CCWriter *writer = context;
    if (whence & AVSEEK_SIZE) return lseek(writer->descriptor, 0, SEEK_END);
    switch (whence & ~AVSEEK_FORCE) {
        case SEEK_SET: break;
        case SEEK_CUR: offset += writer->position; break;
        case SEEK_END: offset += lseek(writer->descriptor, 0, SEEK_END); break;
        default: return AVERROR(EINVAL);
    }
    return writer->position = offset;
}

static CCStatus failed(CCWriter *writer, CCMessage *message, int code, const char *what) {
    if (writer->file_error) return cc_fail(message, CCStatusFile, strerror(writer->file_error));
    CCStatus status = cc_fail_code(writer->av, message, code, what);
    return status == CCStatusDamaged ? CCStatusUnsupported : status;
}

// ---- Opening ----

typedef struct Encoder {
    const char *name;
    // Pairs of an option and its value, for a picture that hardly differs from what went in.
    const char *options[6];
} Encoder;

static const Encoder mp4_encoders[] = {
    {"libx264", {"preset", "medium", "crf", "15"}},
    {"libopenh264", {0}},
    {"mpeg4", {0}},
};
static const Encoder webm_encoders[] = {
    {"libvpx-vp9", {"crf", "18", "deadline", "good", "cpu-used", "4"}},
    {"libvpx", {"crf", "6", "deadline", "good", "cpu-used", "4"}},
};

static int open_encoder(CCWriter *writer, const Encoder *encoder, int32_t rate_numerator, int32_t rate_denominator) {
    const Libraries *av = writer->av;
    const AVCodec *codec = av->avcodec_find_encoder_by_name(encoder->name);
    if (!codec) return AVERROR_ENCODER_NOT_FOUND;
    AVCodecContext *context = writer->codec = av->avcodec_alloc_context3(codec);
    if (!context) return AVERROR(ENOMEM);
    context->width = writer->width + writer->width % 2;
    context->height = writer->height + writer->height % 2;
    context->pix_fmt = AV_PIX_FMT_YUV420P;
    context->time_base = (AVRational){rate_denominator, rate_numerator};
    context->framerate = (AVRational){rate_numerator, rate_denominator};
    // What players guess, said aloud.
    context->colorspace = context->height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
    context->color_range = AVCOL_RANGE_MPEG;
    // Equal frames give equal files.
    context->thread_count = 1;
    context->flags |= AV_CODEC_FLAG_BITEXACT;
    if (writer->format->oformat->flags & AVFMT_GLOBALHEADER) context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (strncmp(encoder->name, "libvpx", 6) == 0) {
        // VP8 takes a bound on the rate with its quality, VP9 none.
        context->bit_rate = strcmp(encoder->name, "libvpx") == 0 ? 20000000 : 0;
    } else if (strcmp(encoder->name, "mpeg4") == 0) {
        context->flags |= AV_CODEC_FLAG_QSCALE;
        context->global_quality = FF_QP2LAMBDA * 2;
    }
    AVDictionary *options = NULL;
    for (size_t i = 0; i + 1 < sizeof encoder->options / sizeof *encoder->options && encoder->options[i]; i += 2) {
        av->av_dict_set(&options, encoder->options[i], encoder->options[i + 1], 0);
    }
    int code = av->avcodec_open2(context, codec, &options);
    av->av_dict_free(&options);
    if (code < 0) av->avcodec_free_context(&writer->codec);
    return code;
}

static CCStatus open_file(CCWriter *writer, const char *container, CCMessage *message) {
    const Libraries *av = writer->av;
    int code = av->avformat_alloc_output_context2(&writer->format, NULL, container, NULL);
    if (code < 0) return failed(writer, message, code, container);
    const int size = 1 << 16;
    uint8_t *buffer = av->av_malloc((size_t)size);
    if (!buffer) return CCStatusNoMemory;
    writer->output = av->avio_alloc_context(buffer, size, 1, writer, NULL, write_callback, seek_file);
    if (!writer->output) {
        av->av_free(buffer);
        return CCStatusNoMemory;
    }
    writer->format->pb = writer->output;
    writer->format->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
    return CCStatusDone;
}

static CCStatus start(CCWriter *writer, const char *container, int32_t rate_numerator, int32_t rate_denominator, CCMessage *message) {
    const Libraries *av = writer->av;
    CCStatus status = open_file(writer, container, message);
    if (status != CCStatusDone) return status;
    bool is_webm = strcmp(container, "webm") == 0;
    const Encoder *encoders = is_webm ? webm_encoders : mp4_encoders;
    size_t count = is_webm ? sizeof webm_encoders / sizeof *webm_encoders : sizeof mp4_encoders / sizeof *mp4_encoders;
    int code = AVERROR_ENCODER_NOT_FOUND;
    for (size_t i = 0; i < count && !writer->codec; i++) code = open_encoder(writer, &encoders[i], rate_numerator, rate_denominator);
    if (!writer->codec) return failed(writer, message, code, "no encoder for this kind of file");
    writer->stream = av->avformat_new_stream(writer->format, NULL);
    if (!writer->stream) return CCStatusNoMemory;
    writer->stream->time_base = writer->codec->time_base;
    writer->stream->avg_frame_rate = writer->codec->framerate;
    code = av->avcodec_parameters_from_context(writer->stream->codecpar, writer->codec);
    if (code >= 0) code = av->avformat_write_header(writer->format, NULL);
    if (code < 0) return failed(writer, message, code, "the file cannot be begun");
    writer->frame->format = writer->codec->pix_fmt;
    writer->frame->width = writer->codec->width;
    writer->frame->height = writer->codec->height;
    writer->frame->colorspace = writer->codec->colorspace;
    writer->frame->color_range = writer->codec->color_range;
    code = av->av_frame_get_buffer(writer->frame, 0);
    if (code < 0) return failed(writer, message, code, "a frame");
    // A row more to read beyond, as the library may.
    writer->padded = calloc((size_t)writer->codec->width * 3 * ((size_t)writer->codec->height + 1) + 64, 1);
    writer->scaler = av->sws_getCachedContext(
        NULL, writer->codec->width, writer->codec->height, AV_PIX_FMT_RGB24, writer->codec->width, writer->codec->height, AV_PIX_FMT_YUV420P,
        conversion_flags | SWS_FULL_CHR_H_INP, NULL, NULL, NULL);
    if (!writer->padded || !writer->scaler) return CCStatusNoMemory;
    set_colours(av, writer->scaler, matrix_of_frame(writer->codec->colorspace, writer->codec->height), 1, 0);
    return CCStatusDone;
}

CCStatus cc_create(
    int descriptor, const char *container, int32_t width, int32_t height, int32_t rate_numerator, int32_t rate_denominator, CCWriter **result,
    CCMessage *message) {
    *result = NULL;
    message->text[0] = 0;
    const Libraries *av = libraries(message);
    if (!av) return CCStatusNoLibrary;
    CCWriter *writer = calloc(1, sizeof *writer);
    if (!writer) return CCStatusNoMemory;
    writer->av = av;
    writer->descriptor = descriptor;
    writer->width = width;
    writer->height = height;
    writer->packet = av->av_packet_alloc();
    writer->frame = av->av_frame_alloc();
    CCStatus status = writer->packet && writer->frame ? start(writer, container, rate_numerator, rate_denominator, message) : CCStatusNoMemory;
    if (status == CCStatusDone) *result = writer;
    else cc_release(writer);
    return status;
}

void cc_release(CCWriter *writer) {
    if (!writer) return;
    const Libraries *av = writer->av;
    av->sws_freeContext(writer->scaler);
    free(writer->padded);
    av->av_frame_free(&writer->frame);
    av->av_packet_free(&writer->packet);
    av->avcodec_free_context(&writer->codec);
    av->avformat_free_context(writer->format);
    if (writer->output) av->av_freep(&writer->output->buffer);
    av->avio_context_free(&writer->output);
    free(writer);
}

// ---- Frames ----

// frame: NULL at the end
static CCStatus encode(CCWriter *writer, AVFrame *frame, CCMessage *message) {
    const Libraries *av = writer->av;
    int code = av->avcodec_send_frame(writer->codec, frame);
    while (code >= 0) {
        code = av->avcodec_receive_packet(writer->codec, writer->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return CCStatusDone;
        if (code < 0) break;
        // Without it, some containers leave out the time of the last frame.
        if (writer->packet->duration == 0) writer->packet->duration = 1;
        av->av_packet_rescale_ts(writer->packet, writer->codec->time_base, writer->stream->time_base);
        writer->packet->stream_index = writer->stream->index;
        code = av->av_interleaved_write_frame(writer->format, writer->packet);
    }
    return failed(writer, message, code, "a frame cannot be written");
}

CCStatus cc_write(CCWriter *writer, const uint8_t *pixels, CCMessage *message) {
    const Libraries *av = writer->av;
    message->text[0] = 0;
    size_t row = (size_t)writer->width * 3, stride = (size_t)writer->codec->width * 3;
    for (int32_t y = 0; y < writer->codec->height; y++) {
        const uint8_t *source = pixels + (size_t)(y < writer->height ? y : writer->height - 1) * row;
        uint8_t *target = writer->padded + (size_t)y * stride;
        memcpy(target, source, row);
        if (stride > row) memcpy(target + row, source + row - 3, 3);
    }
    int code = av->av_frame_make_writable(writer->frame);
    if (code < 0) return failed(writer, message, code, "a frame");
    const uint8_t *planes[4] = {writer->padded, NULL, NULL, NULL};
    int strides[4] = {(int)stride, 0, 0, 0};
    av->sws_scale(writer->scaler, planes, strides, 0, writer->codec->height, writer->frame->data, writer->frame->linesize);
    writer->frame->pts = writer->written++;
    return encode(writer, writer->frame, message);
}

CCStatus cc_finish(CCWriter *writer, CCMessage *message) {
    message->text[0] = 0;
    CCStatus status = encode(writer, NULL, message);
    if (status != CCStatusDone) return status;
    int code = writer->av->av_write_trailer(writer->format);
    if (code < 0) return failed(writer, message, code, "the file cannot be ended");
    writer->av->avio_flush(writer->output);
    if (writer->file_error) return cc_fail(message, CCStatusFile, strerror(writer->file_error));
    return CCStatusDone;
}
