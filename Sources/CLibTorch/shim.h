// libtorch is used from CTorch alone; this module only carries its paths to the compiler and the linker.
