// How luma and colour differences become red, green and blue, and back.
#ifndef COLOURS_H
#define COLOURS_H

#include "Libraries.h"

// Exact rounding, and a colour for every pixel: by default both are traded for speed.
static const int conversion_flags = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT;

// What the frame says or, where it says nothing, what its size suggests: BT.709 from 720 rows on, BT.601 below, as players guess.
static inline int matrix_of_frame(enum AVColorSpace space, int height) {
    switch (space) {
        case AVCOL_SPC_BT709: return SWS_CS_ITU709;
        case AVCOL_SPC_FCC: return SWS_CS_FCC;
        case AVCOL_SPC_BT470BG:
        case AVCOL_SPC_SMPTE170M: return SWS_CS_ITU601;
        case AVCOL_SPC_SMPTE240M: return SWS_CS_SMPTE240M;
        case AVCOL_SPC_BT2020_NCL:
        case AVCOL_SPC_BT2020_CL: return SWS_CS_BT2020;
        default: return height >= 720 ? SWS_CS_ITU709 : SWS_CS_ITU601;
    }
}

static inline int is_full_range(enum AVColorRange range, int format) {
    switch (format) {
        case AV_PIX_FMT_YUVJ411P:
        case AV_PIX_FMT_YUVJ420P:
        case AV_PIX_FMT_YUVJ422P:
        case AV_PIX_FMT_YUVJ440P:
        case AV_PIX_FMT_YUVJ444P: return 1;
        // Values of grey are luma; unless something else is said, they stand for what they are.
        case AV_PIX_FMT_GRAY8: return range != AVCOL_RANGE_MPEG;
        default: return range == AVCOL_RANGE_JPEG;
    }
}

// The side that is red, green and blue always takes the full range, and ignores the matrix.
static inline void set_colours(const Libraries *av, struct SwsContext *scaler, int matrix, int source_range, int target_range) {
    const int *coefficients = av->sws_getCoefficients(matrix);
    av->sws_setColorspaceDetails(scaler, coefficients, source_range, coefficients, target_range, 0, 1 << 16, 1 << 16);
}

#endif
