// The C door into libjpeg, libpng, libwebp and zlib: pictures as bytes in memory to pixels and back.
// libjpeg and libpng leave by longjmp when a file is damaged; those jumps end in here, so that none crosses a frame of the caller.
// Nothing is printed. Functions keep no state between calls and can run on several threads.
#ifndef CIMAGES_H
#define CIMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum CIStatus {
    CIStatusDone = 0,
    CIStatusTruncated,    // the data end before the picture does
    CIStatusUnsupported,  // a legal file of a kind that the library does not read
    CIStatusDamaged,
    CIStatusNoMemory,
} CIStatus;

// What a library says of a file that is unsupported or damaged.
typedef struct CIMessage {
    char text[256];
} CIMessage;

// ---- JPEG ----

typedef struct CIJPEGHeader {
    int32_t width;
    int32_t height;
    int32_t components;         // 1, 3 or 4
    int64_t coefficient_bytes;  // what is kept until the last scan, where there is more than one
} CIJPEGHeader;

// Reads up to the first scan.
// segment: called with the content of each APP1 segment, in their order; NULL for none
CIStatus ci_jpeg_header(
    const uint8_t *bytes, size_t count, CIJPEGHeader *header, void (*segment)(void *context, const uint8_t *content, size_t count), void *context,
    CIMessage *message);
// pixels: [height, width, 3]; a picture of one component becomes grey, one of four is taken for CMYK stored inverted, as Pillow takes it
CIStatus ci_jpeg_decode(const uint8_t *bytes, size_t count, int32_t width, int32_t height, uint8_t *pixels, CIMessage *message);

// ---- PNG ----

// pixels: [height, width, channels], channels being 3 or 4; of 16-bit samples the high byte; no chunk but those of pixels and transparency is read
CIStatus ci_png_decode(const uint8_t *bytes, size_t count, int32_t width, int32_t height, int32_t channels, uint8_t *pixels, CIMessage *message);
// The file of an 8-bit RGB picture, to be released by free().
CIStatus ci_png_encode(const uint8_t *pixels, int32_t width, int32_t height, uint8_t **file, size_t *count, CIMessage *message);
// Decompresses data in the form of RFC 1950, as far as they and the capacity reach.
// Returns how many bytes came out, or -1 where the data are damaged
int64_t ci_inflate(const uint8_t *bytes, size_t count, uint8_t *result, size_t capacity);

// ---- WebP ----

// A part of the file.
typedef struct CIRange {
    size_t offset;
    size_t count;
} CIRange;

// The first frame, or the only one.
typedef struct CIWebPHeader {
    int32_t canvas_width;
    int32_t canvas_height;
    int32_t left;
    int32_t top;
    int32_t width;
    int32_t height;
    bool has_alpha;
    bool is_lossless;
    CIRange frame;
    CIRange exif;  // empty where the header does not announce it
    CIRange xmp;
} CIWebPHeader;

CIStatus ci_webp_header(const uint8_t *bytes, size_t count, CIWebPHeader *header, CIMessage *message);
// frame: of the bytes that the header names
// pixels: [height, width, channels], channels being 3 or 4
CIStatus ci_webp_decode(const uint8_t *frame, size_t count, int32_t width, int32_t height, int32_t channels, uint8_t *pixels, CIMessage *message);

#ifdef __cplusplus
}
#endif

#endif
