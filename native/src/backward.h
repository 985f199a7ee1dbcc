// The backward pass of any cell: one thread's part of it. The recurrence is here, the products in gradients.h.
#pragma once
#include <cstdint>

#include "cells.h"
#include "gradients.h"
#include "kernels.h"
#include "pack.h"
#include "tile.h"

template <class V, class Cell>
struct BackwardRecurrence {
    using Reg = typename V::Reg;
    static constexpr int L = V::kLanes, S = Cell::kSums, T = Cell::kTape;
    static constexpr int kCarried = T - 1;  // the carried state is the last thing on the tape

    const BackwardArgs& a;
    const Part& part;
    const int64_t panels = panel_count<V>(a.hidden_size);
    const Range mine = share_of<V>(panels, a.group_panels, part.slice, part.slices);
    BackRow* const scratch = a.scratch + (part.group * part.slices + part.slice) * a.scratch_rows;

    int64_t rows_at(int64_t step) const { return (a.plan.active[step] - part.group + part.groups - 1) / part.groups; }
    int64_t row_of(int64_t i) const { return part.group + i * part.groups; }
    int64_t d_sum_pitch() const { return a.chunk_rows * S * L; }
    int64_t tape_pitch() const { return a.plan.total * T * L; }
    int64_t carried_pitch() const { return a.plan.rows * L; }

    void scan(const Chunk& chunk) const {
        for (int64_t s = chunk.end - 1; s >= chunk.begin; --s) {
            const int64_t n = rows_at(s), going_on = rows_at(s + 1);
            list_rows(s, n, chunk);
            if (part.barrier && s + 1 < a.plan.steps) wait_at(*part.barrier);
            for (int64_t p = mine.begin; p < mine.end; p += a.group_panels) {
                const int64_t width = mine.end - p < a.group_panels ? mine.end - p : a.group_panels;
                with_size(
                    static_cast<int>(width),
                    [&](auto group) {
                        for_blocks<V::kRows>(going_on, [&](int64_t first, auto size) {
                            step<size.value, group.value, true>(scratch + first, p);
                        });
                        for_blocks<V::kRows>(n - going_on, [&](int64_t first, auto size) {
                            step<size.value, group.value, false>(scratch + going_on + first, p);
                        });
                    },
                    Size<4>{});
            }
        }
    }

    void list_rows(int64_t s, int64_t n, const Chunk& chunk) const {
        for (int64_t i = 0; i < n; ++i) {
            const int64_t row = row_of(i), b = a.plan.order[row];
            const int64_t t = a.reverse ? a.plan.length[row] - 1 - s : s;
            BackRow& out = scratch[i];
            out.next = s + 1 == a.plan.length[row] ? nullptr : chunk.d_sum_at(s + 1, row, S * L);
            out.tape = a.pass.tape + (a.plan.start[s] + row) * T * L;
            out.before = s > 0 ? a.pass.tape + (a.plan.start[s - 1] + row) * T * L : nullptr;
            out.c0 = a.pass.c0 ? a.pass.c0 + b * a.hidden_size : nullptr;
            out.dy = a.pass.dy.data ? a.pass.dy.data + t * a.pass.dy.step + b * a.pass.dy.row : nullptr;
            out.dh_n = a.pass.dh_n ? a.pass.dh_n + b * a.hidden_size : nullptr;
            out.d_sum = chunk.d_sum_at(s, row, S * L);
            out.carried = a.carried + row * L;
        }
    }

    // The gradient at h of `N` panels from p on, and from it the gradient at their sums.
    template <int R, int N, bool GoingOn>
    void step(const BackRow* row, int64_t p) const {
        Reg dh[R][N];
        for (int r = 0; r < R; ++r) {
            for (int v = 0; v < N; ++v) {
                dh[r][v] = GoingOn || !row[r].dh_n
                               ? V::zero()
                               : V::load_first(row[r].dh_n + (p + v) * L, lanes_of<V>(p + v, a.hidden_size));
            }
        }
        if (GoingOn) {
            const float* next[R];
            for (int r = 0; r < R; ++r) next[r] = row[r].next;
            TransposedProduct<V, Cell>::template add<R, N>(dh, next, d_sum_pitch(), panels, a.packed_hh, p);
        }
        for (int v = 0; v < N; ++v) {
            const int lanes = lanes_of<V>(p + v, a.hidden_size);
            for (int r = 0; r < R; ++r) finish(row[r], p + v, lanes, dh[r][v]);
        }
    }

    GATEWORK_INLINE void finish(const BackRow& row, int64_t p, int lanes, Reg dh) const {
        if (row.dy) dh = V::add(dh, V::load_first(row.dy + p * L, lanes));
        Reg tape[T], d_sum[S];
        for (int v = 0; v < T; ++v) tape[v] = V::load(row.tape + p * tape_pitch() + v * L);
        const Reg before = row.before ? V::load(row.before + p * tape_pitch() + kCarried * L)
                           : row.c0   ? V::load_first(row.c0 + p * L, lanes)
                                      : V::zero();
        float* carried = row.carried + p * carried_pitch();
        Reg dc = V::load(carried);
        Cell::template gradient<V>(tape, before, dh, dc, d_sum);
        V::store(carried, dc);
        float* out = row.d_sum + p * d_sum_pitch();
        // Lanes past the end must be zero, not merely finite times a zero weight: an infinity in x makes them NaN.
        for (int v = 0; v < S; ++v) V::store(out + v * L, lanes == L ? d_sum[v] : V::keep_first(d_sum[v], lanes));
    }

    void load_carried() const {
        each_carried([&](float* carried, int64_t at, int lanes) {
            V::store(carried, a.pass.dc_n ? V::load_first(a.pass.dc_n + at, lanes) : V::zero());
        });
    }
    void store_carried() const {
        each_carried([&](const float* carried, int64_t at, int lanes) {
            V::store_first(a.pass.dc0 + at, V::load(carried), lanes);
        });
    }
    template <class Body>
    void each_carried(const Body& body) const {
        for (int64_t i = 0; i < rows_at(0); ++i) {
            const int64_t row = row_of(i), b = a.plan.order[row];
            for (int64_t p = mine.begin; p < mine.end; ++p) {
                body(a.carried + p * carried_pitch() + row * L, b * a.hidden_size + p * L,
                     lanes_of<V>(p, a.hidden_size));
            }
        }
    }
};

template <class V, class Cell>
struct BackwardScan {
    static void run(const BackwardArgs& a, const Part* part, Share share) {
        const Part none{0, 1, 0, 1, nullptr};
        const BackwardRecurrence<V, Cell> recurrence{a, part ? *part : none};
        const Products<V, Cell> products{a, share};
        if (part) recurrence.load_carried();
        Chunk chunk{a, a.plan.steps, a.plan.steps, 0};
        while (chunk.next()) {
            if (part) recurrence.scan(chunk);
            if (a.everyone) wait_at(*a.everyone);
            products.add(chunk);
        }
        if (part) recurrence.store_carried();
        products.finish(chunk);
    }
};
