// Arrow is used from CArrow alone; this module only carries its paths to the compiler and the linker.
