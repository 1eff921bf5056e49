#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>
#include <libavutil/sha.h>

// Values that FFmpeg defines by macros too complex for Swift to import.

static const int seppo_averror_again = AVERROR(EAGAIN);
static const int seppo_averror_end = AVERROR_EOF;
static const int seppo_averror_memory = AVERROR(ENOMEM);
