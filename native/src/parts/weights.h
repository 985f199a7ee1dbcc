// Weights as B operands. Columns of tiles that one product makes together lie together:
//   [group][block of k][column of tiles of the group][plane][16 pairs of k][16 columns][2 of k]
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "../vec/avx512.h"
#include "layout.h"

namespace parts {

// One half of a block of k for 16 units: pairs of k that begin at `at`. weight: `units` (<= 16) rows of `pitch` floats,
// of which `depth` (<= 16) count.
template <class E>
GATEWORK_INLINE void pack_units(const float* weight, int64_t pitch, int units, int64_t depth, Bf16* at) {
    const __mmask16 mask = first_lanes(depth);
    Reg tile[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
        tile[i] = i < units ? _mm512_maskz_loadu_ps(mask, weight + i * pitch) : _mm512_setzero_ps();
    }
    Avx512::transpose(tile);
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) E::store_pair(tile[i], tile[i + 1], at + i * kColumns);
}

// For sums = (x or h) W^T: one panel of 16 hidden units, as `gates` of the `width` columns of tiles of its group.
//   weight  (gates * H, depth), row-major
//   blocks  (gates) which of the row blocks of the weights each column of tiles is
//   packed  the panel's first column of tiles in the first block of k of its group: panel i of a group begins
//           i * gates * kBlock<E> after the group, which has block_count(depth) * width * kBlock<E> Bf16s
template <class E>
GATEWORK_INLINE void pack_panel(const float* weight, int64_t H, int64_t depth, int gates, const int* blocks,
                                int64_t panel, int64_t width, Bf16* packed) {
    const int64_t left = H - panel * kColumns;
    const int units = static_cast<int>(left < kColumns ? left : kColumns);
    for (int64_t k = 0; k < depth; k += kDepth, packed += width * kBlock<E>) {
        for (int g = 0; g < gates; ++g) {
            const float* from = weight + (blocks[g] * H + panel * kColumns) * depth + k;
            Bf16* to = packed + g * kBlock<E>;
            pack_units<E>(from, depth, units, depth - k, to);
            pack_units<E>(from + kColumns, depth, units, depth - k - kColumns, to + kTile / 2);
        }
    }
}

// For gradients at x or h = (gradients at the sums) W: one group, the columns of `width` panels of x or h from panel
// `first` on.
//   weight  (gates * H, columns), row-major
//   blocks  (gates) which of the row blocks of the weights each gate's sum belongs to
//   packed  block_count(16 * gates * panels of H) * width * kBlock<E> Bf16s
// k runs over [panel of H][gate][lane], as the gradients at the sums do.
template <class E>
GATEWORK_INLINE void pack_columns(const float* weight, int64_t H, int64_t columns, int gates, const int* blocks,
                                  int64_t first, int64_t width, Bf16* packed) {
    const int64_t vectors = (H + kColumns - 1) / kColumns * gates;
    for (int64_t v = 0; v < (vectors + 1) / kVectors * kVectors; ++v) {
        const int64_t unit = v / gates * kColumns;
        const int64_t left = v < vectors ? H - unit : 0, units = left < kColumns ? left : kColumns;
        const float* from = weight + (blocks[v % gates] * H + unit) * columns + first * kColumns;
        Bf16* to = packed + v / kVectors * width * kBlock<E> + v % kVectors * (kTile / 2);
        for (int64_t i = 0; i < kColumns; i += 2, from += 2 * columns) {
            for (int64_t c = 0; c < width; ++c) {
                const __mmask16 mask = first_lanes(columns - (first + c) * kColumns);
                const Reg even = _mm512_maskz_loadu_ps(i < units ? mask : 0, from + c * kColumns);
                const Reg odd = _mm512_maskz_loadu_ps(i + 1 < units ? mask : 0, from + c * kColumns + columns);
                E::store_pair(even, odd, to + c * kBlock<E> + i * kColumns);
            }
        }
    }
}

}  // namespace parts
