// The forward pass of any cell: one thread's part of it.
#pragma once
#include <cstdint>
#include <cstring>

#include "cells.h"
#include "kernels.h"
#include "pack.h"
#include "tile.h"

template <class V, class Cell>
struct ForwardScan {
    using Reg = typename V::Reg;
    static constexpr int L = V::kLanes, S = Cell::kSums, G = Cell::kGates;

    const ForwardArgs& a;
    const Part& part;
    const int64_t panels = panel_count<V>(a.hidden_size);
    const Range mine = share_of<V>(panels, 1, part.slice, part.slices);
    const int64_t rows = rows_at(0);
    Row* const scratch = a.scratch + (part.group * part.slices + part.slice) * a.scratch_rows;

    int64_t rows_at(int64_t step) const {  // of this part, alive at the step
        return (a.plan.active[step] - part.group + part.groups - 1) / part.groups;
    }
    int64_t row_of(int64_t i) const { return part.group + i * part.groups; }
    int64_t time(int64_t row, int64_t step) const { return a.reverse ? a.plan.length[row] - 1 - step : step; }
    const float* panel(int64_t p) const { return a.packed + p * panel_floats<V, Cell>(a.input_size, a.hidden_size); }

    static void run(const ForwardArgs& args, const Part& part) {
        if (args.plan.steps > 0) ForwardScan{args, part}.scan();
    }

    void scan() const {
        load_carried();
        const int64_t chunk = a.chunk_steps > 0 ? a.chunk_steps : 1;
        for (int64_t begin = 0; begin < a.plan.steps; begin += chunk) {
            const int64_t end = begin + chunk < a.plan.steps ? begin + chunk : a.plan.steps;
            const int64_t count = list_rows(begin, end);
            if (a.chunk_steps > 0) project_inputs(count);
            const Row* at = scratch;
            for (int64_t s = begin; s < end; ++s) {
                if (part.barrier && s > 0) wait_at(*part.barrier);
                const int64_t n = rows_at(s);
                for (int64_t p = mine.begin; p < mine.end; ++p) {
                    for_blocks<V::kRows>(n, [&](int64_t first, auto size) { step<size.value>(at + first, p); });
                }
                at += n;
            }
        }
        store_final();
    }

    int64_t list_rows(int64_t begin, int64_t end) const {
        Row* out = scratch;
        for (int64_t s = begin; s < end; ++s) {
            const int64_t n = rows_at(s);
            for (int64_t i = 0; i < n; ++i, ++out) {
                const int64_t row = row_of(i), b = a.plan.order[row], t = time(row, s);
                const int64_t before = a.reverse ? t + 1 : t - 1;
                out->x = a.pass.x.data + t * a.pass.x.step + b * a.pass.x.row;
                out->y = a.pass.y.data + t * a.pass.y.step + b * a.pass.y.row;
                out->h = s == 0 ? (a.pass.h0 ? a.pass.h0 + b * a.hidden_size : a.zeros)
                                : a.pass.y.data + before * a.pass.y.step + b * a.pass.y.row;
                const int64_t position =
                    a.keep_tape ? a.plan.start[s] + row : (part.group * a.scratch_rows + (out - scratch));
                out->record = a.record_rows ? a.records + position * a.record_slots * L : nullptr;
                out->carried = a.carried + row * L;
            }
        }
        return out - scratch;
    }

    int64_t record_pitch() const { return a.record_rows * a.record_slots * L; }
    int64_t carried_pitch() const { return a.plan.rows * L; }

    void project_inputs(int64_t count) const {
        for (int64_t p = mine.begin; p < mine.end; ++p) {
            for_blocks<V::kRows>(count, [&](int64_t first, auto size) { project<size.value>(scratch + first, p); });
        }
    }

    template <int R>
    void project(const Row* row, int64_t p) const {
        Reg acc[R][S];
        start_from_bias(acc, p);
        add_input(acc, row, p);
        for (int r = 0; r < R; ++r) {
            for (int v = 0; v < S; ++v) V::store(row[r].record + p * record_pitch() + v * L, acc[r][v]);
        }
    }

    template <int R>
    void step(const Row* row, int64_t p) const {
        Reg acc[R][S];
        if (a.chunk_steps > 0) {
            for (int r = 0; r < R; ++r) {
                for (int v = 0; v < S; ++v) acc[r][v] = V::load(row[r].record + p * record_pitch() + v * L);
            }
        } else {
            start_from_bias(acc, p);
            add_input(acc, row, p);
        }
        const float* h[R];
        for (int r = 0; r < R; ++r) h[r] = row[r].h;
        accumulate<V, HiddenSlots<Cell>>(acc, h, a.hidden_size, panel(p) + (S + a.input_size * G) * L);

        const int lanes = lanes_of<V>(p, a.hidden_size);
        for (int r = 0; r < R; ++r) {
            float* carried = row[r].carried + p * carried_pitch();
            Reg c = V::load(carried), out, tape[Cell::kTape];
            Cell::template update<V>(acc[r], c, out, tape);
            V::store(carried, c);
            if (a.keep_tape) {
                float* record = row[r].record + p * record_pitch();
                for (int v = 0; v < Cell::kTape; ++v) V::store(record + v * L, tape[v]);
            }
            float* y = row[r].y + p * L;
            lanes == L ? V::store(y, out) : V::store_first(y, out, lanes);
        }
    }

    template <int R>
    GATEWORK_INLINE void start_from_bias(Reg (&acc)[R][S], int64_t p) const {
        for (int r = 0; r < R; ++r) {
            for (int v = 0; v < S; ++v) acc[r][v] = V::load(panel(p) + v * L);
        }
    }
    template <int R>
    GATEWORK_INLINE void add_input(Reg (&acc)[R][S], const Row* row, int64_t p) const {
        const float* x[R];
        for (int r = 0; r < R; ++r) x[r] = row[r].x;
        accumulate<V, InputSlots<Cell>>(acc, x, a.input_size, panel(p) + S * L);
    }

    void load_carried() const {
        for (int64_t i = 0; i < rows; ++i) {
            const int64_t row = row_of(i), b = a.plan.order[row];
            for (int64_t p = mine.begin; p < mine.end; ++p) {
                const int lanes = lanes_of<V>(p, a.hidden_size);
                V::store(a.carried + p * carried_pitch() + row * L,
                         a.pass.c0 ? V::load_first(a.pass.c0 + b * a.hidden_size + p * L, lanes) : V::zero());
            }
        }
    }
    void store_final() const {
        for (int64_t i = 0; i < rows; ++i) {
            const int64_t row = row_of(i), b = a.plan.order[row], t = time(row, a.plan.length[row] - 1);
            const float* last = a.pass.y.data + t * a.pass.y.step + b * a.pass.y.row;
            for (int64_t p = mine.begin; p < mine.end; ++p) {
                const int lanes = lanes_of<V>(p, a.hidden_size);
                const int64_t at = b * a.hidden_size + p * L;
                V::store_first(a.pass.c_n + at, V::load(a.carried + p * carried_pitch() + row * L), lanes);
                V::store_first(a.pass.h_n + at, V::load_first(last + p * L, lanes), lanes);
            }
        }
    }
};
