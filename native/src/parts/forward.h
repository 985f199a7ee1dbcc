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
    // Whether a step makes the products of x and of h in one go: where rows are many enough to use weights often.
    const bool at_once = E::kAddsToSums && rows >= 2 * Vector<E>::kRows;
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
            if (!at_once) project_inputs(count);
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

    static constexpr int kMostSums = 4;

    const Bf16* input_weights(int64_t p) const { return packed.input + p * panel_parts<E>(m.I, G); }
    const Bf16* hidden_weights(int64_t p) const { return packed.hidden + p * panel_parts<E>(m.R, G); }

    // The input's share of the sums, and the biases, left in the records.
    void project_inputs(int64_t count) const {
        alignas(64) float sums[kInputGroup * kMostSums * L];
        for (int64_t p = mine.begin; p < mine.end; ++p) {
            for (int64_t first = 0; first < count; first += kInputGroup) {
                const int64_t size = count - first < kInputGroup ? count - first : kInputGroup;
                const Row* row = scratch + first;
                add_product(
                    size, sums, m.cell.input, [&](int64_t) { return constants(p); }, far_input, x.at(first), x.plane(),
                    input_weights(p), m.I);
                for (int64_t i = 0; i < size; ++i) copy(sums + i * S * L, row[i].record + p * record_pitch());
            }
        }
    }

    void step(const Row* row, int64_t n, int64_t p, int64_t s) const {
        alignas(64) float sums[kGroup * kMostSums * L];
        const Planes<E> operand = h(s);
        for (int64_t first = 0; first < n; first += kGroup, row += kGroup) {
            const int64_t size = n - first < kGroup ? n - first : kGroup;
            if (at_once) {
                add_product(
                    size, sums, m.cell.input, [&](int64_t) { return constants(p); }, far_input, x.at(row - scratch),
                    x.plane(), input_weights(p), m.I);
            }
            add_product(
                size, sums, m.cell.hidden,
                [&](int64_t i) { return at_once ? sums + i * S * L : row[i].record + p * record_pitch(); }, far,
                operand.at(first), operand.plane(), hidden_weights(p), m.R);
            pointwise.update(a, row, size, p, sums);
        }
    }

    // sums[i] = from(i), and to those from `place` on a product is added.
    template <class From>
    GATEWORK_INLINE void add_product(int64_t count, float* sums, int place, const From& from, bool is_far,
                                     const Bf16* rows, int64_t plane, const Bf16* weights, int64_t depth) const {
        if constexpr (E::kAddsToSums) {
            for (int64_t i = 0; i < count; ++i) copy(from(i), sums + i * S * L);
        }
        constexpr Start kStart = E::kAddsToSums ? Start::kSums : Start::kZero;
        E::template multiply<G, kStart>(is_far, rows, plane, kTile, count, weights, block_count(depth), G * kBlock<E>,
                                        sums + place * L, S * L);
        if constexpr (!E::kAddsToSums) {  // products do not see what was stored just before
            for (int64_t i = 0; i < count; ++i) {
                for (int v = 0; v < S; ++v) {
                    const bool is_own = v >= place && v < place + G;
                    const Reg own = is_own ? Vector<E>::load(sums + (i * S + v) * L) : Vector<E>::zero();
                    Vector<E>::store(sums + (i * S + v) * L, Vector<E>::add(own, Vector<E>::load(from(i) + v * L)));
                }
            }
        }
    }
    GATEWORK_INLINE void copy(const float* from, float* to) const {
        for (int v = 0; v < S; ++v) Vector<E>::store(to + v * L, Vector<E>::load(from + v * L));
    }
};

}  // namespace parts
