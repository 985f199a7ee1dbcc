// The GRU whose reset acts before the recurrent weights of the candidate: a step takes two products. The first leaves
// the gates and hands over the reset h of a whole row; the second, over all of it, is that of a projection.
#pragma once
#include <cstdint>

#include "cells.h"
#include "kernels.h"
#include "pack.h"
#include "pointwise.h"

template <class V>
struct Reset {
    using Reg = typename V::Reg;
    using On = GruBefore::On<V>;
    static constexpr int L = V::kLanes, T = GruBefore::kTape, S = GruBefore::kSums;

    static Reg read(const float* h, const float* scale, int64_t p, int lanes) {
        const Reg at = V::load_first(h + p * L, lanes);
        return scale ? V::mul(at, V::load_first(scale + p * L, lanes)) : at;
    }

    static void update(const ForwardArgs& a, const Row* row, int64_t count, int64_t p, const float* sums) {
        const int lanes = lanes_of<V>(p, a.model.H);
        const int64_t pitch = a.record_rows * a.record_slots * L;
        for (int64_t r = 0; r < count; ++r, sums += S * L) {
            Reg sum[S], tape[T];
            for (int v = 0; v < S; ++v) sum[v] = V::load(sums + v * L);
            const Reg handed = On::reset(sum, V::load_first(row[r].operand + p * L, lanes), tape);
            for (int v = 0; v < T; ++v) V::store(row[r].record + p * pitch + v * L, tape[v]);
            V::store_first(row[r].shown + p * L, handed, lanes);
        }
    }

    static void finish(const ForwardArgs& a, const Row* row, int64_t count, int64_t p, const float* product,
                       int64_t stride) {
        const int64_t pitch = a.record_rows * a.record_slots * L;
        for (int64_t r = 0; r < count; ++r) {
            float* record = row[r].record + p * pitch;
            Reg tape[T];
            for (int v = 0; v < T; ++v) tape[v] = V::load(record + v * L);
            const Reg h_before = V::load_first(row[r].before + p * L, lanes_of<V>(p, a.model.H));
            const Reg h = On::update(tape, V::load(product + r * stride), h_before);
            V::store(record + (T - 1) * L, tape[T - 1]);
            store_trace<V, GruBefore>(a, row[r], p, tape);
            emit<V>(a.model, row[r], p, h);
        }
    }

    // From the gradient at h to those at the sums of z and n; of a whole row, the latter leads on.
    static void take_in(const BackwardArgs& a, const BackRow* row, int64_t count, int64_t p, const float* dh,
                        int64_t stride) {
        const Model& m = a.model;
        const int lanes = lanes_of<V>(p, m.H);
        const int64_t pitch = a.plan.rows * L, tape_pitch = a.plan.total * T * L;
        for (int64_t r = 0; r < count; ++r) {
            const BackRow& at = row[r];
            Reg tape[T], d_sum[S], straight, direct;
            for (int v = 0; v < T; ++v) tape[v] = V::load(at.tape + p * tape_pitch + v * L);
            const Reg up = ::take_in<V>(m, at, p, pitch, V::load(dh + r * stride), straight);
            On::gradient(tape, V::load_first(at.before + p * L, lanes), up, direct, d_sum);
            V::store(at.direct + p * pitch, V::add(straight, direct));
            V::store_first(at.dh + p * L, d_sum[On::kN], lanes);
            float* out = at.d_sum + p * a.chunk_rows * gradient_slots(m) * L;
            for (int v = On::kZ; v <= On::kN; ++v) V::store(out + v * L, V::keep_first(d_sum[v], lanes));
        }
    }

    // From the gradient at what was handed over to that at the sum of r.
    static void gradient(const BackwardArgs& a, const BackRow* row, int64_t count, int64_t p, const float* d_handed,
                         int64_t stride) {
        const Model& m = a.model;
        const int lanes = lanes_of<V>(p, m.H);
        const int64_t pitch = a.plan.rows * L, tape_pitch = a.plan.total * T * L;
        for (int64_t r = 0; r < count; ++r) {
            const BackRow& at = row[r];
            const Reg gate = V::load(at.tape + p * tape_pitch), h_read = read(at.before, at.scale, p, lanes);
            Reg d_read, handed;
            const Reg d_r = On::reset_gradient(gate, h_read, V::load(d_handed + r * stride), d_read, handed);
            float* direct = at.direct + p * pitch;
            if (at.scale) d_read = V::mul(d_read, V::load_first(at.scale + p * L, lanes));
            V::store(direct, V::add(V::load(direct), d_read));
            V::store(at.d_sum + p * a.chunk_rows * gradient_slots(m) * L, V::keep_first(d_r, lanes));
            V::store(at.shown + p * a.chunk_rows * L, V::keep_first(handed, lanes));
        }
    }
};
