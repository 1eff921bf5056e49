#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <zlib.h>

#include "include/CImages.h"

typedef struct Source {
    const uint8_t *bytes;
    size_t left;
    CIStatus status;
    CIMessage *message;
} Source;

static void escape(png_structp png, png_const_charp text) {
    Source *source = png_get_error_ptr(png);
    snprintf(source->message->text, sizeof source->message->text, "%s", text);
    if (source->status == CIStatusDone) {
        // libpng numbers no errors. This one also means that the compressed rows end early.
        source->status = strcmp(text, "Not enough image data") == 0 ? CIStatusTruncated : strcmp(text, "Out of memory") == 0 ? CIStatusNoMemory : CIStatusDamaged;
    }
    png_longjmp(png, 1);
}

static void be_silent(png_structp png, png_const_charp text) { (void)png, (void)text; }

static void read_bytes(png_structp png, png_bytep target, size_t count) {
    Source *source = png_get_io_ptr(png);
    if (count > source->left) {
        source->status = CIStatusTruncated;
        png_error(png, "the file ends");
    }
    memcpy(target, source->bytes, count);
    source->bytes += count;
    source->left -= count;
}

// Everything that is read as it is written: no gamma, no profile.
static void set_conversions(png_structp png, png_infop info, int32_t channels) {
    png_byte colour = png_get_color_type(png, info);
    png_set_expand(png);
    png_set_strip_16(png);
    if (!(colour & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
    if (channels == 4) png_set_add_alpha(png, 0xFF, PNG_FILLER_AFTER);
    else png_set_strip_alpha(png);
}

CIStatus ci_png_decode(const uint8_t *bytes, size_t count, int32_t width, int32_t height, int32_t channels, uint8_t *pixels, CIMessage *message) {
    Source source = {bytes, count, CIStatusDone, message};
    message->text[0] = 0;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, escape, be_silent);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_read_struct(&png, NULL, NULL);
        return CIStatusNoMemory;
    }
    if (setjmp(png_jmpbuf(png)) == 0) {
        png_set_read_fn(png, &source, read_bytes);
        // All chunks but those of pixels, palette and transparency.
        png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
        // A wrong checksum of the transparency too is an error.
        png_set_crc_action(png, PNG_CRC_DEFAULT, PNG_CRC_ERROR_QUIT);
        png_read_info(png, info);
        if ((int32_t)png_get_image_width(png, info) != width || (int32_t)png_get_image_height(png, info) != height) png_error(png, "its size has changed");
        set_conversions(png, info, channels);
        int passes = png_set_interlace_handling(png);
        png_read_update_info(png, info);
        size_t stride = (size_t)width * (size_t)channels;
        if (png_get_rowbytes(png, info) != stride) png_error(png, "its rows have another length");
        for (int pass = 0; pass < passes; pass++) {
            for (int32_t y = 0; y < height; y++) png_read_row(png, pixels + (size_t)y * stride, NULL);
        }
        png_read_end(png, NULL);
    }
    png_destroy_read_struct(&png, &info, NULL);
    return source.status;
}

CIStatus ci_png_encode(const uint8_t *pixels, int32_t width, int32_t height, uint8_t **file, size_t *count, CIMessage *message) {
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = (png_uint_32)width;
    image.height = (png_uint_32)height;
    image.format = PNG_FORMAT_RGB;
    size_t most = PNG_IMAGE_PNG_SIZE_MAX(image);
    *file = malloc(most);
    *count = most;
    if (!*file) return CIStatusNoMemory;
    if (png_image_write_to_memory(&image, *file, count, 0, pixels, 0, NULL)) return CIStatusDone;
    snprintf(message->text, sizeof message->text, "%s", image.message);
    free(*file);
    *file = NULL;
    return CIStatusDamaged;
}

int64_t ci_inflate(const uint8_t *bytes, size_t count, uint8_t *result, size_t capacity) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    stream.next_in = (Bytef *)bytes;
    stream.avail_in = count < UINT32_MAX ? (uInt)count : UINT32_MAX;
    stream.next_out = result;
    stream.avail_out = capacity < UINT32_MAX ? (uInt)capacity : UINT32_MAX;
    if (inflateInit(&stream) != Z_OK) return -1;
    int status = inflate(&stream, Z_SYNC_FLUSH);
    int64_t length = (int64_t)stream.total_out;
    inflateEnd(&stream);
    return status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR ? length : -1;
}
