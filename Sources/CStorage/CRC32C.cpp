// The cyclic redundancy check with Castagnoli's polynomial (RFC 3720, appendix B.4), by the processor's own instruction where it has one.

#include "CStorage.h"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace {

using Tables = std::array<std::array<uint32_t, 256>, 8>;

/// Of eight bytes at a time ("slicing by eight").
constexpr Tables make_tables() {
    Tables tables{};
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
        tables[0][byte] = crc;
    }
    for (size_t slice = 1; slice < 8; slice++)
        for (uint32_t byte = 0; byte < 256; byte++) {
            const uint32_t before = tables[slice - 1][byte];
            tables[slice][byte] = before >> 8 ^ tables[0][before & 0xff];
        }
    return tables;
}

constexpr Tables tables = make_tables();

uint64_t word(const uint8_t *from) {
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--) word = word << 8 | from[i];
    return word;
}

uint32_t by_tables(uint32_t crc, const uint8_t *bytes, int64_t count) {
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t mixed = word(bytes) ^ crc;
        crc = 0;
        for (int slice = 7; slice >= 0; slice--, mixed >>= 8) crc ^= tables[slice][mixed & 0xff];
    }
    for (; count > 0; bytes++, count--) crc = crc >> 8 ^ tables[0][(crc ^ *bytes) & 0xff];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t by_instruction(uint32_t crc, const uint8_t *bytes, int64_t count) {
    uint64_t state = crc;
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        std::memcpy(&word, bytes, sizeof word);
        state = __builtin_ia32_crc32di(state, word);
    }
    crc = static_cast<uint32_t>(state);
    for (; count > 0; bytes++, count--) crc = __builtin_ia32_crc32qi(crc, *bytes);
    return crc;
}

bool has_instruction() { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__ARM_FEATURE_CRC32)
uint32_t by_instruction(uint32_t crc, const uint8_t *bytes, int64_t count) {
    for (; count >= 8; bytes += 8, count -= 8) crc = __crc32cd(crc, word(bytes));
    for (; count > 0; bytes++, count--) crc = __crc32cb(crc, *bytes);
    return crc;
}

bool has_instruction() { return true; }
#else
uint32_t by_instruction(uint32_t crc, const uint8_t *bytes, int64_t count) { return by_tables(crc, bytes, count); }

bool has_instruction() { return false; }
#endif

}  // namespace

uint32_t cs_crc32c(uint32_t crc, const void *bytes, int64_t count, bool by_table) {
    const auto *first = static_cast<const uint8_t *>(bytes);
    return ~(by_table || !has_instruction() ? by_tables(~crc, first, count) : by_instruction(~crc, first, count));
}
