// Vectors of numbers for the kernels of this folder, and one compilation of a kernel for each kind of processor.
#ifndef LANES_H
#define LANES_H

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#define INLINE inline __attribute__((always_inline))
#define INLINE_LAMBDA __attribute__((always_inline))
// All of it is inlined into functions for one kind of processor each, so that no vector crosses a call.
#pragma clang diagnostic ignored "-Wpsabi"

namespace {

/// Numbers that are computed at once; the compiler makes one register of them, or several.
template <int N>
using Lanes __attribute__((ext_vector_type(N))) = float;
constexpr int width_of_lanes = 16;
using Wide = Lanes<width_of_lanes>;

template <int N>
INLINE Lanes<N> load(const float *from) {
    Lanes<N> lanes;
    std::memcpy(&lanes, from, sizeof lanes);
    return lanes;
}

template <int N>
INLINE void store(Lanes<N> lanes, float *to) { std::memcpy(to, &lanes, sizeof lanes); }

/// One instruction, unlike the built-in maximum. The second where either is not a number.
template <int N>
INLINE Lanes<N> larger(Lanes<N> a, Lanes<N> b) { return a > b ? a : b; }

template <int N>
INLINE float largest(Lanes<N> lanes) {
    if constexpr (N == 2) return std::max(lanes.x, lanes.y);
    else return largest<N / 2>(larger<N / 2>(lanes.lo, lanes.hi));
}

template <int N>
INLINE float sum(Lanes<N> lanes) {
    if constexpr (N == 2) return lanes.x + lanes.y;
    else return sum<N / 2>(lanes.lo + lanes.hi);
}

/// eˣ to about one unit in the last place, for x ≤ 0.
INLINE Wide exponential(Wide x) {
    using Whole __attribute__((ext_vector_type(width_of_lanes))) = int32_t;
    x = larger<width_of_lanes>(-87.0f, x);
    // Adding 1.5·2²³ leaves the nearest whole number in the last bits.
    const Wide shifted = x * 1.44269504088896341f + 12582912.0f;
    const Wide whole = shifted - 12582912.0f;
    const Wide rest = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    Wide y = rest * 1.9875691500e-4f + 1.3981999507e-3f;
    y = y * rest + 8.3334519073e-3f;
    y = y * rest + 4.1665795894e-2f;
    y = y * rest + 1.6666665459e-1f;
    y = y * rest + 5.0000001201e-1f;
    y = y * (rest * rest) + rest + 1.0f;
    return y * std::bit_cast<Wide>((__builtin_convertvector(whole, Whole) + 127) << 23);
}

/// The functions that `Kernel::run` becomes, one for each kind of processor; it must be inlined.
template <typename Kernel, typename Signature>
struct Compiled;

template <typename Kernel, typename... Arguments>
struct Compiled<Kernel, void(Arguments...)> {
    static void any(Arguments... arguments) { Kernel::run(arguments...); }
#ifdef __x86_64__
    __attribute__((target("arch=x86-64-v3"))) static void avx2(Arguments... arguments) { Kernel::run(arguments...); }
    __attribute__((target("arch=x86-64-v4"))) static void avx512(Arguments... arguments) { Kernel::run(arguments...); }
#endif
};

/// `Kernel::run`, compiled for this processor.
template <typename Kernel>
auto for_this_processor() {
    using Versions = Compiled<Kernel, decltype(Kernel::run)>;
#ifdef __x86_64__
    if (__builtin_cpu_supports("x86-64-v4")) return &Versions::avx512;
    if (__builtin_cpu_supports("x86-64-v3")) return &Versions::avx2;
#endif
    return &Versions::any;
}

}  // namespace

#endif
