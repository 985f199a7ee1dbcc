// The first eight of sixteen floats, by the instructions of AVX-512 for shorter vectors: the same bits as those lanes
// of Avx512, in half the time where vectors of sixteen take the arithmetic units twice or side by side (Zen 4; not
// Intel). Not Avx2: its functions, compiled anew for AVX-512, could be linked into the kernels of that.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "../hash.h"

struct Avx512Half {
    using Reg = __m256;
    static constexpr bool kSplits = false;
    static constexpr int kLanes = 16;  // from one vector in memory to the next
    static constexpr int kHalf = 0;
    static constexpr int kRows = 6;
    static constexpr int kColumnRows = 8;  // of a tile one vector wide

    static __mmask8 mask(int n) { return static_cast<__mmask8>((1u << n) - 1u); }
    static Reg zero() { return _mm256_setzero_ps(); }
    static Reg set(float x) { return _mm256_set1_ps(x); }
    static Reg load(const float* p) { return _mm256_loadu_ps(p); }
    static void store(float* p, Reg a) { _mm256_storeu_ps(p, a); }
    static Reg load_first(const float* p, int n) { return _mm256_maskz_loadu_ps(mask(n), p); }
    static void store_first(float* p, Reg a, int n) { _mm256_mask_storeu_ps(p, mask(n), a); }
    static Reg keep_first(Reg a, int n) { return _mm256_maskz_mov_ps(mask(n), a); }
    static Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
    static Reg sub(Reg a, Reg b) { return _mm256_sub_ps(a, b); }
    static Reg mul(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
    static Reg inverse(Reg b) {  // see Avx512
        const Reg r = _mm256_rcp14_ps(b);
        return fma(r, _mm256_fnmadd_ps(b, r, set(1.0f)), r);
    }
    static Reg div(Reg a, Reg b) { return mul(a, inverse(b)); }
    static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
    static Reg min(Reg a, Reg b) { return _mm256_min_ps(a, b); }
    static Reg max(Reg a, Reg b) { return _mm256_max_ps(a, b); }
    static Reg select_le(Reg a, Reg b, Reg yes, Reg no) {
        return _mm256_mask_blend_ps(_mm256_cmp_ps_mask(a, b, _CMP_LE_OQ), no, yes);
    }
    static Reg hits(uint32_t row, uint32_t first, uint32_t threshold) {
        const __m256i unit =
            _mm256_add_epi32(_mm256_set1_epi32(static_cast<int>(first)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        __m256i x = _mm256_add_epi32(_mm256_set1_epi32(static_cast<int>(row)),
                                     _mm256_mullo_epi32(unit, _mm256_set1_epi32(static_cast<int>(kHashStep))));
        x = _mm256_xor_si256(x, _mm256_srli_epi32(x, 16));
        x = _mm256_mullo_epi32(x, _mm256_set1_epi32(static_cast<int>(kHashFirst)));
        x = _mm256_xor_si256(x, _mm256_srli_epi32(x, 15));
        x = _mm256_mullo_epi32(x, _mm256_set1_epi32(static_cast<int>(kHashSecond)));
        x = _mm256_xor_si256(x, _mm256_srli_epi32(x, 16));
        const __mmask8 below = _mm256_cmplt_epu32_mask(x, _mm256_set1_epi32(static_cast<int>(threshold)));
        return _mm256_maskz_mov_ps(below, set(1.0f));
    }
    static Reg pow2_of_low_bits(Reg shifted) {
        const __m256i n = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
        return _mm256_castsi256_ps(_mm256_add_epi32(n, _mm256_set1_epi32(127 << 23)));
    }
};
