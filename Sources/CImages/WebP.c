#include <stdio.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "include/CImages.h"

static CIStatus fail(CIMessage *message, CIStatus status, const char *text) {
    snprintf(message->text, sizeof message->text, "%s", text);
    return status;
}

static CIRange chunk(const WebPDemuxer *file, const uint8_t *bytes, const char *name) {
    CIRange range = {0, 0};
    WebPChunkIterator found;
    if (WebPDemuxGetChunk(file, name, 1, &found)) {
        range.offset = (size_t)(found.chunk.bytes - bytes);
        range.count = found.chunk.size;
    }
    WebPDemuxReleaseChunkIterator(&found);
    return range;
}

CIStatus ci_webp_header(const uint8_t *bytes, size_t count, CIWebPHeader *header, CIMessage *message) {
    WebPData data = {bytes, count};
    WebPDemuxState state;
    WebPDemuxer *file = WebPDemuxPartial(&data, &state);
    message->text[0] = 0;
    CIStatus status = CIStatusDone;
    WebPIterator frame;
    if (state == WEBP_DEMUX_PARSE_ERROR) {
        status = fail(message, CIStatusDamaged, "its chunks do not follow the format");
    } else if (state != WEBP_DEMUX_DONE) {
        status = CIStatusTruncated;
    } else if (!file) {
        status = CIStatusNoMemory;
    } else if (!WebPDemuxGetFrame(file, 1, &frame)) {
        status = fail(message, CIStatusDamaged, "it holds no picture");
    } else {
        header->canvas_width = (int32_t)WebPDemuxGetI(file, WEBP_FF_CANVAS_WIDTH);
        header->canvas_height = (int32_t)WebPDemuxGetI(file, WEBP_FF_CANVAS_HEIGHT);
        header->left = frame.x_offset;
        header->top = frame.y_offset;
        header->width = frame.width;
        header->height = frame.height;
        header->has_alpha = frame.has_alpha;
        header->frame.offset = (size_t)(frame.fragment.bytes - bytes);
        header->frame.count = frame.fragment.size;
        WebPBitstreamFeatures features;
        VP8StatusCode code = WebPGetFeatures(frame.fragment.bytes, frame.fragment.size, &features);
        header->is_lossless = code == VP8_STATUS_OK && features.format == 2;
        header->exif = chunk(file, bytes, "EXIF");
        header->xmp = chunk(file, bytes, "XMP ");
        WebPDemuxReleaseIterator(&frame);
    }
    WebPDemuxDelete(file);
    return status;
}

CIStatus ci_webp_decode(const uint8_t *frame, size_t count, int32_t width, int32_t height, int32_t channels, uint8_t *pixels, CIMessage *message) {
    WebPDecoderConfig config;
    message->text[0] = 0;
    if (!WebPInitDecoderConfig(&config)) return fail(message, CIStatusUnsupported, "this version of libwebp");
    config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = pixels;
    config.output.u.RGBA.stride = channels * width;
    config.output.u.RGBA.size = (size_t)channels * (size_t)width * (size_t)height;
    VP8StatusCode code = WebPGetFeatures(frame, count, &config.input);
    if (code == VP8_STATUS_OK && (config.input.width != width || config.input.height != height)) {
        return fail(message, CIStatusDamaged, "the sizes in its headers differ");
    }
    if (code == VP8_STATUS_OK) code = WebPDecode(frame, count, &config);
    switch (code) {
        case VP8_STATUS_OK: return CIStatusDone;
        case VP8_STATUS_OUT_OF_MEMORY: return CIStatusNoMemory;
        case VP8_STATUS_UNSUPPORTED_FEATURE: return fail(message, CIStatusUnsupported, "a feature of its picture");
        case VP8_STATUS_SUSPENDED:
        case VP8_STATUS_NOT_ENOUGH_DATA: return CIStatusTruncated;
        default: return fail(message, CIStatusDamaged, "its compressed picture");
    }
}
