// Sixteen floats, AVX-512 (F, VL, BW, DQ).
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "../hash.h"
#include "avx512_half.h"

struct Avx512 {
    using Reg = __m512;
    static constexpr int kPanelStep = 1;    // panels that threads share hidden units by
    static constexpr bool kSplits = false;  // see amx/
    static constexpr int kLanes = 16;
    using Half = Avx512Half;
    static constexpr int kHalf = 8;  // lanes that it computes; see with_lanes
    static constexpr int kRows = 6;  // 6 x 4 accumulators + 4 weights, broadcasts from memory: 28 of 32 registers

    static __mmask16 mask(int n) { return static_cast<__mmask16>((1u << n) - 1u); }
    static Reg zero() { return _mm512_setzero_ps(); }
    static Reg set(float x) { return _mm512_set1_ps(x); }
    static Reg load(const float* p) { return _mm512_loadu_ps(p); }
    static void store(float* p, Reg a) { _mm512_storeu_ps(p, a); }
    static Reg load_first(const float* p, int n) { return _mm512_maskz_loadu_ps(mask(n), p); }
    static void store_first(float* p, Reg a, int n) { _mm512_mask_storeu_ps(p, mask(n), a); }
    static Reg keep_first(Reg a, int n) { return _mm512_maskz_mov_ps(mask(n), a); }
    static Reg add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
    static Reg sub(Reg a, Reg b) { return _mm512_sub_ps(a, b); }
    static Reg mul(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
    // The 14-bit reciprocal and one correction leave an error of 2^-28 before the last rounding. |b| stays within
    // 2^-125 .. 2^127, as all divisors in math.h do.
    static Reg inverse(Reg b) {
        const Reg r = _mm512_rcp14_ps(b);
        return fma(r, _mm512_fnmadd_ps(b, r, set(1.0f)), r);
    }
    static Reg div(Reg a, Reg b) { return mul(a, inverse(b)); }  // two roundings, in a fifth of the time of a division
    static float total(Reg a) { return _mm512_reduce_add_ps(a); }
    static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
    static Reg min(Reg a, Reg b) { return _mm512_min_ps(a, b); }
    static Reg max(Reg a, Reg b) { return _mm512_max_ps(a, b); }
    static Reg select_le(Reg a, Reg b, Reg yes, Reg no) {  // where a <= b
        return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LE_OQ), no, yes);
    }
    // 1 where the bits of units first, first + 1, ... lie below the threshold, else 0 (hash.h).
    static Reg hits(uint32_t row, uint32_t first, uint32_t threshold) {
        const __m512i unit = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(first)),
                                              _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
        __m512i x = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(row)),
                                     _mm512_mullo_epi32(unit, _mm512_set1_epi32(static_cast<int>(kHashStep))));
        x = _mm512_xor_si512(x, _mm512_srli_epi32(x, 16));
        x = _mm512_mullo_epi32(x, _mm512_set1_epi32(static_cast<int>(kHashFirst)));
        x = _mm512_xor_si512(x, _mm512_srli_epi32(x, 15));
        x = _mm512_mullo_epi32(x, _mm512_set1_epi32(static_cast<int>(kHashSecond)));
        x = _mm512_xor_si512(x, _mm512_srli_epi32(x, 16));
        const __mmask16 below = _mm512_cmplt_epu32_mask(x, _mm512_set1_epi32(static_cast<int>(threshold)));
        return _mm512_maskz_mov_ps(below, set(1.0f));
    }
    static Reg pow2_of_low_bits(Reg shifted) {
        const __m512i n = _mm512_slli_epi32(_mm512_castps_si512(shifted), 23);
        return _mm512_castsi512_ps(_mm512_add_epi32(n, _mm512_set1_epi32(127 << 23)));
    }
    static void transpose(Reg (&rows)[kLanes]) {
        Reg pairs[16], quads[16];  // quads[4 i + j] holds columns j, 4 + j, 8 + j, 12 + j of rows 4 i .. 4 i + 3
        for (int i = 0; i < 16; i += 2) {
            pairs[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
            pairs[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
        }
        for (int i = 0; i < 16; i += 4) {
            for (int j = 0; j < 2; ++j) {
                const __m512d low = _mm512_castps_pd(pairs[i + j]), high = _mm512_castps_pd(pairs[i + j + 2]);
                quads[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
                quads[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
            }
        }
        for (int j = 0; j < 4; ++j) {  // each is four quarters; the four of a column come together
            const Reg even = _mm512_shuffle_f32x4(quads[j], quads[4 + j], 0x88);
            const Reg odd = _mm512_shuffle_f32x4(quads[j], quads[4 + j], 0xdd);
            const Reg even2 = _mm512_shuffle_f32x4(quads[8 + j], quads[12 + j], 0x88);
            const Reg odd2 = _mm512_shuffle_f32x4(quads[8 + j], quads[12 + j], 0xdd);
            rows[j] = _mm512_shuffle_f32x4(even, even2, 0x88);
            rows[4 + j] = _mm512_shuffle_f32x4(odd, odd2, 0x88);
            rows[8 + j] = _mm512_shuffle_f32x4(even, even2, 0xdd);
            rows[12 + j] = _mm512_shuffle_f32x4(odd, odd2, 0xdd);
        }
    }
};
