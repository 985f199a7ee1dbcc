// What happens to the sums of one panel: the cell's update or its gradient, zoneout, and the traffic with memory.
#pragma once
#include <cstdint>

#include "cells.h"
#include "hash.h"
#include "kernels.h"
#include "pack.h"
#include "tile.h"

template <class V>
GATEWORK_INLINE Constants<V> constants_of(const Model& m, const float* peepholes) {
    Constants<V> k;
    k.peephole = m.peephole, k.clipped = m.clipped;
    k.peep_i = m.peephole ? V::load(peepholes) : V::zero();
    k.peep_f = m.peephole ? V::load(peepholes + V::kLanes) : V::zero();
    k.peep_o = m.peephole ? V::load(peepholes + 2 * V::kLanes) : V::zero();
    k.clip = V::set(m.clip);
    return k;
}

// The share of the old state in each unit of panel p: 0 or 1 where a mask is drawn.
template <class V>
GATEWORK_INLINE typename V::Reg kept_share(const Zoneout& zone, uint32_t time_and_row, int64_t p) {
    if (!zone.training) return V::set(zone.share);
    return V::hits(hash_row(zone.key, time_and_row), static_cast<uint32_t>(p * V::kLanes), zone.threshold);
}

template <class V>
GATEWORK_INLINE typename V::Reg mix(typename V::Reg share, typename V::Reg old, typename V::Reg fresh) {
    return V::fma(share, old, V::mul(V::sub(V::set(1.0f), share), fresh));
}

// h of one row at panel p, on its way out: zoneout, y, and what the next step reads.
template <class V>
GATEWORK_INLINE void emit(const Model& m, const Row& row, int64_t p, typename V::Reg h) {
    const int lanes = lanes_of<V>(p, m.R);
    const int64_t at = p * V::kLanes;
    if (m.zone_h.share > 0) {
        h = mix<V>(kept_share<V>(m.zone_h, row.time_and_row, p), V::load_first(row.before + at, lanes), h);
    }
    lanes == V::kLanes ? V::store(row.y + at, h) : V::store_first(row.y + at, h, lanes);
    if (row.scale) {
        h = V::mul(h, V::load_first(row.scale + at, lanes));
        V::store_first(row.next_operand + at, h, lanes);
    }
    if constexpr (V::kSplits) V::put(row.split, p, V::keep_first(h, lanes));
}

template <class V>
void emit_projected(const ForwardArgs& a, const Row* row, int64_t count, int64_t p, const float* h, int64_t stride) {
    for (int64_t r = 0; r < count; ++r) emit<V>(a.model, row[r], p, V::load(h + r * stride));
}

// The activations of a step at panel p, and its memory, where a trace is wanted: tape as the cell left it.
template <class V, class Cell>
GATEWORK_INLINE void store_trace(const ForwardArgs& a, const Row& row, int64_t p, const typename V::Reg* tape) {
    if (!row.trace) return;
    const int lanes = lanes_of<V>(p, a.model.H);
    float* to = row.trace + p * V::kLanes;
    for (int v = 0; v < Cell::kGates + Cell::kCarries; ++v, to += a.pass.trace_slot) {
        lanes == V::kLanes ? V::store(to, tape[v]) : V::store_first(to, tape[v], lanes);
    }
}

template <class V, class Cell>
void update_panel(const ForwardArgs& a, const Row* row, int64_t count, int64_t p, const float* sums) {
    using Reg = typename V::Reg;
    using On = typename Cell::template On<V>;
    constexpr int L = V::kLanes, S = Cell::kSums, T = Cell::kTape;
    const Model& m = a.model;
    [[maybe_unused]] const Constants<V> k =
        constants_of<V>(m, a.packed + p * constants_pitch<V>(m) + bias_vectors(m) * L);
    const int64_t record_pitch = a.record_rows * a.record_slots * L;
    [[maybe_unused]] const int64_t carried_pitch = a.plan.rows * L;
    for (int64_t r = 0; r < count; ++r, sums += S * L) {
        Reg sum[S], tape[T], h;
        for (int v = 0; v < S; ++v) sum[v] = V::load(sums + v * L);
        if constexpr (Cell::kCarries) {
            float* carried = row[r].carried + p * carried_pitch;
            const Reg c_before = V::load(carried);
            Reg c = On::remember(k, sum, c_before, tape);
            h = On::show(tape, c);
            if (m.zone_c.share > 0) c = mix<V>(kept_share<V>(m.zone_c, row[r].time_and_row, p), c_before, c);
            V::store(carried, c);
            tape[T - 1] = c;
        } else {
            h = On::update(sum, V::load_first(row[r].before + p * L, lanes_of<V>(p, m.H)), tape);
        }
        if (a.keep_tape) {
            float* record = row[r].record + p * record_pitch;
            for (int v = 0; v < T; ++v) V::store(record + v * L, tape[v]);
        }
        store_trace<V, Cell>(a, row[r], p, tape);
        if (row[r].shown) {
            V::store_first(row[r].shown + p * L, h, lanes_of<V>(p, m.H));
        } else {
            emit<V>(m, row[r], p, h);
        }
    }
}

template <class V, class Cell>
void update(const ForwardArgs& a, const Row* row, int64_t count, int64_t p, const float* sums) {
    with_lanes<V>(needed_lanes(a.model, p, V::kLanes),
                  [&](auto vector) { update_panel<decltype(vector), Cell>(a, row, count, p, sums); });
}

// The whole gradient at the h that a row's step put out at panel p, less what zoneout sends straight back.
template <class V>
GATEWORK_INLINE typename V::Reg take_in(const Model& m, const BackRow& row, int64_t p, int64_t direct_pitch,
                                        typename V::Reg dh, typename V::Reg& straight) {
    const int lanes = lanes_of<V>(p, m.R);
    const int64_t at = p * V::kLanes;
    if (row.scale) dh = V::mul(dh, V::load_first(row.scale + at, lanes));
    if (row.direct) dh = V::add(dh, V::load(row.direct + p * direct_pitch));
    if (!row.next && row.dh_n) dh = V::add(dh, V::load_first(row.dh_n + at, lanes));
    if (row.dy) dh = V::add(dh, V::load_first(row.dy + at, lanes));
    straight = V::zero();
    if (m.zone_h.share > 0) {
        const typename V::Reg share = kept_share<V>(m.zone_h, row.time_and_row, p);
        straight = V::mul(share, dh);
        dh = V::mul(V::sub(V::set(1.0f), share), dh);
    }
    return dh;
}

template <class V>
void take_in_rows(const BackwardArgs& a, const BackRow* row, int64_t count, int64_t p, const float* dh,
                  int64_t stride) {
    const int64_t direct_pitch = a.plan.rows * V::kLanes;
    for (int64_t r = 0; r < count; ++r) {
        typename V::Reg straight;
        const auto total = take_in<V>(a.model, row[r], p, direct_pitch, V::load(dh + r * stride), straight);
        if (row[r].direct) V::store(row[r].direct + p * direct_pitch, straight);
        V::store_first(row[r].dh + p * V::kLanes, total, lanes_of<V>(p, a.model.R));
    }
}

// One step's part of the gradients at the peepholes of i, f and o.
template <class V, class Cell>
GATEWORK_INLINE void store_peephole_gradients(float* out, const typename V::Reg* d_sum, typename V::Reg c_before,
                                              typename V::Reg c, int lanes) {
    constexpr const auto& peeping = Cell::template On<V>::kPeeping;
    for (int v = 0; v < 3; ++v) {
        const auto d =
            peeping[v] < 0 ? V::zero() : V::mul(d_sum[peeping[v] < 0 ? 0 : peeping[v]], v < 2 ? c_before : c);
        V::store(out + v * V::kLanes, V::keep_first(d, lanes));
    }
}

template <class V, class Cell>
void gradient_panel(const BackwardArgs& a, const BackRow* row, int64_t count, int64_t p, const float* dh,
                    int64_t stride) {
    using Reg = typename V::Reg;
    using On = typename Cell::template On<V>;
    constexpr int L = V::kLanes, S = Cell::kSums, T = Cell::kTape;
    const Model& m = a.model;
    [[maybe_unused]] const Constants<V> k = constants_of<V>(m, a.constants + p * (constant_vectors(m) - S) * L);
    const int lanes = lanes_of<V>(p, m.H);
    const int64_t d_sum_pitch = a.chunk_rows * gradient_slots(m) * L;
    const int64_t tape_pitch = a.plan.total * T * L, pitch = a.plan.rows * L;
    for (int64_t r = 0; r < count; ++r) {
        const BackRow& at = row[r];
        Reg tape[T], d_sum[S], straight = V::zero(), up = V::load(dh + r * stride);
        if (!m.second) up = take_in<V>(m, at, p, pitch, up, straight);
        for (int v = 0; v < T; ++v) tape[v] = V::load(at.tape + p * tape_pitch + v * L);
        if constexpr (Cell::kCarries) {
            const Reg c_before = at.tape_before ? V::load(at.tape_before + p * tape_pitch + (T - 1) * L)
                                 : at.c0        ? V::load_first(at.c0 + p * L, lanes)
                                                : V::zero();
            float* carried = at.carried + p * pitch;
            Reg dc = V::load(carried), share = V::zero(), kept = V::zero(), c = tape[T - 1], h;
            if (m.zone_c.share > 0) {  // the tape holds the c after zoneout
                share = kept_share<V>(m.zone_c, at.time_and_row, p);
                kept = V::mul(share, dc);
                dc = V::mul(V::sub(V::set(1.0f), share), dc);
                c = On::memory(k, tape, c_before);
            }
            dc = V::add(dc, On::show_gradient(tape, c, up, d_sum, h));
            On::remember_gradient(k, tape, c_before, dc, d_sum);
            if (m.peephole) {
                float* peeped = at.d_sum + p * d_sum_pitch + S * L;
                store_peephole_gradients<V, Cell>(peeped, d_sum, c_before, c, lanes);
            }
            V::store(carried, V::add(dc, kept));
            if (at.shown) V::store(at.shown + p * a.chunk_rows * L, lanes == L ? h : V::keep_first(h, lanes));
        } else {
            Reg direct;
            On::gradient(tape, V::load_first(at.before + p * L, lanes), up, direct, d_sum);
            straight = V::add(straight, direct);
        }
        if (at.direct && !m.second) V::store(at.direct + p * pitch, straight);
        float* out = at.d_sum + p * d_sum_pitch;
        // Lanes past the end must be zero, not merely finite times a zero weight: an infinity in x makes them NaN.
        for (int v = 0; v < S; ++v) {
            if (lanes < L) d_sum[v] = V::keep_first(d_sum[v], lanes);
            V::store(out + v * L, d_sum[v]);
        }
        if constexpr (V::kSplits) {
            constexpr int G = Cell::kGates;
            for (int v = 0; v < G; ++v) V::put(at.split, p * G + v, d_sum[Cell::kHidden + v]);
            for (int v = 0; Cell::kInput != Cell::kHidden && v < G; ++v) {
                V::put(at.split_input, p * G + v, d_sum[Cell::kInput + v]);
            }
        }
    }
}

template <class V, class Cell>
void gradient(const BackwardArgs& a, const BackRow* row, int64_t count, int64_t p, const float* dh, int64_t stride) {
    with_lanes<V>(needed_lanes(a.model, p, V::kLanes),
                  [&](auto vector) { gradient_panel<decltype(vector), Cell>(a, row, count, p, dh, stride); });
}
