#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "Libraries.h"

static Libraries table;
static bool is_loaded;
static CCMessage failure;
static pthread_once_t once = PTHREAD_ONCE_INIT;

// By the name that carries the version whose headers were compiled: another one may lay out its structures differently.
static void *open_library(const char *name, int version) {
    char file[128];
#ifdef __APPLE__
    static const char *const folders[] = {"", "/opt/homebrew/lib/", "/usr/local/lib/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(file, sizeof file, "%slib%s.%d.dylib", folders[i], name, version);
        void *found = dlopen(file, RTLD_NOW | RTLD_LOCAL);
        if (found) return found;
    }
#else
    snprintf(file, sizeof file, "lib%s.so.%d", name, version);
    void *found = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (found) return found;
#endif
    const char *reason = dlerror();
    snprintf(failure.text, sizeof failure.text, "%s", reason ? reason : file);
    return NULL;
}

static bool find(void *library, const char *name, void *function) {
    void *found = dlsym(library, name);
    if (!found) snprintf(failure.text, sizeof failure.text, "%s is missing in it", name);
    memcpy(function, &found, sizeof found);
    return found != NULL;
}

static void load(void) {
    void *util = open_library("avutil", LIBAVUTIL_VERSION_MAJOR);
    void *codec = util ? open_library("avcodec", LIBAVCODEC_VERSION_MAJOR) : NULL;
    void *format = codec ? open_library("avformat", LIBAVFORMAT_VERSION_MAJOR) : NULL;
    void *scale = format ? open_library("swscale", LIBSWSCALE_VERSION_MAJOR) : NULL;
    if (!scale) return;
    bool all = true;
#define FIND_IN(library, name) all = all && find(library, #name, &table.name);
#define FIND(name) FIND_IN(util, name)
    AVUTIL_FUNCTIONS(FIND)
#undef FIND
#define FIND(name) FIND_IN(codec, name)
    AVCODEC_FUNCTIONS(FIND)
#undef FIND
#define FIND(name) FIND_IN(format, name)
    AVFORMAT_FUNCTIONS(FIND)
#undef FIND
#define FIND(name) FIND_IN(scale, name)
    SWSCALE_FUNCTIONS(FIND)
#undef FIND
#if LIBAVFORMAT_VERSION_MAJOR >= 61
    FIND_IN(codec, av_packet_side_data_get)
#else
    FIND_IN(format, av_stream_get_side_data)
#endif
    if (!all) return;
    table.av_log_set_level(AV_LOG_QUIET);
    is_loaded = true;
}

const Libraries *libraries(CCMessage *message) {
    pthread_once(&once, load);
    if (is_loaded) return &table;
    *message = failure;
    return NULL;
}

CCStatus cc_fail(CCMessage *message, CCStatus status, const char *text) {
    snprintf(message->text, sizeof message->text, "%s", text);
    return status;
}

CCStatus cc_fail_code(const Libraries *av, CCMessage *message, int code, const char *what) {
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    av->av_strerror(code, text, sizeof text);
    snprintf(message->text, sizeof message->text, "%s: %s", what, text);
    switch (code) {
        case AVERROR(ENOMEM): return CCStatusNoMemory;
        case AVERROR(EIO):
        case AVERROR(ENOSPC): return CCStatusFile;
        case AVERROR_DECODER_NOT_FOUND:
        case AVERROR_DEMUXER_NOT_FOUND:
        case AVERROR_ENCODER_NOT_FOUND:
        case AVERROR_MUXER_NOT_FOUND:
        case AVERROR_PATCHWELCOME: return CCStatusUnsupported;
        default: return CCStatusDamaged;
    }
}
