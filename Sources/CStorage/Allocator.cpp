// The habits of glibc's allocator.

#include "CStorage.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

void cs_allocator_keep_memory(void) {
#ifdef __GLIBC__
    // Activations of several megabytes are freed and wanted again at every step; by default glibc maps and unmaps each of them,
    // and the kernel zeroes the pages anew every time.
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, 2147483647);
    mallopt(M_TOP_PAD, 16 << 20);
    // What one thread frees must be there for the next.
    mallopt(M_ARENA_MAX, 1);
#endif
}

void cs_allocator_return_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
