// Used from CClips alone; this module only carries the path of FFmpeg's headers to the compiler. No library is linked.
