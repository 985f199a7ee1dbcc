// Products of gradients at the sums with transposed weights.
#pragma once
#include <cstdint>
#include <cstring>

#include "tile.h"

// A product of rows, which lie in `pieces` pieces of `depth` floats at a distance, with N panels of columns.
template <class V, int N>
struct TransposedProduct {
    static constexpr int L = V::kLanes;

    const float* weights;  // [pieces][depth][N x lanes]
    int64_t depth, pitch, pieces;
    int last;         // units in each vector of the last piece: past them are zeros
    int64_t columns;  // that are real, or more

    // out: [count][N x lanes]; count at most kGroupRows.
    template <class RowOf>
    GATEWORK_INLINE void set(int64_t count, float* out, const RowOf& row_of) const {
        std::memset(out, 0, sizeof(float) * static_cast<size_t>(count * N * L));
        with_lanes<V>(columns - (N - 1) * L, [&](auto last_vector) {
            using Last = decltype(last_vector);
            const int64_t at_once = kPiece < depth ? 1 : kPiece / depth;
            for (int64_t k = 0; k < pieces; k += at_once) {
                const int64_t end = k + at_once < pieces ? k + at_once : pieces;
                if constexpr (kAreSame<Last, V>) {
                    add<V, V::kRows, N>(count, k, end, 0, out, row_of);
                } else {
                    if constexpr (N > 1) add<V, V::kRows, N - 1>(count, k, end, 0, out, row_of);
                    add<Last, Last::kColumnRows, 1>(count, k, end, N - 1, out, row_of);
                }
            }
        });
    }

private:
    // Of the pieces k .. end, and of M panels from `first` on.
    template <class W, int kMost, int M, class RowOf>
    GATEWORK_INLINE void add(int64_t count, int64_t k, int64_t end, int64_t first, float* out,
                             const RowOf& row_of) const {
        for_blocks<kMost>(count, [&](int64_t i, auto block) {
            constexpr int R = block.value;
            typename W::Reg acc[R][M];
            const float* row[R];
            for (int r = 0; r < R; ++r) {
                row[r] = row_of(i + r) + k * pitch;
                for (int v = 0; v < M; ++v) acc[r][v] = W::load(out + ((i + r) * N + first + v) * L);
            }
            for (int64_t j = k; j < end; ++j) {
                const bool is_partial = last < L && j + 1 == pieces;
                const int64_t wide = is_partial ? L : depth, real = is_partial ? last : depth;
                for (int64_t v = 0; v < depth; v += wide) {
                    const float* from[R];
                    for (int r = 0; r < R; ++r) from[r] = row[r] + v;
                    accumulate<W>(acc, from, real, weights + ((j * depth + v) * N + first) * L, N * L);
                }
                for (int r = 0; r < R; ++r) row[r] += pitch;
            }
            for (int r = 0; r < R; ++r) {
                for (int v = 0; v < M; ++v) W::store(out + ((i + r) * N + first + v) * L, acc[r][v]);
            }
        });
    }
};
