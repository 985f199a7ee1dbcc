// The forward scan with products of parts, around the same rows and updates as on AVX-512.
//
// Threads share the hidden units, two panels at a time (a block of 32 k), and meet after each step: tiles are filled
// best by as many rows as there are. Cells whose steps are finished by row are left to AVX-512.
#pragma once
#include <cstdint>

#include "../forward.h"
#include "pack.h"

namespace parts {

template <class E, int G>
struct ForwardScan : ForwardRows<Vector<E>> {
    using Base = ForwardRows<Vector<E>>;
    using Base::a, Base::m, Base::mine, Base::part, Base::pointwise, Base::panels, Base::rows, Base::scratch;
    using Base::rows_at, Base::record_pitch;
    static constexpr int L = kColumns;
    static constexpr int64_t kInputGroup = 128;  // rows that share a piece of the input's weights
    const int S = m.cell.sums;
    const Packed<E> packed{m, a.packed};
    const bool far_input = (mine.end - mine.begin) * panel_parts<E>(m.I, G) * 2 > kFarBytes;
    const bool far = (mine.end - mine.begin) * panel_parts<E>(m.R, G) * 2 > kFarBytes;
    const Planes<E> x{reinterpret_cast<Bf16*>(a.split_x), a.split_x_rows};

    static void run(const ForwardArgs& args, const Pointwise& pointwise, const Part& part) {
        if (args.plan.steps == 0) return;
        const ForwardScan scan{{args, pointwise, part}};
        [[maybe_unused]] const typename E::Session session;
        scan.all();
    }

    Planes<E> h(int64_t step) const { return {reinterpret_cast<Bf16*>(a.split_h[step & 1]), a.split_h_rows}; }
    const float* constants(int64_t p) const { return packed.constants + p * constant_vectors(m) * L; }

    void all() const {
        if (m.cell.carries) this->load_carried();
        int configured = kRows;
        for (int64_t begin = 0; begin < a.plan.steps; begin += a.chunk_steps) {
            const int64_t end = begin + a.chunk_steps < a.plan.steps ? begin + a.chunk_steps : a.plan.steps;
            const int64_t count = this->list_rows(begin, end);
            const Range own = share_of<Vector<E>>(count, 1, part.slice, part.slices);
            // The rows of the chunk before are read until all threads are through with its inputs.
            if (part.barrier && begin > 0) wait_at(*part.barrier);
            put_rows(x, own.begin, own.end, m.I, [&](int64_t r) { return scratch[r].x; });
            if (begin == 0) put_first();
            if (part.barrier) wait_at(*part.barrier);
            configure(count, configured);
            project_inputs(count);
            const Row* at = scratch;
            for (int64_t s = begin; s < end; ++s) {
                if (part.barrier && s > begin) wait_at(*part.barrier);
                const int64_t n = rows_at(s);
                configure(n, configured);
                // To and fro, so that a step begins with the weights that the last one left in the cache.
                for (int64_t p = mine.begin; p < mine.end; ++p) {
                    step(at, n, s % 2 == 0 ? p : mine.end - 1 - (p - mine.begin), s);
                }
                at += n;
            }
        }
        this->store_final();
    }

    static void configure(int64_t rows, int& configured) {
        const int wanted = rows < kRows ? static_cast<int>(rows) : kRows;
        if (wanted != configured) E::configure(configured = wanted);
    }

    // h0 as the first step reads it; this thread's share of the units.
    void put_first() const {
        for (int64_t r = 0; r < rows; ++r) {
            for (int64_t p = mine.begin; p < (mine.end == panels ? block_count(m.R) * kVectors : mine.end); ++p) {
                const __mmask16 lanes = first_lanes(m.R - p * L);
                Vector<E>::put(h(0).row(r), p, _mm512_maskz_loadu_ps(lanes, scratch[r].operand + p * L));
                if (p >= panels) Vector<E>::put(h(1).row(r), p, Vector<E>::zero());
            }
        }
    }

    void project_inputs(int64_t count) const {
        alignas(64) float sums[kInputGroup * G * L];
        const int64_t blocks = block_count(m.I);
        for (int64_t p = mine.begin; p < mine.end; ++p) {
            for (int64_t first = 0; first < count; first += kInputGroup) {
                const int64_t size = count - first < kInputGroup ? count - first : kInputGroup;
                E::template multiply<G, Start::kZero>(far_input, x.at(first), x.plane(), kTile, size,
                                                      packed.input + p * panel_parts<E>(m.I, G), blocks, G * kBlock<E>,
                                                      sums, G * L);
                for (int64_t i = 0; i < size; ++i) {
                    float* to = scratch[first + i].record + p * record_pitch();
                    for (int v = 0; v < S; ++v) {
                        Reg sum = Vector<E>::load(constants(p) + v * L);
                        const int own = v - m.cell.input;
                        if (own >= 0 && own < G) sum = Vector<E>::add(sum, Vector<E>::load(sums + (i * G + own) * L));
                        Vector<E>::store(to + v * L, sum);
                    }
                }
            }
        }
    }

    void step(const Row* row, int64_t n, int64_t p, int64_t s) const {
        alignas(64) float sums[kGroup * 4 * L];
        const Planes<E> operand = h(s);
        for (int64_t first = 0; first < n; first += kGroup, row += kGroup) {
            const int64_t size = n - first < kGroup ? n - first : kGroup;
            // Tiles do not see vector stores before these reach the cache: start from zero, and add what was made
            // before.
            E::template multiply<G, Start::kZero>(far, operand.at(first), operand.plane(), kTile, size,
                                                  packed.hidden + p * panel_parts<E>(m.R, G), block_count(m.R),
                                                  G * kBlock<E>, sums + m.cell.hidden * L, S * L);
            for (int64_t i = 0; i < size; ++i) {
                const float* from = row[i].record + p * record_pitch();
                float* to = sums + i * S * L;
                for (int v = 0; v < S; ++v) {
                    Reg sum = Vector<E>::load(from + v * L);
                    if (v >= m.cell.hidden) sum = Vector<E>::add(sum, Vector<E>::load(to + v * L));
                    Vector<E>::store(to + v * L, sum);
                }
            }
            pointwise.update(a, row, size, p, sums);
        }
    }
};

}  // namespace parts
