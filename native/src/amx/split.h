// Floats as sums of three bfloat16, and the two ways in which operands hold them.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "tiles.h"

namespace amx {

constexpr int kPlanes = 3;

// The nearest float with 8 significant bits, ties away from zero; |a| at most the largest bfloat16.
GATEWORK_INLINE Reg leading(Reg a) {
    const __m512i rounded = _mm512_add_epi32(_mm512_castps_si512(a), _mm512_set1_epi32(0x8000));
    return _mm512_castsi512_ps(_mm512_and_si512(rounded, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
}

// a = part[0] + part[1] + part[2] exactly, each a bfloat16 in the upper half of a float. What exceeds the largest
// bfloat16 (3.39e38, 0.4% below the largest float), infinities too, becomes that: it saturates a gate as infinity does,
// and meets a zero weight without NaN. A NaN is still one in the last part. The hardware takes parts below 2^-126 as
// zero.
GATEWORK_INLINE void split(Reg a, Reg (&part)[kPlanes]) {
    const Reg largest = _mm512_castsi512_ps(_mm512_set1_epi32(0x7f7f0000));
    const Reg least = _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(0xff7f0000u)));
    a = _mm512_max_ps(least, _mm512_min_ps(largest, a));  // in this order of operands NaN stays
    part[0] = leading(a);
    a = _mm512_sub_ps(a, part[0]);
    part[1] = leading(a);
    part[2] = _mm512_sub_ps(a, part[1]);
}

// 16 k of one row of an A operand; `at` is their place in plane 0, and the planes lie `pitch` apart.
GATEWORK_INLINE void store_row(const Reg (&part)[kPlanes], Bf16* at, int64_t pitch = kTile) {
    const __m512i upper_halves = _mm512_set_epi16(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1, 31, 29, 27,
                                                  25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
#pragma GCC unroll 3
    for (int plane = 0; plane < kPlanes; ++plane) {
        const __m512i halves = _mm512_permutexvar_epi16(upper_halves, _mm512_castps_si512(part[plane]));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(at + plane * pitch), _mm512_castsi512_si256(halves));
    }
}

// 16 columns of two adjacent k of a B operand; `at` is their place in plane 0.
GATEWORK_INLINE void store_pair(const Reg (&even)[kPlanes], const Reg (&odd)[kPlanes], Bf16* at) {
#pragma GCC unroll 3
    for (int plane = 0; plane < kPlanes; ++plane) {
        const __m512i low = _mm512_srli_epi32(_mm512_castps_si512(even[plane]), 16);
        const __m512i pair = _mm512_mask_blend_epi16(0xaaaaaaaau, low, _mm512_castps_si512(odd[plane]));
        _mm512_storeu_si512(at + plane * kTile, pair);
    }
}

GATEWORK_INLINE void store_pair(Reg even, Reg odd, Bf16* at) {
    Reg first[kPlanes], second[kPlanes];
    split(even, first);
    split(odd, second);
    store_pair(first, second, at);
}

}  // namespace amx
