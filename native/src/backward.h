// The backward pass of any cell: one thread's part of it. The recurrence is here, the products in gradients.h.
#pragma once
#include <cstdint>

#include "gradients.h"
#include "kernels.h"
#include "pack.h"
#include "tile.h"
#include "transposed.h"

template <class V>
struct BackwardRecurrence {
    using Reg = typename V::Reg;
    static constexpr int L = V::kLanes;

    const BackwardArgs& a;
    const Pointwise& pointwise;
    const Part& part;
    const Model& m = a.model;
    const int64_t slots = gradient_slots(m);
    const int64_t panels = panel_count<V>(m.H);
    const int64_t all = panel_count<V>(m.R);  // panels of the h that the recurrent weights read
    const Range mine = share_of<V>(all, sharing_step(), part.slice, part.slices);
    BackRow* const scratch = a.scratch + (part.group * part.slices + part.slice) * a.scratch_rows;

    int64_t sharing_step() const { return V::kPanelStep > a.group_panels ? V::kPanelStep : a.group_panels; }
    int64_t rows_at(int64_t step) const { return (a.plan.active[step] - part.group + part.groups - 1) / part.groups; }
    int64_t row_of(int64_t i) const { return part.group + i * part.groups; }
    int64_t pitch() const { return a.plan.rows * L; }

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
                        for_groups<V>(going_on, [&](int64_t first, int64_t size) {
                            step<group.value>(scratch + first, size, p, true);
                        });
                        for_groups<V>(n - going_on, [&](int64_t first, int64_t size) {
                            step<group.value>(scratch + going_on + first, size, p, false);
                        });
                    },
                    Size<4>{});
            }
            if (m.second) unproject(n);
            if (m.norm) pointwise.gradient_rows(a, scratch, n);
        }
    }

    void list_rows(int64_t s, int64_t n, const Chunk& chunk) const {
        const int64_t tape = m.cell.tape * L;
        for (int64_t i = 0; i < n; ++i) {
            const int64_t row = row_of(i), b = a.plan.order[row];
            const int64_t t = m.reverse ? a.plan.length[row] - 1 - s : s, before = m.reverse ? t + 1 : t - 1;
            BackRow& out = scratch[i];
            out.next =
                s + 1 == a.plan.length[row] ? nullptr : chunk.d_sum_at(s + 1, row, slots * L) + m.cell.hidden * L;
            out.tape = a.pass.tape + (a.plan.start[s] + row) * tape;
            out.tape_before = s > 0 ? a.pass.tape + (a.plan.start[s - 1] + row) * tape : nullptr;
            out.c0 = a.pass.c0 ? a.pass.c0 + b * m.H : nullptr;
            out.before = s > 0       ? a.pass.y.data + before * a.pass.y.step + b * a.pass.y.row
                         : a.pass.h0 ? a.pass.h0 + b * m.R
                                     : a.zeros;
            out.scale = a.pass.recurrent_scale ? a.pass.recurrent_scale + b * m.R : nullptr;
            out.dy = a.pass.dy.data ? a.pass.dy.data + t * a.pass.dy.step + b * a.pass.dy.row : nullptr;
            out.dh_n = a.pass.dh_n ? a.pass.dh_n + b * m.R : nullptr;
            out.d_sum = chunk.d_sum_at(s, row, slots * L);
            out.carried = a.carried + row * L;
            out.direct = a.direct ? a.direct + row * L : nullptr;
            out.dh = by_row(m) ? chunk.row_in(a.dh, s, row, m.R) : nullptr;
            out.stats = a.stats ? a.stats + (a.plan.start[s] + row) * kNormStats : nullptr;
            out.shown = m.second ? chunk.row_in(a.shown, s, row, L) : nullptr;
            if constexpr (V::kSplits) {
                const int64_t at = a.plan.start[s] - a.plan.start[chunk.begin] + row, now = chunk.index & 1;
                out.split = {a.split[now] + at * 32, a.split_rows * 32};
                out.split_input = {a.split_input[now] + at * 32, a.split_rows * 32};
            }
            out.time_and_row = mask_row(m, t, b);
        }
    }

    // The gradient at h of N panels from p on, and what follows from it at their sums.
    template <int N>
    void step(const BackRow* row, int64_t count, int64_t p, bool going_on) const {
        alignas(64) float dh[kGroupRows<V> * N * L];
        if (!going_on) {
            for (int64_t i = 0; i < count * N; ++i) V::store(dh + i * L, V::zero());
        } else {
            const TransposedProduct<V, N> product{a.packed_hh + p * L * panels * m.cell.gates * L,
                                                  m.cell.gates * L,
                                                  a.chunk_rows * slots * L,
                                                  panels,
                                                  lanes_of<V>(panels - 1, m.H),
                                                  m.R - p * L};
            product.set(count, dh, [&](int64_t i) { return row[i].next; });
        }
        const auto finish = by_row(m) ? pointwise.take_in : pointwise.gradient;
        for (int v = 0; v < N; ++v) finish(a, row, count, p + v, dh + v * L, N * L);
    }

    // Back through the second product, and on to the sums.
    void unproject(int64_t count) const {
        alignas(64) float dh[kGroupRows<V> * 4 * L];
        for (int64_t p = 0; p < panels; p += 4) {
            const int64_t width = panels - p < 4 ? panels - p : 4;
            for_groups<V>(count, [&](int64_t first, int64_t size) {
                const BackRow* row = scratch + first;
                with_size(
                    static_cast<int>(width),
                    [&](auto n) {
                        const TransposedProduct<V, n.value> product{
                            a.packed_hr + p * L * m.R, m.R, 0, 1, L, m.H - p * L};
                        product.set(size, dh, [&](int64_t i) { return row[i].dh; });
                    },
                    Size<4>{});
                const auto go_on = m.norm ? pointwise.keep : pointwise.gradient;
                for (int64_t v = 0; v < width; ++v) go_on(a, row, size, p + v, dh + v * L, width * L);
            });
        }
    }

    void load_carried() const {
        each(m.H, [&](int64_t row, int64_t b, int64_t p, int lanes) {
            if (!m.cell.carries) return;
            V::store(a.carried + p * pitch() + row * L,
                     a.pass.dc_n ? V::load_first(a.pass.dc_n + b * m.H + p * L, lanes) : V::zero());
        });
        each(m.R, [&](int64_t row, int64_t, int64_t p, int) {
            if (a.direct) V::store(a.direct + p * pitch() + row * L, V::zero());
        });
    }
    void store_carried() const {
        each(m.H, [&](int64_t row, int64_t b, int64_t p, int lanes) {
            if (!a.pass.dc0) return;
            V::store_first(a.pass.dc0 + b * m.H + p * L, V::load(a.carried + p * pitch() + row * L), lanes);
        });
    }
    template <class Body>
    void each(int64_t width, const Body& body) const {
        const Range range = share_of<V>(panel_count<V>(width), sharing_step(), part.slice, part.slices);
        for (int64_t i = 0; i < rows_at(0); ++i) {
            const int64_t row = row_of(i), b = a.plan.order[row];
            for (int64_t p = range.begin; p < range.end; ++p) body(row, b, p, lanes_of<V>(p, width));
        }
    }
};

template <class V, int G>
struct BackwardScan {
    static void run(const BackwardArgs& a, const Pointwise& pointwise, const Part* part, Share share) {
        const Part none{0, 1, 0, 1, nullptr};
        const BackwardRecurrence<V> recurrence{a, pointwise, part ? *part : none};
        const Products<V, G> products{a, share};
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
