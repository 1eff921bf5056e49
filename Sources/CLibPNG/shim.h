// Used from CImages alone; this module only carries the paths of libpng to the compiler and the linker.
