// The LSTM with layer norm (Ba et al. 2016, eqs 20-22): its sums and its memory are normalised over all units of a row,
// so a step is finished row by row once every panel has its sums.
//
// Slots of a record: the gates, c, then the sums of the input and those of h, which normalising replaces in place.
// Beside each record of a tape: 1/deviation of the two, and mean and 1/deviation of c.
// Slots of a gradient: at the input's sums, at those of h, at the gates before activation, at shift and factor of c.
#pragma once
#include <cstdint>

#include "cells.h"
#include "kernels.h"
#include "pack.h"
#include "pointwise.h"
#include "tile.h"

template <class V>
GATEWORK_INLINE double total(typename V::Reg a) {
    float lanes[V::kLanes];
    double sum = 0;
    V::store(lanes, a);
    for (int i = 0; i < V::kLanes; ++i) sum += lanes[i];
    return sum;
}

template <class V, class Cell>
struct Norm {
    using Reg = typename V::Reg;
    using On = typename Cell::template On<V>;
    static constexpr int L = V::kLanes, G = Cell::kGates;
    static constexpr int kC = G, kInput = G + 1, kHidden = 2 * G + 1;  // slots of a record
    static constexpr int kDAct = 2 * G, kDShown = 3 * G;               // slots of a gradient
    static constexpr int kIn = 0, kShift = G, kH = 2 * G, kMemory = 3 * G, kMemoryShift = 3 * G + 1;  // constants

    struct Moments {
        float mean, scale;
    };

    // Over `slots` vectors of each of the panels, which lie `pitch` apart.
    static Moments moments(const Model& m, const float* at, int64_t pitch, int slots) {
        const int64_t panels = panel_count<V>(m.H);
        const double count = static_cast<double>(slots * m.H);
        Reg sum = V::zero();
        for (int64_t p = 0; p < panels; ++p) {
            for (int v = 0; v < slots; ++v) {
                sum = V::add(sum, V::keep_first(V::load(at + p * pitch + v * L), lanes_of<V>(p, m.H)));
            }
        }
        const float mean = static_cast<float>(total<V>(sum) / count);
        sum = V::zero();
        for (int64_t p = 0; p < panels; ++p) {
            for (int v = 0; v < slots; ++v) {
                const Reg d = V::keep_first(V::sub(V::load(at + p * pitch + v * L), V::set(mean)), lanes_of<V>(p, m.H));
                sum = V::fma(d, d, sum);
            }
        }
        return {mean, static_cast<float>(1.0 / __builtin_sqrt(total<V>(sum) / count + kNormEpsilon))};
    }

    static Reg normal(Reg x, const Moments& by) { return V::mul(V::sub(x, V::set(by.mean)), V::set(by.scale)); }

    static void finish(const ForwardArgs& a, const Row* rows, int64_t count) {
        for (int64_t r = 0; r < count; ++r) finish(a, rows[r]);
    }

    static void finish(const ForwardArgs& a, const Row& row) {
        const Model& m = a.model;
        const int64_t panels = panel_count<V>(m.H), pitch = a.record_rows * a.record_slots * L;
        const int64_t carried_pitch = a.plan.rows * L;
        const Moments input = moments(m, row.record + kInput * L, pitch, G);
        const Moments hidden = moments(m, row.record + kHidden * L, pitch, G);
        for (int64_t p = 0; p < panels; ++p) {
            const float* constants = a.packed + p * panel_floats<V>(m) + bias_vectors(m) * L;
            const Constants<V> k = constants_of<V>(m, constants);
            const float* by = constants + (m.peephole ? 3 * L : 0);
            float* record = row.record + p * pitch;
            Reg sum[G], gate[G];
            for (int v = 0; v < G; ++v) {
                const Reg x = normal(V::load(record + (kInput + v) * L), input);
                const Reg h = normal(V::load(record + (kHidden + v) * L), hidden);
                V::store(record + (kInput + v) * L, x);
                V::store(record + (kHidden + v) * L, h);
                sum[v] = V::fma(x, V::load(by + (kIn + v) * L), V::load(by + (kShift + v) * L));
                sum[v] = V::fma(h, V::load(by + (kH + v) * L), sum[v]);
            }
            const Reg c = On::remember(k, sum, V::load(row.carried + p * carried_pitch), gate);
            for (int v = 0; v < G; ++v) V::store(record + v * L, gate[v]);
            V::store(record + kC * L, c);
        }
        const Moments memory = moments(m, row.record + kC * L, pitch, 1);
        if (row.stats) {
            row.stats[0] = input.scale, row.stats[1] = hidden.scale;
            row.stats[2] = memory.mean, row.stats[3] = memory.scale;
        }
        for (int64_t p = 0; p < panels; ++p) show(a, row, p, memory, pitch, carried_pitch);
    }

    static void show(const ForwardArgs& a, const Row& row, int64_t p, const Moments& memory, int64_t pitch,
                     int64_t carried_pitch) {
        const Model& m = a.model;
        const float* by = a.packed + p * panel_floats<V>(m) + (bias_vectors(m) + (m.peephole ? 3 : 0)) * L;
        float *record = row.record + p * pitch, *carried = row.carried + p * carried_pitch;
        Reg tape[G + 1];
        for (int v = 0; v <= G; ++v) tape[v] = V::load(record + v * L);
        Reg& c = tape[kC];
        const Reg shown = V::fma(normal(c, memory), V::load(by + kMemory * L), V::load(by + kMemoryShift * L));
        const Reg h = On::show(tape, shown);
        if (m.zone_c.share > 0) {
            c = mix<V>(kept_share<V>(m.zone_c, row.time_and_row, p), V::load(carried), c);
            V::store(record + kC * L, c);
        }
        V::store(carried, c);
        store_trace<V, Cell>(a, row, p, tape);
        if (row.shown) {
            V::store_first(row.shown + p * L, h, lanes_of<V>(p, m.H));
        } else {
            emit<V>(m, row, p, h);
        }
    }

    // The gradient at what a projection read waits where that at shift and factor of c will be.
    static void keep(const BackwardArgs& a, const BackRow* row, int64_t count, int64_t p, const float* dh,
                     int64_t stride) {
        const int64_t at = (p * a.chunk_rows * gradient_slots(a.model) + kDShown) * L;
        for (int64_t r = 0; r < count; ++r) V::store(row[r].d_sum + at, V::load(dh + r * stride));
    }

    // Gradient at x from that at its normal form n: (d - mean(d) - n mean(d n)) / deviation.
    struct Sums {
        Reg d = V::zero(), dn = V::zero();
        void add(Reg at, Reg n) {
            d = V::add(d, at);
            dn = V::fma(at, n, dn);
        }
    };
    struct Means {
        Reg d, dn, scale;
        Means(const Sums& sums, double count, float by)
            : d(V::set(static_cast<float>(total<V>(sums.d) / count))),
              dn(V::set(static_cast<float>(total<V>(sums.dn) / count))),
              scale(V::set(by)) {}
        Reg gradient(Reg at, Reg n) const { return V::mul(V::sub(V::sub(at, d), V::mul(n, dn)), scale); }
    };

    static void gradient(const BackwardArgs& a, const BackRow* rows, int64_t count) {
        for (int64_t r = 0; r < count; ++r) gradient(a, rows[r]);
    }

    static void gradient(const BackwardArgs& a, const BackRow& row) {
        const Model& m = a.model;
        const int64_t panels = panel_count<V>(m.H), tape_pitch = a.plan.total * m.cell.tape * L;
        const int64_t d_pitch = a.chunk_rows * gradient_slots(m) * L, pitch = a.plan.rows * L;
        const int vectors = constant_vectors(m) - bias_vectors(m);
        const Moments memory{row.stats[2], row.stats[3]};
        Sums memory_sums, input_sums, hidden_sums;
        for (int64_t p = 0; p < panels; ++p) {  // as far as the normalised c
            const int lanes = lanes_of<V>(p, m.H);
            const float* by = a.constants + p * vectors * L + (m.peephole ? 3 * L : 0);
            const Seen s(a, row, p, tape_pitch);
            const Reg n = normal(s.c, memory);
            const Reg shown = V::fma(n, V::load(by + kMemory * L), V::load(by + kMemoryShift * L));
            float* out = row.d_sum + p * d_pitch;
            const Reg up = m.second ? V::load(out + kDShown * L) : V::load_first(row.dh + p * L, lanes);
            Reg d_sum[G] = {}, h;
            const Reg d = V::keep_first(On::show_gradient(s.tape, shown, up, d_sum, h), lanes);
            V::store(out + kDShown * L, d);
            V::store(out + (kDShown + 1) * L, V::keep_first(V::mul(d, n), lanes));
            V::store(out + (kDAct + G - 1) * L, d_sum[G - 1]);  // that of o, if there is one
            if (row.shown) V::store(row.shown + p * a.chunk_rows * L, V::keep_first(h, lanes));
            memory_sums.add(V::mul(d, V::load(by + kMemory * L)), n);
        }
        const Means to_memory(memory_sums, static_cast<double>(m.H), memory.scale);
        for (int64_t p = 0; p < panels; ++p) {  // as far as the gates
            const int lanes = lanes_of<V>(p, m.H);
            const float* constants = a.constants + p * vectors * L;
            const float* by = constants + (m.peephole ? 3 * L : 0);
            const Constants<V> k = constants_of<V>(m, constants);
            const Seen s(a, row, p, tape_pitch);
            float *out = row.d_sum + p * d_pitch, *carried = row.carried + p * pitch;
            Reg d_sum[G], dc = V::load(carried), kept = V::zero();
            d_sum[G - 1] = V::load(out + (kDAct + G - 1) * L);
            if (m.zone_c.share > 0) {
                const Reg share = kept_share<V>(m.zone_c, row.time_and_row, p);
                kept = V::mul(share, dc);
                dc = V::mul(V::sub(V::set(1.0f), share), dc);
            }
            const Reg d = V::mul(V::load(out + kDShown * L), V::load(by + kMemory * L));
            dc = V::add(dc, to_memory.gradient(d, normal(s.c, memory)));
            On::remember_gradient(k, s.tape, s.c_before, dc, d_sum);
            V::store(carried, V::add(dc, kept));
            for (int v = 0; v < G; ++v) {
                d_sum[v] = V::keep_first(d_sum[v], lanes);
                V::store(out + (kDAct + v) * L, d_sum[v]);
                input_sums.add(V::mul(d_sum[v], V::load(by + (kIn + v) * L)), s.at(kInput + v));
                hidden_sums.add(V::mul(d_sum[v], V::load(by + (kH + v) * L)), s.at(kHidden + v));
            }
            if (m.peephole) store_peephole_gradients<V, Cell>(out + (kDShown + 2) * L, d_sum, s.c_before, s.c, lanes);
        }
        const double units = static_cast<double>(G * m.H);
        const Means to_input(input_sums, units, row.stats[0]), to_hidden(hidden_sums, units, row.stats[1]);
        for (int64_t p = 0; p < panels; ++p) {  // as far as the sums
            const int lanes = lanes_of<V>(p, m.H);
            const float* by = a.constants + p * vectors * L + (m.peephole ? 3 * L : 0);
            const Seen s(a, row, p, tape_pitch);
            float* out = row.d_sum + p * d_pitch;
            for (int v = 0; v < G; ++v) {
                const Reg d = V::load(out + (kDAct + v) * L);
                const Reg x = to_input.gradient(V::mul(d, V::load(by + (kIn + v) * L)), s.at(kInput + v));
                const Reg h = to_hidden.gradient(V::mul(d, V::load(by + (kH + v) * L)), s.at(kHidden + v));
                V::store(out + v * L, V::keep_first(x, lanes));
                V::store(out + (G + v) * L, V::keep_first(h, lanes));
            }
        }
    }

    // What the forward pass left of one step at one panel.
    struct Seen {
        const float* record;
        Reg tape[G], c_before, c;
        Seen(const BackwardArgs& a, const BackRow& row, int64_t p, int64_t pitch) : record(row.tape + p * pitch) {
            const Model& m = a.model;
            for (int v = 0; v < G; ++v) tape[v] = at(v);
            c_before = row.tape_before ? V::load(row.tape_before + p * pitch + kC * L)
                       : row.c0        ? V::load_first(row.c0 + p * L, lanes_of<V>(p, m.H))
                                       : V::zero();
            c = at(kC);
            if (m.zone_c.share > 0) {
                const int vectors = constant_vectors(m) - bias_vectors(m);
                c = On::memory(constants_of<V>(m, a.constants + p * vectors * L), tape, c_before);
            }
        }
        Reg at(int slot) const { return V::load(record + slot * L); }
    };
};
