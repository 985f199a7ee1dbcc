// The backward scan with products of parts. Threads share the hidden units, as in the forward scan; of the products
// outside the recurrence each makes the input's gradient for its share of the rows, and the weights' for its share of
// the units.
#pragma once
#include <cstdint>

#include "../backward.h"
#include "operands.h"
#include "pack.h"

namespace parts {

template <class E, int G>
struct BackwardScan {
    static constexpr int L = kColumns;
    using Recurrence = BackwardRecurrence<Vector<E>>;
    using Shared = ::Products<Vector<E>, G>;

    const BackwardArgs& a;
    const Pointwise& pointwise;
    const Recurrence recurrence;
    const Shared shared;
    const Share share;
    const Model& m = a.model;
    const int64_t slots = gradient_slots(m), vectors = shared.panels * G;
    const int64_t blocks = block_count(vectors * L);  // of k, in a row of gradients
    const int64_t plane = a.split_rows * kDepth;
    const bool far = blocks * shared.panels * kBlock<E> * 2 >= kFarBytes;
    static constexpr int64_t kPiece = 32;           // blocks of k
    static constexpr int64_t kColumnsAtOnce = 512;  // of x and h

    static void run(const BackwardArgs& args, const Pointwise& pointwise, const Part* part, Share share) {
        const Part none{0, 1, 0, 1, nullptr};
        const BackwardScan scan{args, pointwise, {args, pointwise, part ? *part : none}, {args, share}, share};
        [[maybe_unused]] const typename E::Session session;
        scan.all(part != nullptr);
    }

    Planes<E> gradients(int64_t index) const { return {a.split[index & 1], a.split_rows}; }
    Planes<E> input_gradients(int64_t index) const { return {a.split_input[index & 1], a.split_rows}; }

    void all(bool recurs) const {
        if (recurs) recurrence.load_carried();
        Chunk chunk{a, a.plan.steps, a.plan.steps, 0};
        while (chunk.next()) {
            shared.list_rows(chunk);
            if (a.pass.gradients) turn_columns(chunk);
            if (recurs) recur(chunk);
            if (a.everyone) wait_at(*a.everyone);
            if (a.pass.dx.data) add_inputs(chunk);
            if (a.pass.gradients) add_weights(chunk);
        }
        if (recurs) recurrence.store_carried();
        finish(chunk);
    }

    void recur(const Chunk& chunk) const {
        int configured = kRows;
        for (int64_t s = chunk.end - 1; s >= chunk.begin; --s) {
            const int64_t n = recurrence.rows_at(s), going_on = recurrence.rows_at(s + 1);
            recurrence.list_rows(s, n, chunk);
            if (recurrence.part.barrier && s + 1 < a.plan.steps) wait_at(*recurrence.part.barrier);
            const int wanted = going_on > 0 && going_on < kRows ? static_cast<int>(going_on) : kRows;
            if (wanted != configured) E::configure(configured = wanted);
            const bool in_chunk = s + 1 < chunk.end;
            const Bf16* next = gradients(in_chunk ? chunk.index : chunk.index + 1)
                                   .at(in_chunk ? a.plan.start[s + 1] - a.plan.start[chunk.begin] : 0);
            if (going_on > 0) make_dh(next, going_on);
            for (int64_t i = going_on; i < n; ++i) {
                for (int64_t p = recurrence.mine.begin; p < recurrence.mine.end; ++p) {
                    Vector<E>::store(dh_at(i, p), Vector<E>::zero());
                }
            }
            for (int64_t p = recurrence.mine.begin; p < recurrence.mine.end; ++p) {
                pointwise.gradient(a, recurrence.scratch, n, p, dh_at(0, p), shared.panels * L);
            }
        }
        if (configured != kRows) E::configure(kRows);
    }

    float* dh_at(int64_t row, int64_t p) const { return a.tile_dh + (row * shared.panels + p) * L; }

    // The products with the recurrent weights, for this thread's panels: a piece of k for all of them, so that the
    // gradients of the piece stay near.
    void make_dh(const Bf16* next, int64_t rows) const {
        for (int64_t k = 0; k < blocks; k += kPiece) {
            const int64_t piece = blocks - k < kPiece ? blocks - k : kPiece;
            for (int64_t p = recurrence.mine.begin; p < recurrence.mine.end; p += a.group_panels) {
                const int64_t left = recurrence.mine.end - p;
                with_size(
                    static_cast<int>(left < a.group_panels ? left : a.group_panels),
                    [&](auto width) {
                        constexpr int N = width.value;
                        const auto run =
                            k == 0 ? E::template multiply<N, Start::kZero> : E::template multiply<N, Start::kSums>;
                        run(far, next + k * E::kPlanes * plane, plane, kTile, rows,
                            weights_at(a.packed_hh, p) + k * N * kBlock<E>, piece, N * kBlock<E>, dh_at(0, p),
                            shared.panels * L);
                    },
                    Size<4>{});
            }
        }
    }

    const Bf16* weights_at(const float* packed, int64_t p) const {
        return reinterpret_cast<const Bf16*>(packed) + p * blocks * kBlock<E>;
    }

    // out[count][N][L] = rows of gradients times the columns of panels p .. p + N.
    template <int N>
    void transposed(const Bf16* rows, int64_t count, const float* packed, int64_t p, float* out) const {
        E::template multiply<N, Start::kZero>(far, rows, plane, kTile, count, weights_at(packed, p), blocks,
                                              N * kBlock<E>, out, N * L);
    }

    template <class Out>
    void transposed(const Planes<E>& from, const float* packed, int64_t size, int64_t group, Range range,
                    const Out& out) const {
        alignas(64) float block[kGroup * 4 * L];
        const int64_t all = tiles_of(size);
        for (int64_t p = 0; p < all; p += group) {
            const int64_t wide = all - p < group ? all - p : group;
            for (int64_t first = range.begin; first < range.end; first += kGroup) {
                const int64_t count = range.end - first < kGroup ? range.end - first : kGroup;
                with_size(
                    static_cast<int>(wide),
                    [&](auto n) { this->template transposed<n.value>(from.at(first), count, packed, p, block); },
                    Size<4>{});
                for (int64_t i = 0; i < count; ++i) {
                    float* to = out(first + i);
                    for (int64_t v = 0; v < wide; ++v) {
                        Vector<E>::store_first(to + (p + v) * L, Vector<E>::load(block + (i * wide + v) * L),
                                               lanes_of<Vector<E>>(p + v, size));
                    }
                }
            }
        }
    }

    void add_inputs(const Chunk& chunk) const {
        transposed(input_gradients(chunk.index), a.packed_ih, m.I, 4,
                   share_of<Vector<E>>(chunk.rows(), kRows, share.index, share.count),
                   [&](int64_t at) { return shared.rows[at].dx; });
    }

    // This thread's share of the columns of x and h, for the products of all.
    void turn_columns(const Chunk& chunk) const {
        const int64_t pitch = operand_parts<E>(chunk.rows());
        Bf16* to = a.split_columns[chunk.index & 1];
        const auto turn = [&](Range range, int64_t origin, const auto& row_of) {
            if (range.begin >= range.end) return;
            put_columns<E>(row_of, chunk.rows(), range.begin - origin, range.end - range.begin,
                           to + range.begin / L * pitch);
        };
        turn(shared.inputs(), 0, [&](int64_t n) { return shared.rows[n].x; });
        turn(shared.hiddens(), shared.origin, [&](int64_t n) { return shared.rows[n].operand; });
    }

    Range own_panels() const { return share_of<Vector<E>>(shared.panels, 1, share.index, share.count); }

    void add_weights(const Chunk& chunk) const {
        const Outer<Vector<E>> outer{chunk.rows(), chunk.is_first()};
        const int64_t all = shared.width / L, at_once = kColumnsAtOnce / L;
        Bf16* pairs = a.split_pairs + share.index * G * operand_parts<E>(a.chunk_rows);
        for (int64_t tile = 0; tile < all; tile += at_once) {
            const int64_t end = tile + at_once < all ? tile + at_once : all;
            for (int64_t p = own_panels().begin; p < own_panels().end; ++p) {
                const float* d_sum = chunk.d_sums() + p * a.chunk_rows * slots * L;
                if (tile == 0) shared.add_rest(chunk, outer, d_sum, p);
                add_tiles(chunk, d_sum, pairs, p, tile, end);
            }
        }
    }

    // Of one panel and a range of columns: those of x with the gradients at its sums, those of h with those at its own.
    void add_tiles(const Chunk& chunk, const float* d_sum, Bf16* pairs, int64_t p, int64_t begin, int64_t end) const {
        const int64_t inputs = tiles_of(m.I), border = inputs < begin ? begin : inputs < end ? inputs : end;
        if (m.cell.input == m.cell.hidden) {
            put_pairs<E>(d_sum + m.cell.hidden * L, slots * L, chunk.rows(), G, pairs);
            return add_tiles(chunk, pairs, p, begin, end);
        }
        if (begin < border) {
            put_pairs<E>(d_sum + m.cell.input * L, slots * L, chunk.rows(), G, pairs);
            add_tiles(chunk, pairs, p, begin, border);
        }
        if (border < end) {
            put_pairs<E>(d_sum + m.cell.hidden * L, slots * L, chunk.rows(), G, pairs);
            add_tiles(chunk, pairs, p, border, end);
        }
    }

    // Tiles `begin` .. `end` of the columns of [x, h], at one panel.
    void add_tiles(const Chunk& chunk, const Bf16* pairs, int64_t p, int64_t begin, int64_t end) const {
        const int64_t pitch = operand_parts<E>(chunk.rows()), steps = block_count(chunk.rows());
        const Bf16* columns = a.split_columns[chunk.index & 1] + begin * pitch;
        const int64_t width = (end - begin) * L;
        float* out = a.d_packed + (p * shared.width + begin * L) * G * L;
        if (chunk.is_first()) {
            E::template multiply<G, Start::kZero>(false, columns, kTile, pitch, width, pairs, steps, G * kBlock<E>, out,
                                                  G * L);
        } else {
            E::template multiply<G, Start::kSums>(false, columns, kTile, pitch, width, pairs, steps, G * kBlock<E>, out,
                                                  G * L);
        }
    }

    void finish(const Chunk& chunk) const {
        const Range range = share_of<Vector<E>>(a.plan.rows, kRows, share.index, share.count);
        if (a.pass.dh0) {
            transposed(gradients(chunk.index), a.packed_hh, m.R, a.group_panels, range,
                       [&](int64_t row) { return a.pass.dh0 + a.plan.order[row] * m.R; });
            shared.finish_h0(range);
        }
        if (!a.pass.gradients) return;
        for (int64_t p = own_panels().begin; p < own_panels().end; ++p) {
            shared.unpack(p, {0, m.I}, {shared.origin, shared.origin + m.R});
            shared.unpack_rest(shared.rest + p * summed_slots(m) * L, p);
        }
    }
};

}  // namespace parts
