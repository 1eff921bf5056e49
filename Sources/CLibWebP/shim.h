// Used from CImages alone; this module only carries the paths of libwebp to the compiler and the linker.
