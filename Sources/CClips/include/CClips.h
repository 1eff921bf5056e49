// The C door into FFmpeg's libraries: the frames of a clip one after another, and back into a file.
//
// The libraries are loaded when a clip is first opened, by the names of the versions whose headers this was compiled with: linking them would add 40 ms to the
// start of a program that reads pictures alone. Where they are not there, that is an answer (CCStatusNoLibrary).
//
// Only bytes that the caller names are read: no file, address or reference within a clip is ever opened. Nothing is printed.
#ifndef CCLIPS_H
#define CCLIPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum CCStatus {
    CCStatusDone = 0,
    CCStatusEnd,          // no frame is left
    CCStatusNoLibrary,    // FFmpeg's libraries cannot be loaded
    CCStatusNoVideo,      // a legal file without moving pictures, such as one of sound alone
    CCStatusUnsupported,  // a container or a codec that is not read or written
    CCStatusDamaged,
    CCStatusTooLarge,     // frames of more pixels than the limit
    CCStatusNoMemory,
    CCStatusFile,         // the operating system would not read or write
} CCStatus;

// What is wrong, for people.
typedef struct CCMessage {
    char text[256];
} CCMessage;

// ---- Reading ----

// Where the bytes of a clip lie. They stay the caller's, and must be there until the reader is closed.
typedef struct CCSource {
    const uint8_t *bytes;  // or NULL, and then in a file
    int descriptor;        // open for reading, or -1
    int64_t offset;        // of the clip in the file
    int64_t length;
} CCSource;

// What the container says before anything is decoded.
typedef struct CCStream {
    int32_t width;
    int32_t height;
    // A tick in seconds: tick_numerator / tick_denominator.
    int32_t tick_numerator;
    int32_t tick_denominator;
    // Frames a second, 0 / 1 where the container names no rate.
    int32_t rate_numerator;
    int32_t rate_denominator;
    int64_t claimed_frames;  // 0 where it claims no number
    double claimed_seconds;  // from Matroska and WebM, which count no frames; 0 where it claims nothing
    int32_t other_streams;   // beside the one that is read, such as sound: the seconds may be theirs
    char container[32];
    char codec[32];
} CCStream;

typedef struct CCFrame {
    int32_t width;
    int32_t height;
    int64_t time;         // in ticks; INT64_MIN where the clip does not tell
    int64_t duration;     // in ticks; 0 where it does not tell
    int32_t orientation;  // as EXIF numbers it, 1 to 8: how the frame is turned to stand upright
    bool has_alpha;
} CCFrame;

typedef struct CCReader CCReader;

CCStatus cc_open(const CCSource *source, int64_t most_pixels, CCReader **reader, CCStream *stream, CCMessage *message);
// Decodes the next frame that is whole. Frames that were damaged are passed over and counted.
CCStatus cc_next(CCReader *reader, CCFrame *frame, CCMessage *message);
// pixels: of the frame that was decoded last, [height, width, channels], as it is stored; channels being 4 where it has alpha, else 3
CCStatus cc_pixels(CCReader *reader, uint8_t *pixels, CCMessage *message);
// Packets and frames that could not be decoded so far.
int64_t cc_damaged(const CCReader *reader);
void cc_close(CCReader *reader);

// ---- Writing ----

typedef struct CCWriter CCWriter;

// container: "mp4" (H.264 where there is an encoder, else MPEG-4) or "webm" (VP9, else VP8)
// descriptor: of a new file, open for reading and writing
// A side of an odd length becomes one pixel longer, by repeating the last column or row: the codecs halve the colours' sides.
CCStatus cc_create(
    int descriptor, const char *container, int32_t width, int32_t height, int32_t rate_numerator, int32_t rate_denominator, CCWriter **writer,
    CCMessage *message);
// pixels: [height, width, 3]
CCStatus cc_write(CCWriter *writer, const uint8_t *pixels, CCMessage *message);
CCStatus cc_finish(CCWriter *writer, CCMessage *message);
// Releases the writer, finished or not.
void cc_release(CCWriter *writer);

#ifdef __cplusplus
}
#endif

#endif
