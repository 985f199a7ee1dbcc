// Products of floats rounded to bfloat16, summed in float32: two products a lane in the time of one (AVX512-BF16).
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "../parts/layout.h"

namespace dots {

using namespace parts;

struct Engine {
    static constexpr int kPlanes = 1;
    static constexpr bool kAddsToSums = true;   // products see what was stored just before
    static constexpr int kTileRows = 6;         // 6 x 4 sums and 4 weights: 28 of 32 registers
    static constexpr int64_t kPieceBlocks = 4;  // blocks of k whose weights stay in the nearest cache
    struct Session {};

    static GATEWORK_INLINE void configure(int) {}

    static GATEWORK_INLINE __m256i rounded(Reg a) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(a)); }

    // 16 k of one row of an A operand.
    static GATEWORK_INLINE void store_row(Reg a, Bf16* at, int64_t) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), rounded(a));
    }
    // 16 columns of two adjacent k of a B operand.
    static GATEWORK_INLINE void store_pair(Reg even, Reg odd, Bf16* at) {
        const __m512i low = _mm512_cvtepu16_epi32(rounded(even));
        const __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(rounded(odd)), 16);
        _mm512_storeu_si512(at, _mm512_or_si512(low, high));
    }

    // c (+)= a b. Each sum is added up in one order, whatever the other rows are.
    //   a  row r begins at a + r / 16 * a_pitch + r % 16 * 32; its next block of k lies a_plane further
    //   b  N columns of tiles: [blocks] of [N][16 pairs of k][16 columns][2 of k], b_pitch Bf16s apart
    //   c  [rows] of [N][16] floats, c_pitch floats apart
    template <int N, Start kStart>
    static void multiply(bool, const Bf16* a, int64_t a_plane, int64_t a_pitch, int64_t rows, const Bf16* b,
                         int64_t blocks, int64_t b_pitch, float* c, int64_t c_pitch) {
        for (int64_t k = 0; k == 0 || k < blocks; k += kPieceBlocks) {
            const int64_t size = blocks - k < kPieceBlocks ? blocks - k : kPieceBlocks;
            const bool adds = kStart == Start::kSums || k > 0;
            for_blocks<kTileRows>(rows, [&](int64_t first, auto count) {
                constexpr int R = count.value;
                const Bf16* from[R];
                for (int r = 0; r < R; ++r) {
                    from[r] = a + (first + r) / kRows * a_pitch + (first + r) % kRows * kDepth + k * a_plane;
                }
                block<R, N>(adds, from, a_plane, b + k * b_pitch, size, b_pitch, c + first * c_pitch, c_pitch);
            });
        }
    }

private:
    template <int R, int N>
    static GATEWORK_INLINE void block(bool adds, const Bf16* (&rows)[R], int64_t a_plane, const Bf16* b, int64_t blocks,
                                      int64_t b_pitch, float* c, int64_t c_pitch) {
        Reg sums[R][N];
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
            for (int n = 0; n < N; ++n) {
                sums[r][n] = adds ? _mm512_loadu_ps(c + r * c_pitch + n * kColumns) : _mm512_setzero_ps();
            }
        }
        for (int64_t k = 0; k < blocks; ++k, b += b_pitch) {
            for (int64_t pair = 0; pair < kRows; ++pair) {
                __m512bh weights[N];
#pragma GCC unroll 8
                for (int n = 0; n < N; ++n) {
                    const Bf16* at = b + n * kTile + pair * kDepth;
                    weights[n] = reinterpret_cast<__m512bh>(_mm512_loadu_ps(at));
                }
#pragma GCC unroll 8
                for (int r = 0; r < R; ++r) {
                    const auto row =
                        reinterpret_cast<__m512bh>(_mm512_set1_ps(pair_at(rows[r] + k * a_plane + 2 * pair)));
#pragma GCC unroll 8
                    for (int n = 0; n < N; ++n) sums[r][n] = _mm512_dpbf16_ps(sums[r][n], weights[n], row);
                }
            }
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
            for (int n = 0; n < N; ++n) _mm512_storeu_ps(c + r * c_pitch + n * kColumns, sums[r][n]);
        }
    }

    static GATEWORK_INLINE float pair_at(const Bf16* at) {
        float pair;
        __builtin_memcpy(&pair, at, sizeof pair);
        return pair;
    }
};

}  // namespace dots
