// FFmpeg's functions by a table of pointers, filled when they are first needed.
#ifndef LIBRARIES_H
#define LIBRARIES_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "include/CClips.h"

#if LIBAVFORMAT_VERSION_MAJOR < 59
#error "FFmpeg 5 or newer is needed"
#endif

#define AVUTIL_FUNCTIONS(F) \
    F(av_dict_free) F(av_dict_set) F(av_frame_alloc) F(av_frame_free) F(av_frame_get_buffer) F(av_frame_get_side_data) F(av_frame_make_writable) \
    F(av_frame_unref) F(av_free) F(av_freep) F(av_log_set_level) F(av_malloc) F(av_pix_fmt_desc_get) F(av_strdup) F(av_strerror)
#define AVCODEC_FUNCTIONS(F) \
    F(av_packet_alloc) F(av_packet_free) F(av_packet_rescale_ts) F(av_packet_unref) F(avcodec_alloc_context3) F(avcodec_find_decoder) \
    F(avcodec_find_encoder_by_name) F(avcodec_free_context) F(avcodec_get_name) F(avcodec_open2) F(avcodec_parameters_from_context) \
    F(avcodec_parameters_to_context) F(avcodec_receive_frame) F(avcodec_receive_packet) F(avcodec_send_frame) F(avcodec_send_packet)
#define AVFORMAT_FUNCTIONS(F) \
    F(av_find_best_stream) F(av_guess_frame_rate) F(av_interleaved_write_frame) F(av_read_frame) F(av_write_trailer) F(avformat_alloc_context) \
    F(avformat_alloc_output_context2) F(avformat_close_input) F(avformat_find_stream_info) F(avformat_free_context) F(avformat_new_stream) \
    F(avformat_open_input) F(avformat_write_header) F(avio_alloc_context) F(avio_context_free) F(avio_flush)
#define SWSCALE_FUNCTIONS(F) F(sws_freeContext) F(sws_getCachedContext) F(sws_getCoefficients) F(sws_scale) F(sws_setColorspaceDetails)

typedef struct Libraries {
#define DECLARE(name) __typeof__(&name) name;
    AVUTIL_FUNCTIONS(DECLARE) AVCODEC_FUNCTIONS(DECLARE) AVFORMAT_FUNCTIONS(DECLARE) SWSCALE_FUNCTIONS(DECLARE)
#if LIBAVFORMAT_VERSION_MAJOR >= 61
    DECLARE(av_packet_side_data_get)
#else
    DECLARE(av_stream_get_side_data)
#endif
#undef DECLARE
} Libraries;

// NULL, with the reason, where they cannot be loaded. On any thread.
const Libraries *libraries(CCMessage *message);

CCStatus cc_fail(CCMessage *message, CCStatus status, const char *text);
// By a library's error code.
CCStatus cc_fail_code(const Libraries *av, CCMessage *message, int code, const char *what);

#endif
