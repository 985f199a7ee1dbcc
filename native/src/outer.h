// Sums over real steps of products of two rows: gradients at weights.
#pragma once
#include <cstdint>

#include "tile.h"

template <class V>
struct Outer {
    using Reg = typename V::Reg;
    static constexpr int L = V::kLanes;
    static constexpr int64_t kSteps =
        96;  // of the gradients, that the nearest cache holds while columns pass over them

    const int64_t count;  // real steps
    const bool is_first;  // set, rather than add

    // out[k] += sum over n of row_of(n)[k] * d[n], for the columns k of `range`. d: [count] records of `stride`
    // vectors, of which the first G are read; out: [k][G][lanes].
    template <int G, class RowOf>
    GATEWORK_INLINE void add(Range range, const float* d, int64_t stride, float* out, const RowOf& row_of) const {
        for (int64_t begin = 0; range.begin < range.end && begin < count; begin += kSteps) {
            const int64_t end = begin + kSteps < count ? begin + kSteps : count;
            for_blocks<V::kRows>(range.end - range.begin, [&](int64_t first, auto size) {
                block<size.value, G>(range.begin + first, begin, end, d, stride, out, row_of);
            });
        }
    }

    template <int R, int G, class RowOf>
    GATEWORK_INLINE void block(int64_t k, int64_t begin, int64_t end, const float* d, int64_t stride, float* out,
                               const RowOf& row_of) const {
        Reg acc[R][G];
        out += k * G * L;
        const bool fresh = is_first && begin == 0;
        for (int r = 0; r < R; ++r) {
            for (int v = 0; v < G; ++v) acc[r][v] = fresh ? V::zero() : V::load(out + (r * G + v) * L);
        }
        d += begin * stride * L;
        for (int64_t n = begin; n < end; ++n, d += stride * L) {
            const float* row = row_of(n) + k;
            Reg at[G];
#pragma GCC unroll 8
            for (int v = 0; v < G; ++v) at[v] = V::load(d + v * L);
#pragma GCC unroll 8
            for (int r = 0; r < R; ++r) {
                const Reg x = V::set(row[r]);
#pragma GCC unroll 8
                for (int v = 0; v < G; ++v) acc[r][v] = V::fma(x, at[v], acc[r][v]);
            }
        }
        for (int r = 0; r < R; ++r) {
            for (int v = 0; v < G; ++v) V::store(out + (r * G + v) * L, acc[r][v]);
        }
    }

    // out[v] += sum over n of d[n][v], for all `stride` vectors.
    void sum(const float* d, int64_t stride, float* out) const {
        for (int64_t v = 0; v < stride; ++v) {
            Reg acc = is_first ? V::zero() : V::load(out + v * L);
            for (int64_t n = 0; n < count; ++n) acc = V::add(acc, V::load(d + (n * stride + v) * L));
            V::store(out + v * L, acc);
        }
    }

    // out += sum over n of d[n] * x[n], for one vector of each record.
    void sum_products(const float* d, int64_t d_record, const float* x, int64_t x_record, float* out) const {
        Reg acc = is_first ? V::zero() : V::load(out);
        for (int64_t n = 0; n < count; ++n) acc = V::fma(V::load(d + n * d_record), V::load(x + n * x_record), acc);
        V::store(out, acc);
    }
};
