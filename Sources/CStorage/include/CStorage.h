// What files and memory need of C.
#ifndef CSTORAGE_H
#define CSTORAGE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// CRC-32C of what was checked before (crc, 0 for nothing) with more bytes; `by_table` sets the processor's instruction aside, for tests.
uint32_t cs_crc32c(uint32_t crc, const void *bytes, int64_t count, bool by_table);

// Whether malloc hands freed memory back to the kernel at once (glibc; elsewhere nothing happens).
void cs_allocator_keep_memory(void);
void cs_allocator_return_memory(void);

#ifdef __cplusplus
}
#endif
#endif
