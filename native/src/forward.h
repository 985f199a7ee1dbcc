// The forward pass of any cell with G gates: one thread's part of it.
#pragma once
#include <cstdint>
#include <cstring>

#include "kernels.h"
#include "pack.h"
#include "tile.h"

// What scans of any kind share: which rows a thread has, and the state at both ends.
template <class V>
struct ForwardRows {
    static constexpr int L = V::kLanes;

    const ForwardArgs& a;
    const Pointwise& pointwise;
    const Part part;
    const Model& m = a.model;
    const int64_t panels = panel_count<V>(m.H);
    const Range mine = share_of<V>(panels, V::kPanelStep, part.slice, part.slices);
    const int64_t rows = rows_at(0);
    Row* const scratch = a.scratch + (part.group * part.slices + part.slice) * a.scratch_rows;

    int64_t rows_at(int64_t step) const {  // of this part, alive at the step
        return (a.plan.active[step] - part.group + part.groups - 1) / part.groups;
    }
    int64_t row_of(int64_t i) const { return part.group + i * part.groups; }
    int64_t time(int64_t row, int64_t step) const { return m.reverse ? a.plan.length[row] - 1 - step : step; }
    int64_t record_pitch() const { return a.record_rows * a.record_slots * L; }
    int64_t carried_pitch() const { return a.plan.rows * L; }

    int64_t list_rows(int64_t begin, int64_t end) const {
        Row* out = scratch;
        for (int64_t s = begin; s < end; ++s) {
            const int64_t n = rows_at(s);
            for (int64_t i = 0; i < n; ++i, ++out) {
                const int64_t row = row_of(i), b = a.plan.order[row], t = time(row, s);
                const int64_t before = m.reverse ? t + 1 : t - 1;
                out->x = a.pass.x.data + t * a.pass.x.step + b * a.pass.x.row;
                out->y = a.pass.y.data + t * a.pass.y.step + b * a.pass.y.row;
                out->before = s == 0 ? (a.pass.h0 ? a.pass.h0 + b * m.R : a.zeros)
                                     : a.pass.y.data + before * a.pass.y.step + b * a.pass.y.row;
                out->scale = a.pass.recurrent_scale ? a.pass.recurrent_scale + b * m.R : nullptr;
                out->operand = out->scale ? a.operands[s & 1] + row * m.R : out->before;
                out->next_operand = out->scale ? a.operands[~s & 1] + row * m.R : nullptr;
                const int64_t position =
                    a.keep_tape ? a.plan.start[s] + row : (part.group * a.scratch_rows + (out - scratch));
                out->record = a.record_rows ? a.records + position * a.record_slots * L : nullptr;
                out->carried = a.carried + row * L;
                out->stats = a.stats ? a.stats + position * kNormStats : nullptr;
                out->trace =
                    a.pass.trace.data ? a.pass.trace.data + t * a.pass.trace.step + b * a.pass.trace.row : nullptr;
                out->shown = m.second ? a.shown + row * m.H : nullptr;
                out->split = {a.split_h[~s & 1] ? a.split_h[~s & 1] + row * 32 : nullptr, a.split_h_rows * 32};
                out->time_and_row = mask_row(m, t, b);
            }
        }
        return out - scratch;
    }

    void load_carried() const {
        for (int64_t i = 0; i < rows; ++i) {
            const int64_t row = row_of(i), b = a.plan.order[row];
            for (int64_t p = mine.begin; p < mine.end; ++p) {
                const int lanes = lanes_of<V>(p, m.H);
                V::store(a.carried + p * carried_pitch() + row * L,
                         a.pass.c0 ? V::load_first(a.pass.c0 + b * m.H + p * L, lanes) : V::zero());
            }
        }
    }
    void store_final() const {
        for (int64_t i = 0; i < rows; ++i) {
            const int64_t row = row_of(i), b = a.plan.order[row], t = time(row, a.plan.length[row] - 1);
            const float* last = a.pass.y.data + t * a.pass.y.step + b * a.pass.y.row;
            for (int64_t p = mine.begin; p < mine.end; ++p) {
                if (m.cell.carries) {
                    V::store_first(a.pass.c_n + b * m.H + p * L, V::load(a.carried + p * carried_pitch() + row * L),
                                   lanes_of<V>(p, m.H));
                }
                if (p * L < m.R) {  // of a projected h the first slice has more panels than it needs
                    const int lanes = lanes_of<V>(p, m.R);
                    V::store_first(a.pass.h_n + b * m.R + p * L, V::load_first(last + p * L, lanes), lanes);
                }
            }
        }
    }
};

template <class V, int G>
struct ForwardScan : ForwardRows<V> {
    using Base = ForwardRows<V>;
    using Reg = typename V::Reg;
    using Base::a, Base::m, Base::mine, Base::part, Base::pointwise, Base::panels, Base::scratch;
    using Base::L;
    const int S = m.cell.sums;

    const float* panel(int64_t p) const { return a.packed + p * panel_floats<V>(m); }
    const float* input_weights(int64_t p) const { return panel(p) + constant_vectors(m) * L; }
    const float* hidden_weights(int64_t p) const { return input_weights(p) + m.I * G * L; }
    int64_t record_pitch() const { return Base::record_pitch(); }

    static void run(const ForwardArgs& args, const Pointwise& pointwise, const Part& part) {
        if (args.plan.steps > 0) ForwardScan{{args, pointwise, part}}.scan();
    }

    static void one(const ForwardArgs& args, const Pointwise& pointwise, const Row* row) {
        ForwardScan{{args, pointwise, {0, 1, 0, 1, nullptr}}}.all_panels(row, 1);
    }

    void scan() const {
        if (m.cell.carries) this->load_carried();
        const int64_t chunk = a.chunk_steps > 0 ? a.chunk_steps : 1;
        for (int64_t begin = 0; begin < a.plan.steps; begin += chunk) {
            const int64_t end = begin + chunk < a.plan.steps ? begin + chunk : a.plan.steps;
            const int64_t count = this->list_rows(begin, end);
            if (a.chunk_steps > 0) project_inputs(count);
            const Row* at = scratch;
            for (int64_t s = begin; s < end; ++s) {
                if (part.barrier && s > 0) wait_at(*part.barrier);
                const int64_t n = this->rows_at(s);
                all_panels(at, n);
                at += n;
            }
        }
        this->store_final();
    }

    // Calls body with the vector type for panel p.
    template <class Body>
    GATEWORK_INLINE void at_panel(int64_t p, const Body& body) const {
        with_lanes<V>(needed_lanes(m, p, L), body);
    }

    // One step of `count` rows.
    void all_panels(const Row* row, int64_t count) const {
        for (int64_t p = mine.begin; p < mine.end; ++p) {
            at_panel(p, [&](auto vector) {
                for_groups<V>(count,
                              [&](int64_t first, int64_t size) { step<decltype(vector)>(row + first, size, p); });
            });
        }
        if (m.norm) pointwise.update_rows(a, row, count);
        if (m.second) project_hidden(row, count);
    }

    // The input's share of the sums, and the biases, left in the records.
    void project_inputs(int64_t count) const {
        for (int64_t p = mine.begin; p < mine.end; ++p) {
            at_panel(p, [&](auto vector) {
                for_groups<V>(count, [&](int64_t first, int64_t size) {
                    const Row* row = scratch + first;
                    const int64_t at = p * record_pitch() + sums_slot(m) * L;
                    for (int64_t i = 0; i < size; ++i) start_sums(row[i].record + at, p);
                    const auto sums_of = [&](int64_t i) { return row[i].record + at + m.cell.input * L; };
                    add<decltype(vector)>(size, sums_of, m.I, input_weights(p), [&](int64_t i) { return row[i].x; });
                });
            });
        }
    }

    void start_sums(float* sums, int64_t p) const {
        for (int v = 0; v < S; ++v) V::store(sums + v * L, V::load(panel(p) + v * L));
    }

    // The sums of a group of rows at one panel, by vectors W, and what the cell makes of them.
    template <class W>
    void step(const Row* row, int64_t count, int64_t p) const {
        alignas(64) float sums[kGroupRows<V> * 8 * L];
        const bool made = a.chunk_steps > 0;
        if (m.cell.input == m.cell.hidden && m.R <= kPiece) {
            for_blocks<W::kRows>(count, [&](int64_t i, auto block) {
                in_registers<W, block.value>(row + i, p, made, sums + i * S * L);
            });
        } else {
            for (int64_t i = 0; i < count; ++i) {
                const float* from = made ? row[i].record + p * record_pitch() + sums_slot(m) * L : panel(p);
                for (int v = 0; v < S; ++v) W::store(sums + (i * S + v) * L, W::load(from + v * L));
            }
            const auto sums_at = [&](int place) {
                return [&sums, place, this](int64_t i) { return sums + (i * S + place) * L; };
            };
            if (!made) {
                add<W>(count, sums_at(m.cell.input), m.I, input_weights(p), [&](int64_t i) { return row[i].x; });
            }
            add<W>(count, sums_at(m.cell.hidden), m.R, hidden_weights(p), [&](int64_t i) { return row[i].operand; });
        }
        if (!m.norm) return pointwise.update(a, row, count, p, sums);
        for (int64_t i = 0; i < count; ++i) {
            float* to = row[i].record + p * record_pitch() + sums_slot(m) * L;
            for (int v = 0; v < S; ++v) V::store(to + v * L, V::load(sums + (i * S + v) * L));
        }
    }

    template <class W, class SumsOf, class RowOf>
    GATEWORK_INLINE void add(int64_t count, const SumsOf& sums_of, int64_t depth, const float* weights,
                             const RowOf& row_of) const {
        for_pieces(depth, [&](int64_t k, int64_t piece) {
            for_blocks<W::kRows>(count, [&](int64_t i, auto block) {
                constexpr int R = block.value;
                const float* from[R];
                float* to[R];
                for (int r = 0; r < R; ++r) from[r] = row_of(i + r) + k, to[r] = sums_of(i + r);
                add_product<W, R, G>(to, from, piece, weights + k * G * L);
            });
        });
    }

    // Short products need no pieces: the sums stay in registers from the bias on.
    template <class W, int R>
    GATEWORK_INLINE void in_registers(const Row* row, int64_t p, bool made, float* sums) const {
        typename W::Reg acc[R][G];
        const float *x[R], *operand[R];
        for (int r = 0; r < R; ++r) {
            const float* from = made ? row[r].record + p * record_pitch() : panel(p);
            for (int v = 0; v < G; ++v) acc[r][v] = W::load(from + v * L);
            x[r] = row[r].x, operand[r] = row[r].operand;
        }
        if (!made) {
            for_pieces(m.I, [&](int64_t k, int64_t depth) {
                const float* from[R];
                for (int r = 0; r < R; ++r) from[r] = x[r] + k;
                accumulate<W>(acc, from, depth, input_weights(p) + k * G * L);
            });
        }
        accumulate<W>(acc, operand, m.R, hidden_weights(p));
        for (int r = 0; r < R; ++r) {
            for (int v = 0; v < G; ++v) W::store(sums + (r * G + v) * L, acc[r][v]);
        }
    }

    // y = W_hr shown, in groups of up to four panels of y.
    void project_hidden(const Row* row, int64_t count) const {
        const float* packed = a.packed + panels * panel_floats<V>(m);
        const int64_t all = panel_count<V>(m.R);
        alignas(64) float out[kGroupRows<V> * 4 * L];
        for (int64_t p = 0; p < all; p += 4) {
            const int64_t width = all - p < 4 ? all - p : 4;
            const float* weights = packed + p * L * m.H;
            for_groups<V>(count, [&](int64_t first, int64_t size) {
                const Row* group = row + first;
                with_size(
                    static_cast<int>(width),
                    [&](auto n) {
                        constexpr int N = n.value;
                        std::memset(out, 0, sizeof(float) * static_cast<size_t>(size * N * L));
                        for_pieces(m.H, [&](int64_t k, int64_t depth) {
                            for_blocks<V::kRows>(size, [&](int64_t i, auto block) {
                                constexpr int R = block.value;
                                const float* from[R];
                                float* to[R];
                                for (int r = 0; r < R; ++r) {
                                    from[r] = group[i + r].shown + k, to[r] = out + (i + r) * N * L;
                                }
                                add_product<V, R, N>(to, from, depth, weights + k * N * L);
                            });
                        });
                    },
                    Size<4>{});
                for (int64_t v = 0; v < width; ++v) {
                    pointwise.project(a, group, size, p + v, out + v * L, width * L);
                }
            });
        }
    }
};
