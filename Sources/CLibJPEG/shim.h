// Used from CImages alone; this module only carries the paths of libjpeg to the compiler and the linker.
