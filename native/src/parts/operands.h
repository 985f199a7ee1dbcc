// Operands made from activations and gradients. Layouts: layout.h.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "../vec/avx512.h"
#include "layout.h"

namespace parts {

// For the outer products of weight gradients the sum runs over rows n, 32 to a block.
//
// The A operand: columns first .. first + width of `count` rows, as
//   [tile of 16 columns][block of n][plane][16 columns][32 n]
// row_of(n): column 0 of row n; a: operand_parts<E>(count) for each tile of columns, all of it is written.
template <class E, class RowOf>
GATEWORK_INLINE void put_columns(const RowOf& row_of, int64_t count, int64_t first, int64_t width, Bf16* a) {
    const int64_t pitch = operand_parts<E>(count);
    for (int64_t n = 0; n < block_count(count) * kDepth; n += kColumns) {
        Bf16* block = a + n / kDepth * kBlock<E> + n % kDepth;
        for (int64_t k = 0; k < width; k += kColumns, block += pitch) {
            const __mmask16 mask = first_lanes(width - k);
            Reg tile[16];
#pragma GCC unroll 16
            for (int i = 0; i < 16; ++i) {
                tile[i] = n + i < count ? _mm512_maskz_loadu_ps(mask, row_of(n + i) + first + k) : _mm512_setzero_ps();
            }
            Avx512::transpose(tile);
#pragma GCC unroll 16
            for (int i = 0; i < 16; ++i) {
                E::store_row(tile[i], block + i * kDepth, kTile);
            }
        }
    }
}

// The B operand: `width` vectors of each of `count` rows, as
//   [block of n][vector][plane][16 pairs of n][16 lanes][2 of n]
// d: row n at d + n * pitch floats; b: operand_parts<E>(count) for each vector, all of it is written.
template <class E>
GATEWORK_INLINE void put_pairs(const float* d, int64_t pitch, int64_t count, int64_t width, Bf16* b) {
    for (int64_t n = 0; n < block_count(count) * kDepth; n += 2) {
        const __mmask16 even = n < count ? 0xffff : 0, odd = n + 1 < count ? 0xffff : 0;
        Bf16* pair = b + n / kDepth * width * kBlock<E> + n % kDepth * kColumns;
        for (int64_t v = 0; v < width; ++v) {
            const float* at = d + n * pitch + v * kColumns;
            E::store_pair(_mm512_maskz_loadu_ps(even, at), _mm512_maskz_loadu_ps(odd, at + pitch),
                          pair + v * kBlock<E>);
        }
    }
}

}  // namespace parts
