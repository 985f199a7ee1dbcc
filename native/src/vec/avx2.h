// Eight floats, AVX2 with FMA.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "../hash.h"

struct Avx2 {
    using Reg = __m256;
    static constexpr int kPanelStep = 1;    // panels that threads share hidden units by
    static constexpr bool kSplits = false;  // see amx/
    static constexpr int kLanes = 8;
    static constexpr int kHalf = 0;  // see with_lanes
    static constexpr int kRows = 3;  // 3 x 4 accumulators + 1 broadcast + weights from memory: 16 registers

    static __m256i mask(int n) {
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    }
    static Reg zero() { return _mm256_setzero_ps(); }
    static Reg set(float x) { return _mm256_set1_ps(x); }
    static Reg load(const float* p) { return _mm256_loadu_ps(p); }
    static void store(float* p, Reg a) { _mm256_storeu_ps(p, a); }
    static Reg load_first(const float* p, int n) { return _mm256_maskload_ps(p, mask(n)); }
    static void store_first(float* p, Reg a, int n) { _mm256_maskstore_ps(p, mask(n), a); }
    static Reg keep_first(Reg a, int n) { return _mm256_and_ps(a, _mm256_castsi256_ps(mask(n))); }
    static Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
    static Reg sub(Reg a, Reg b) { return _mm256_sub_ps(a, b); }
    static Reg mul(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
    static Reg inverse(Reg b) { return div(_mm256_set1_ps(1.0f), b); }
    static Reg div(Reg a, Reg b) { return _mm256_div_ps(a, b); }
    static float total(Reg a) {
        __m128 halves = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
        halves = _mm_add_ps(halves, _mm_movehl_ps(halves, halves));
        return _mm_cvtss_f32(_mm_add_ss(halves, _mm_movehdup_ps(halves)));
    }
    static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
    static Reg min(Reg a, Reg b) { return _mm256_min_ps(a, b); }
    static Reg max(Reg a, Reg b) { return _mm256_max_ps(a, b); }
    static Reg select_le(Reg a, Reg b, Reg yes, Reg no) {
        return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LE_OQ));
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
        // Signed comparison only: both sides shift by 2^31.
        const __m256i flip = _mm256_set1_epi32(INT32_MIN);
        const __m256i below =
            _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(threshold ^ 0x80000000u)), _mm256_xor_si256(x, flip));
        return _mm256_and_ps(set(1.0f), _mm256_castsi256_ps(below));
    }
    static Reg pow2_of_low_bits(Reg shifted) {
        const __m256i n = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
        return _mm256_castsi256_ps(_mm256_add_epi32(n, _mm256_set1_epi32(127 << 23)));
    }
    static void transpose(Reg (&rows)[kLanes]) {
        Reg pairs[8], quads[8];  // quads[4 i + j] holds columns j and 4 + j of rows 4 i .. 4 i + 3
        for (int i = 0; i < 8; i += 2) {
            pairs[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
            pairs[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
        }
        for (int i = 0; i < 8; i += 4) {
            for (int j = 0; j < 2; ++j) {
                const __m256d low = _mm256_castps_pd(pairs[i + j]), high = _mm256_castps_pd(pairs[i + j + 2]);
                quads[i + 2 * j] = _mm256_castpd_ps(_mm256_unpacklo_pd(low, high));
                quads[i + 2 * j + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low, high));
            }
        }
        for (int j = 0; j < 4; ++j) {
            rows[j] = _mm256_permute2f128_ps(quads[j], quads[4 + j], 0x20);
            rows[4 + j] = _mm256_permute2f128_ps(quads[j], quads[4 + j], 0x31);
        }
    }
};
