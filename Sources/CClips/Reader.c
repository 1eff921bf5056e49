#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "Colours.h"
#include "Libraries.h"

// The containers that clips come in. Lists of other files (HLS, concat, DASH) are none of them.
static const char containers[] = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,flv,asf,mpeg,mpegts,mpegvideo,h264,hevc,apng,ogg";

// Read errors, or bytes that no frame comes of, before a file counts as at its end: a damaged one must not be read for ever.
static const int64_t most_failures = 10000;

struct CCReader {
    const Libraries *av;
    CCSource source;
    int64_t position;
    AVFormatContext *format;
    AVIOContext *input;
    AVCodecContext *codec;
    AVStream *stream;
    AVPacket *packet;
    AVFrame *frame;
    struct SwsContext *scaler;
    uint8_t *scratch;
    size_t scratch_size;
    int64_t most_pixels;
    int64_t damaged;
    int64_t failures;
    int32_t own_orientation;  // the codec's own word, which holds until it says something else; 0 before
    bool is_draining;
    bool is_animation;
};

// ---- Bytes ----

static int read_bytes(void *context, uint8_t *target, int count) {
    CCReader *reader = context;
    int64_t left = reader->source.length - reader->position;
    if (left <= 0) return AVERROR_EOF;
    if (count > left) count = (int)left;
    if (reader->source.bytes) {
        memcpy(target, reader->source.bytes + reader->position, (size_t)count);
    } else {
        ssize_t found;
        do found = pread(reader->source.descriptor, target, (size_t)count, (off_t)(reader->source.offset + reader->position));
        while (found < 0 && errno == EINTR);
        if (found < 0) return AVERROR(EIO);
        if (found == 0) return AVERROR_EOF;
        count = (int)found;
    }
    reader->position += count;
    return count;
}

static int64_t seek_bytes(void *context, int64_t offset, int whence) {
    CCReader *reader = context;
    if (whence & AVSEEK_SIZE) return reader->source.length;
    switch (whence & ~AVSEEK_FORCE) {
        case SEEK_SET: break;
        case SEEK_CUR: offset += reader->position; break;
        case SEEK_END: offset += reader->source.length; break;
        default: return AVERROR(EINVAL);
    }
    if (offset < 0) return AVERROR(EINVAL);
    return reader->position = offset;
}

// A clip that names another file is not followed.
static int refuse(AVFormatContext *format, AVIOContext **input, const char *url, int flags, AVDictionary **options) {
    (void)format, (void)input, (void)url, (void)flags, (void)options;
    return AVERROR(EPERM);
}

// ---- Opening ----

static CCStatus open_format(CCReader *reader, CCMessage *message) {
    const Libraries *av = reader->av;
    const int size = 1 << 16;
    uint8_t *buffer = av->av_malloc((size_t)size);
    if (!buffer) return CCStatusNoMemory;
    reader->input = av->avio_alloc_context(buffer, size, 0, reader, read_bytes, NULL, seek_bytes);
    if (!reader->input) {
        av->av_free(buffer);
        return CCStatusNoMemory;
    }
    reader->format = av->avformat_alloc_context();
    if (!reader->format) return CCStatusNoMemory;
    reader->format->pb = reader->input;
    reader->format->io_open = refuse;
    reader->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    reader->format->max_streams = 64;
    reader->format->format_whitelist = av->av_strdup(containers);
    reader->format->protocol_whitelist = av->av_strdup("none");
    // On failure the context is released, and NULL afterwards.
    int code = av->avformat_open_input(&reader->format, NULL, NULL, NULL);
    if (code == AVERROR_INVALIDDATA) return cc_fail(message, CCStatusDamaged, "no container that is read, or its header is damaged or missing");
    if (code < 0) return cc_fail_code(av, message, code, "cannot be opened");
    // Everything but what a frame shows is passed over.
    code = av->avformat_find_stream_info(reader->format, NULL);
    if (code < 0) return cc_fail_code(av, message, code, "its streams are not told");
    return CCStatusDone;
}

static CCStatus open_codec(CCReader *reader, CCMessage *message) {
    const Libraries *av = reader->av;
    int index = av->av_find_best_stream(reader->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (index < 0) return cc_fail(message, CCStatusNoVideo, "it has no moving pictures");
    reader->stream = reader->format->streams[index];
    if (reader->stream->disposition & AV_DISPOSITION_ATTACHED_PIC) return cc_fail(message, CCStatusNoVideo, "it has a cover picture, and no moving ones");
    for (unsigned i = 0; i < reader->format->nb_streams; i++) {
        if ((int)i != index) reader->format->streams[i]->discard = AVDISCARD_ALL;
    }
    AVCodecParameters *parameters = reader->stream->codecpar;
    if (parameters->width > 0 && parameters->height > 0 && (int64_t)parameters->width * parameters->height > reader->most_pixels) {
        return cc_fail(message, CCStatusTooLarge, "its frames are too large");
    }
    const AVCodec *codec = av->avcodec_find_decoder(parameters->codec_id);
    if (!codec) return cc_fail(message, CCStatusUnsupported, av->avcodec_get_name(parameters->codec_id));
    reader->is_animation = parameters->codec_id == AV_CODEC_ID_GIF || parameters->codec_id == AV_CODEC_ID_APNG;
    reader->codec = av->avcodec_alloc_context3(codec);
    if (!reader->codec) return CCStatusNoMemory;
    int code = av->avcodec_parameters_to_context(reader->codec, parameters);
    if (code < 0) return cc_fail_code(av, message, code, "its codec's parameters are wrong");
    // Frames depend on the bytes alone, whatever the machine.
    reader->codec->thread_count = 1;
    reader->codec->max_pixels = reader->most_pixels;
    reader->codec->pkt_timebase = reader->stream->time_base;
    code = av->avcodec_open2(reader->codec, codec, NULL);
    if (code < 0) return cc_fail_code(av, message, code, "its codec cannot be opened");
    return CCStatusDone;
}

CCStatus cc_open(const CCSource *source, int64_t most_pixels, CCReader **result, CCStream *stream, CCMessage *message) {
    *result = NULL;
    message->text[0] = 0;
    const Libraries *av = libraries(message);
    if (!av) return CCStatusNoLibrary;
    CCReader *reader = calloc(1, sizeof *reader);
    if (!reader) return CCStatusNoMemory;
    reader->av = av;
    reader->source = *source;
    reader->most_pixels = most_pixels;
    reader->packet = av->av_packet_alloc();
    reader->frame = av->av_frame_alloc();
    CCStatus status = reader->packet && reader->frame ? open_format(reader, message) : CCStatusNoMemory;
    if (status == CCStatusDone) status = open_codec(reader, message);
    if (status != CCStatusDone) {
        cc_close(reader);
        return status;
    }
    memset(stream, 0, sizeof *stream);
    stream->width = reader->stream->codecpar->width;
    stream->height = reader->stream->codecpar->height;
    AVRational tick = reader->stream->time_base;
    bool is_sound = tick.num > 0 && tick.den > 0;
    stream->tick_numerator = is_sound ? tick.num : 1;
    stream->tick_denominator = is_sound ? tick.den : 1000;
    AVRational rate = av->av_guess_frame_rate(reader->format, reader->stream, NULL);
    bool is_rate = rate.num > 0 && rate.den > 0;
    stream->rate_numerator = is_rate ? rate.num : 0;
    stream->rate_denominator = is_rate ? rate.den : 1;
    stream->claimed_frames = reader->stream->nb_frames > 0 ? reader->stream->nb_frames : 0;
    bool counts_no_frames = strstr(reader->format->iformat->name, "matroska") != NULL;
    stream->claimed_seconds = counts_no_frames && reader->format->duration > 0 ? (double)reader->format->duration / AV_TIME_BASE : 0;
    stream->other_streams = (int32_t)reader->format->nb_streams - 1;
    strncpy(stream->container, reader->format->iformat->name, sizeof stream->container - 1);
    strncpy(stream->codec, av->avcodec_get_name(reader->stream->codecpar->codec_id), sizeof stream->codec - 1);
    *result = reader;
    return CCStatusDone;
}

void cc_close(CCReader *reader) {
    if (!reader) return;
    const Libraries *av = reader->av;
    av->sws_freeContext(reader->scaler);
    free(reader->scratch);
    av->av_frame_free(&reader->frame);
    av->av_packet_free(&reader->packet);
    av->avcodec_free_context(&reader->codec);
    av->avformat_close_input(&reader->format);
    if (reader->input) av->av_freep(&reader->input->buffer);
    av->avio_context_free(&reader->input);
    free(reader);
}

int64_t cc_damaged(const CCReader *reader) { return reader->damaged; }

// ---- Frames ----

// Hands the decoder the next packet, or the news that there is none.
static int feed(CCReader *reader) {
    const Libraries *av = reader->av;
    int code;
    do {
        av->av_packet_unref(reader->packet);
        code = av->av_read_frame(reader->format, reader->packet);
        if (code < 0 && code != AVERROR_EOF && code != AVERROR(EAGAIN)) {
            // What cannot be read is behind us, or it is the end.
            reader->damaged += 1;
            code = AVERROR_EOF;
        }
    } while (code == AVERROR(EAGAIN) ? ++reader->failures < most_failures : code >= 0 && reader->packet->stream_index != reader->stream->index);
    if (code == AVERROR(EAGAIN)) code = AVERROR_EOF;
    if (code == AVERROR_EOF) {
        reader->is_draining = true;
        return av->avcodec_send_packet(reader->codec, NULL);
    }
    // A packet that the end of the file cuts off.
    if (reader->packet->flags & AV_PKT_FLAG_CORRUPT && !reader->is_animation) {
        reader->damaged += 1;
        av->av_packet_unref(reader->packet);
        return 0;
    }
    code = av->avcodec_send_packet(reader->codec, reader->packet);
    av->av_packet_unref(reader->packet);
    return code;
}

// How a frame is turned to stand upright, by the number that EXIF has for it. The matrix takes stored (x, y) to (a x + c y, b x + d y).
static int32_t orientation_of(const uint8_t *bytes, size_t size) {
    int32_t matrix[9];
    if (!bytes || size < sizeof matrix) return 1;
    memcpy(matrix, bytes, sizeof matrix);
    int64_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
    if (llabs(a) + llabs(d) >= llabs(b) + llabs(c)) return a < 0 ? (d < 0 ? 3 : 2) : (d < 0 ? 4 : 1);
    return c < 0 ? (b < 0 ? 7 : 6) : (b < 0 ? 8 : 5);
}

static int32_t orientation(CCReader *reader) {
    AVFrameSideData *own = reader->av->av_frame_get_side_data(reader->frame, AV_FRAME_DATA_DISPLAYMATRIX);
    if (own) reader->own_orientation = orientation_of(own->data, own->size);
    if (reader->own_orientation) return reader->own_orientation;
    const uint8_t *bytes = NULL;
    size_t size = 0;
#if LIBAVFORMAT_VERSION_MAJOR >= 61
    const AVCodecParameters *parameters = reader->stream->codecpar;
    const AVPacketSideData *data =
        reader->av->av_packet_side_data_get(parameters->coded_side_data, parameters->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    if (data) bytes = data->data, size = data->size;
#else
    bytes = reader->av->av_stream_get_side_data(reader->stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
#endif
    return orientation_of(bytes, size);
}

static bool has_alpha(CCReader *reader) {
    const AVPixFmtDescriptor *kind = reader->av->av_pix_fmt_desc_get(reader->frame->format);
    return kind && (kind->flags & AV_PIX_FMT_FLAG_ALPHA || reader->frame->format == AV_PIX_FMT_PAL8);
}

CCStatus cc_next(CCReader *reader, CCFrame *frame, CCMessage *message) {
    const Libraries *av = reader->av;
    message->text[0] = 0;
    while (true) {
        av->av_frame_unref(reader->frame);
        int code = av->avcodec_receive_frame(reader->codec, reader->frame);
        if (code == AVERROR_EOF) return CCStatusEnd;
        if (code == AVERROR(ENOMEM)) return CCStatusNoMemory;
        if (code == AVERROR(EAGAIN)) {
            if (reader->is_draining) return CCStatusEnd;
            code = feed(reader);
            if (code == AVERROR(ENOMEM)) return CCStatusNoMemory;
        } else if (code >= 0) {
            AVFrame *found = reader->frame;
            bool is_damaged = found->flags & AV_FRAME_FLAG_CORRUPT || found->decode_error_flags != 0;
            if (!is_damaged && found->width > 0 && found->height > 0) break;
            reader->damaged += 1;
            continue;
        }
        if (code < 0 && code != AVERROR_EOF) {
            reader->damaged += 1;
            if (++reader->failures >= most_failures) return CCStatusEnd;
        }
    }
    AVFrame *found = reader->frame;
    if ((int64_t)found->width * found->height > reader->most_pixels) return cc_fail(message, CCStatusTooLarge, "its frames are too large");
    frame->width = found->width;
    frame->height = found->height;
    frame->time = found->best_effort_timestamp == AV_NOPTS_VALUE ? INT64_MIN : found->best_effort_timestamp;
#if LIBAVUTIL_VERSION_MAJOR >= 58
    frame->duration = found->duration > 0 ? found->duration : 0;
#else
    frame->duration = found->pkt_duration > 0 ? found->pkt_duration : 0;
#endif
    frame->orientation = orientation(reader);
    frame->has_alpha = has_alpha(reader);
    return CCStatusDone;
}

CCStatus cc_pixels(CCReader *reader, uint8_t *pixels, CCMessage *message) {
    const Libraries *av = reader->av;
    AVFrame *frame = reader->frame;
    message->text[0] = 0;
    const AVPixFmtDescriptor *kind = av->av_pix_fmt_desc_get(frame->format);
    if (!kind || kind->flags & AV_PIX_FMT_FLAG_HWACCEL) return cc_fail(message, CCStatusUnsupported, "its kind of pixels");
    int channels = has_alpha(reader) ? 4 : 3;
    reader->scaler = av->sws_getCachedContext(
        reader->scaler, frame->width, frame->height, frame->format, frame->width, frame->height, channels == 4 ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24,
        conversion_flags, NULL, NULL, NULL);
    if (!reader->scaler) return cc_fail(message, CCStatusUnsupported, kind->name);
    set_colours(av, reader->scaler, matrix_of_frame(frame->colorspace, frame->height), is_full_range(frame->color_range, frame->format), 1);
    // The library writes whole vectors: rows end in room for one.
    size_t row = (size_t)frame->width * (size_t)channels;
    size_t stride = (row + 63) / 64 * 64 + 64;
    size_t size = stride * (size_t)frame->height + 64;
    if (size > reader->scratch_size) {
        free(reader->scratch);
        reader->scratch = malloc(size);
        reader->scratch_size = reader->scratch ? size : 0;
        if (!reader->scratch) return CCStatusNoMemory;
    }
    uint8_t *planes[4] = {reader->scratch, NULL, NULL, NULL};
    int strides[4] = {(int)stride, 0, 0, 0};
    int rows = av->sws_scale(reader->scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, planes, strides);
    if (rows != frame->height) return cc_fail(message, CCStatusDamaged, "a frame cannot be converted");
    for (int y = 0; y < frame->height; y++) memcpy(pixels + (size_t)y * row, reader->scratch + (size_t)y * stride, row);
    return CCStatusDone;
}
