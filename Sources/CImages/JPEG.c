#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "include/CImages.h"

#ifndef LIBJPEG_TURBO_VERSION
#error "this libjpeg is not libjpeg-turbo, whose values Pillow's are"
#endif

typedef struct Reader {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    CIStatus status;
    CIMessage *message;
} Reader;

// As many as libjpeg-turbo's own fuzzers allow: a file of a few kilobytes can ask for thousands of scans, each of which walks the whole picture.
static const int most_scans = 500;

static CIStatus status_of(int code) {
    switch (code) {
        case JWRN_JPEG_EOF:
        case JERR_INPUT_EMPTY:
        case JERR_INPUT_EOF: return CIStatusTruncated;
        case JERR_OUT_OF_MEMORY: return CIStatusNoMemory;
        case JERR_ARITH_NOTIMPL:
        case JERR_BAD_PRECISION:
        case JERR_CCIR601_NOTIMPL:
        case JERR_COMPONENT_COUNT:
        case JERR_CONVERSION_NOTIMPL:
        case JERR_EMPTY_IMAGE:
        case JERR_FRACT_SAMPLE_NOTIMPL:
        case JERR_NOT_COMPILED:
        case JERR_NOTIMPL:
        case JERR_SOF_UNSUPPORTED: return CIStatusUnsupported;
        default: return CIStatusDamaged;
    }
}

static void escape(j_common_ptr info) {
    Reader *reader = info->client_data;
    char text[JMSG_LENGTH_MAX];
    info->err->format_message(info, text);
    snprintf(reader->message->text, sizeof reader->message->text, "%s", text);
    reader->status = status_of(info->err->msg_code);
    longjmp(reader->escape, 1);
}

// libjpeg paints what is missing grey and calls that a warning: to us it is an error, unless no pixel is concerned.
static void warn(j_common_ptr info, int level) {
    if (level >= 0) return;
    switch (info->err->msg_code) {
        case JWRN_ADOBE_XFORM:
        case JWRN_EXTRANEOUS_DATA:
        case JWRN_JFIF_MAJOR:
        case JWRN_NOT_SEQUENTIAL: return;
        default: escape(info);
    }
}

static void count_scans(j_common_ptr info) {
    Reader *reader = info->client_data;
    if (reader->info.input_scan_number <= most_scans) return;
    snprintf(reader->message->text, sizeof reader->message->text, "it has more than %d scans", most_scans);
    reader->status = CIStatusUnsupported;
    longjmp(reader->escape, 1);
}

static void be_silent(j_common_ptr info) { (void)info; }

static void fail(Reader *reader, CIStatus status, const char *text) {
    snprintf(reader->message->text, sizeof reader->message->text, "%s", text);
    reader->status = status;
    longjmp(reader->escape, 1);
}

// Opens and reads up to the first scan. Jumps to `escape` where that fails.
static void open_reader(Reader *reader, const uint8_t *bytes, size_t count, bool keeps_segments) {
    struct jpeg_decompress_struct *info = &reader->info;
    jpeg_create_decompress(info);
    info->client_data = reader;
    reader->progress.progress_monitor = count_scans;
    info->progress = &reader->progress;
    jpeg_mem_src(info, bytes, count);
    if (keeps_segments) jpeg_save_markers(info, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(info, TRUE);
    if (info->data_precision != 8) fail(reader, CIStatusUnsupported, "more than 8 bits a sample");
    if (info->num_components != 1 && info->num_components != 3 && info->num_components != 4) fail(reader, CIStatusUnsupported, "its number of components");
}

static void prepare(Reader *reader, CIMessage *message) {
    memset(reader, 0, sizeof *reader);
    reader->message = message;
    message->text[0] = 0;
    reader->info.err = jpeg_std_error(&reader->errors);
    reader->info.client_data = reader;
    reader->errors.error_exit = escape;
    reader->errors.emit_message = warn;
    reader->errors.output_message = be_silent;
}

CIStatus ci_jpeg_header(
    const uint8_t *bytes, size_t count, CIJPEGHeader *header, void (*segment)(void *context, const uint8_t *content, size_t count), void *context,
    CIMessage *message) {
    Reader reader;
    prepare(&reader, message);
    if (setjmp(reader.escape) == 0) {
        open_reader(&reader, bytes, count, segment != NULL);
        header->width = (int32_t)reader.info.image_width;
        header->height = (int32_t)reader.info.image_height;
        header->components = reader.info.num_components;
        header->coefficient_bytes = 0;
        if (jpeg_has_multiple_scans(&reader.info)) {
            for (int index = 0; index < reader.info.num_components; index++) {
                const jpeg_component_info *part = &reader.info.comp_info[index];
                // Rounded up to whole units of the interleaved scan.
                int64_t columns = (int64_t)part->width_in_blocks + part->h_samp_factor, rows = (int64_t)part->height_in_blocks + part->v_samp_factor;
                header->coefficient_bytes += columns * rows * (int64_t)sizeof(JBLOCK);
            }
        }
        for (jpeg_saved_marker_ptr marker = reader.info.marker_list; marker; marker = marker->next) segment(context, marker->data, marker->data_length);
    }
    jpeg_destroy_decompress(&reader.info);
    return reader.status;
}

// Pillow's conversions: inverted CMYK upright, then `cmyk2rgb`.
static void convert_inverted_cmyk(const uint8_t *cmyk, uint8_t *rgb, int32_t width) {
    for (int32_t x = 0; x < width; x++, cmyk += 4, rgb += 3) {
        int black = cmyk[3];
        for (int channel = 0; channel < 3; channel++) {
            int product = (255 - cmyk[channel]) * black + 128;
            int value = black - ((product + (product >> 8)) >> 8);
            rgb[channel] = (uint8_t)(value < 0 ? 0 : value);
        }
    }
}

CIStatus ci_jpeg_decode(const uint8_t *bytes, size_t count, int32_t width, int32_t height, uint8_t *pixels, CIMessage *message) {
    Reader reader;
    prepare(&reader, message);
    if (setjmp(reader.escape) == 0) {
        struct jpeg_decompress_struct *info = &reader.info;
        open_reader(&reader, bytes, count, false);
        if ((int32_t)info->image_width != width || (int32_t)info->image_height != height) fail(&reader, CIStatusDamaged, "its size has changed");
        bool is_cmyk = info->num_components == 4;
        info->out_color_space = is_cmyk ? JCS_CMYK : JCS_RGB;
        jpeg_start_decompress(info);
        JSAMPARRAY row = is_cmyk ? info->mem->alloc_sarray((j_common_ptr)info, JPOOL_IMAGE, 4 * (JDIMENSION)width, 1) : NULL;
        while (info->output_scanline < info->output_height) {
            uint8_t *target = pixels + (size_t)info->output_scanline * 3 * (size_t)width;
            JSAMPROW rows[1] = {is_cmyk ? row[0] : target};
            if (jpeg_read_scanlines(info, rows, 1) == 1 && is_cmyk) convert_inverted_cmyk(row[0], target, width);
        }
        jpeg_finish_decompress(info);
    }
    jpeg_destroy_decompress(&reader.info);
    return reader.status;
}
