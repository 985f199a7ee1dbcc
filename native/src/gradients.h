// The products of the backward pass that need no order in time, over one chunk of real steps at a time:
// dx and dh0 (gradients at the sums times transposed weights), dW and db (gradients at the sums times inputs).
#pragma once
#include <cstdint>
#include <cstring>

#include "kernels.h"
#include "pack.h"
#include "tile.h"

// The steps begin .. end that are being worked on; `index` says which buffer holds them.
struct Chunk {
    const BackwardArgs& a;
    int64_t begin, end;
    int64_t index;

    bool next() {
        if (begin == 0) return false;
        end = begin;
        int64_t count = a.plan.active[--begin];
        while (begin > 0 && count + a.plan.active[begin - 1] <= kChunkRows) count += a.plan.active[--begin];
        ++index;
        return true;
    }
    int64_t rows() const { return a.plan.start[end - 1] + a.plan.active[end - 1] - a.plan.start[begin]; }
    bool is_first() const { return index == 1; }
    float* d_sums() const { return a.d_sums[index & 1]; }
    // Of a step in the chunk, or of the first one after it.
    float* d_sum_at(int64_t step, int64_t row, int64_t record) const {
        if (step < end) return d_sums() + (a.plan.start[step] - a.plan.start[begin] + row) * record;
        return a.d_sums[~index & 1] + row * record;
    }
};

template <class V, class Cell>
struct TransposedProduct {
    static constexpr int L = V::kLanes, S = Cell::kSums;

    // acc += (gradients at the sums) W, for the columns of panels p .. p + N.
    template <int R, int N>
    static GATEWORK_INLINE void add(typename V::Reg (&acc)[R][N], const float* (&row)[R], int64_t pitch, int64_t panels,
                                    const float* packed, int64_t p) {
        const float* weights = packed + p * L * panels * S * L;
        for (int64_t k = 0; k < panels; ++k) {
            accumulate<V, Straight<N>>(acc, row, S * L, weights);
            weights += S * L * N * L;
            for (int r = 0; r < R; ++r) row[r] += pitch;
        }
    }
};

template <class V, class Cell>
struct Products {
    using Reg = typename V::Reg;
    static constexpr int L = V::kLanes, S = Cell::kSums, G = Cell::kGates;

    const BackwardArgs& a;
    const Share share;
    const int64_t I = a.input_size, H = a.hidden_size, width = I + H, panels = panel_count<V>(H);
    const Range columns = share_of<V>(width, V::kRows, share.index, share.count);  // of [x, h]
    const bool has_bias = share.index == 0;
    StepRow* const rows = a.step_rows + share.index * a.chunk_rows;
    float* const bias_sums = a.d_packed + panels * width * S * L;

    void add(const Chunk& chunk) const {
        list_rows(chunk);
        if (a.pass.dx.data) {
            transposed(chunk, a.packed_ih, I, 4, share_of<V>(chunk.rows(), 1, share.index, share.count),
                       [&](int64_t at) { return rows[at].dx; });
        }
        for (int64_t p = 0; a.pass.dweight_ih && p < panels; ++p) {
            const float* d_sum = chunk.d_sums() + p * a.chunk_rows * S * L;
            if (has_bias) add_bias(chunk, d_sum, bias_sums + p * S * L);
            float* packed = a.d_packed + p * width * S * L;
            outer(chunk, inputs(), d_sum, packed, [&](int64_t n) { return rows[n].x; });
            outer(chunk, hiddens(), d_sum, packed, [&](int64_t n) { return rows[n].h - I; });
        }
    }

    // After the last chunk, which holds the gradients at the sums of step 0 first.
    void finish(const Chunk& chunk) const {
        transposed(chunk, a.packed_hh, H, a.group_panels, share_of<V>(a.plan.rows, 1, share.index, share.count),
                   [&](int64_t at) { return a.pass.dh0 + a.plan.order[at] * H; });
        if (a.pass.dweight_ih) unpack();
    }

    void list_rows(const Chunk& chunk) const {
        StepRow* out = rows;
        for (int64_t s = chunk.begin; s < chunk.end; ++s) {
            for (int64_t row = 0; row < a.plan.active[s]; ++row, ++out) {
                const int64_t b = a.plan.order[row], t = a.reverse ? a.plan.length[row] - 1 - s : s;
                const int64_t before = a.reverse ? t + 1 : t - 1;
                out->x = a.pass.x.data + t * a.pass.x.step + b * a.pass.x.row;
                out->h = s > 0       ? a.pass.y.data + before * a.pass.y.step + b * a.pass.y.row
                         : a.pass.h0 ? a.pass.h0 + b * H
                                     : a.zeros;
                out->dx = a.pass.dx.data ? a.pass.dx.data + t * a.pass.dx.step + b * a.pass.dx.row : nullptr;
            }
        }
    }

    // out(row) = (gradients at the sums of the row) W for all `size` columns.
    template <class Out>
    void transposed(const Chunk& chunk, const float* packed, int64_t size, int64_t group, Range range,
                    const Out& out) const {
        const int64_t all = panel_count<V>(size);
        for (int64_t p = 0; p < all; p += group) {
            with_size(
                static_cast<int>(all - p < group ? all - p : group),
                [&](auto n) {
                    for_blocks<V::kRows>(range.end - range.begin, [&](int64_t first, auto block) {
                        transposed_block<block.value, n.value>(chunk, packed, size, p, range.begin + first, out);
                    });
                },
                Size<4>{});
        }
    }

    template <int R, int N, class Out>
    void transposed_block(const Chunk& chunk, const float* packed, int64_t size, int64_t p, int64_t first,
                          const Out& out) const {
        Reg acc[R][N];
        const float* row[R];
        for (int r = 0; r < R; ++r) {
            row[r] = chunk.d_sums() + (first + r) * S * L;
            for (int v = 0; v < N; ++v) acc[r][v] = V::zero();
        }
        TransposedProduct<V, Cell>::template add<R, N>(acc, row, a.chunk_rows * S * L, panels, packed, p);
        for (int r = 0; r < R; ++r) {
            float* to = out(first + r);
            for (int v = 0; v < N; ++v) V::store_first(to + (p + v) * L, acc[r][v], lanes_of<V>(p + v, size));
        }
    }

    Range inputs() const { return {columns.begin, columns.end < I ? columns.end : I}; }
    Range hiddens() const { return {columns.begin > I ? columns.begin : I, columns.end}; }

    // packed[k] += sum over rows n of row(n)[k] * d_sum[n], for the columns k of `range`; the first chunk sets it.
    template <class RowOf>
    void outer(const Chunk& chunk, Range range, const float* d_sum, float* packed, const RowOf& row_of) const {
        if (range.begin >= range.end) return;
        for_blocks<V::kRows>(range.end - range.begin, [&](int64_t first, auto size) {
            outer_block<size.value>(chunk, range.begin + first, d_sum, packed, row_of);
        });
    }

    template <int R, class RowOf>
    void outer_block(const Chunk& chunk, int64_t k, const float* d_sum, float* packed, const RowOf& row_of) const {
        const int64_t count = chunk.rows();
        Reg acc[R][S];
        float* out = packed + k * S * L;
        for (int r = 0; r < R; ++r) {
            for (int v = 0; v < S; ++v) acc[r][v] = chunk.is_first() ? V::zero() : V::load(out + (r * S + v) * L);
        }
        for (int64_t n = 0; n < count; ++n, d_sum += S * L) {
            const float* row = row_of(n) + k;
            Reg d[S];
#pragma GCC unroll 8
            for (int v = 0; v < S; ++v) d[v] = V::load(d_sum + v * L);
#pragma GCC unroll 8
            for (int r = 0; r < R; ++r) {
                const Reg x = V::set(row[r]);
#pragma GCC unroll 8
                for (int v = 0; v < S; ++v) acc[r][v] = V::fma(x, d[v], acc[r][v]);
            }
        }
        for (int r = 0; r < R; ++r) {
            for (int v = 0; v < S; ++v) V::store(out + (r * S + v) * L, acc[r][v]);
        }
    }

    static void add_bias(const Chunk& chunk, const float* d_sum, float* out) {
        const int64_t count = chunk.rows();
        Reg acc[S];
        for (int v = 0; v < S; ++v) acc[v] = chunk.is_first() ? V::zero() : V::load(out + v * L);
        for (int64_t n = 0; n < count; ++n, d_sum += S * L) {
            for (int v = 0; v < S; ++v) acc[v] = V::add(acc[v], V::load(d_sum + v * L));
        }
        for (int v = 0; v < S; ++v) V::store(out + v * L, acc[v]);
    }

    void unpack() const {
        for (int64_t p = 0; p < panels; ++p) {
            const float* packed = a.d_packed + p * width * S * L;
            unpack(packed, p, inputs(), Cell::kInput, a.pass.dweight_ih, I, 0);
            unpack(packed, p, hiddens(), Cell::kHidden, a.pass.dweight_hh, H, I);
            if (has_bias) unpack_bias(bias_sums + p * S * L, p);
        }
    }

    // Columns `range` of [x, h] of one panel to their places in a (G*H, size) matrix that begins at column `origin`.
    void unpack(const float* packed, int64_t p, Range range, const int (&slots)[G], float* out, int64_t size,
                int64_t origin) const {
        const int lanes = lanes_of<V>(p, H);
        for (int64_t k = range.begin; k < range.end; k += L) {
            const int64_t count = range.end - k < L ? range.end - k : L;
            for (int g = 0; g < G; ++g) {
                copy_transposed<V>(packed + (k * S + slots[g]) * L, S * L, count,
                                   out + (g * H + p * L) * size + k - origin, size, lanes);
            }
        }
    }

    void unpack_bias(const float* sums, int64_t p) const {
        for (int g = 0; g < G; ++g) {
            for (int l = 0; l < lanes_of<V>(p, H); ++l) {
                const int64_t row = g * H + p * L + l;
                if (a.pass.dbias_ih) a.pass.dbias_ih[row] = sums[Cell::kInput[g] * L + l];
                if (a.pass.dbias_hh) a.pass.dbias_hh[row] = sums[Cell::kHidden[g] * L + l];
            }
        }
    }
};
