// The products of the backward pass that need no order in time, over one chunk of real steps at a time:
// dx and dh0 (gradients at the sums times transposed weights), dW and db (gradients at the sums times inputs).
#pragma once
#include <cstdint>
#include <cstring>

#include "kernels.h"
#include "narrow.h"
#include "outer.h"
#include "pack.h"
#include "tile.h"
#include "transposed.h"

// The steps begin .. end that are being worked on; `index` says which buffer holds them.
struct Chunk {
    const BackwardArgs& a;
    int64_t begin, end;
    int64_t index;

    bool next() {
        if (begin == 0) return false;
        end = begin;
        int64_t count = a.plan.active[--begin];
        while (begin > 0 && count + a.plan.active[begin - 1] <= kChunkRows) count += a.plan.active[--begin];
        ++index;
        return true;
    }
    int64_t rows() const { return a.plan.start[end - 1] + a.plan.active[end - 1] - a.plan.start[begin]; }
    bool is_first() const { return index == 1; }
    float* d_sums() const { return a.d_sums[index & 1]; }
    // Of a step in the chunk.
    float* row_in(float* const (&buffers)[2], int64_t step, int64_t row, int64_t width) const {
        return buffers[index & 1] + (a.plan.start[step] - a.plan.start[begin] + row) * width;
    }
    // Of a step in the chunk, or of the first one after it.
    float* d_sum_at(int64_t step, int64_t row, int64_t record) const {
        return step < end ? row_in(a.d_sums, step, row, record) : a.d_sums[~index & 1] + row * record;
    }
};

template <class V, int G>
struct Products {
    using Reg = typename V::Reg;
    static constexpr int L = V::kLanes;

    const BackwardArgs& a;
    const Share share;
    const Model& m = a.model;
    const int64_t I = m.I, H = m.H, R = m.R, panels = panel_count<V>(H);
    const int64_t origin = V::kSplits ? panel_count<V>(I) * L : I;  // of h among the columns of [x, h]
    const int64_t width = origin + (V::kSplits ? panel_count<V>(R) * L : R);
    const int64_t slots = gradient_slots(m);
    const Range columns = share_of<V>(width, V::kSplits ? L : V::kRows, share.index, share.count);
    StepRow* const rows = a.step_rows + share.index * a.chunk_rows;
    float* const rest = a.d_packed + panels * width * G * L;

    void add(const Chunk& chunk) const {
        list_rows(chunk);
        if (a.pass.dx.data) add_inputs(chunk);
        if (a.pass.gradients) add_weights(chunk);
    }

    void add_inputs(const Chunk& chunk) const {
        const float* d_sums = chunk.d_sums() + m.cell.input * L;
        const Range range = share_of<V>(chunk.rows(), 1, share.index, share.count);
        if (!is_narrow(m)) return transposed(d_sums, a.packed_ih, I, 4, range, [&](int64_t at) { return rows[at].dx; });
        for (int64_t at = range.begin; at < range.end; ++at) {
            const float* row = d_sums + at * slots * L;
            Narrow<V>::template product<G>(row, H, a.chunk_rows * slots * L, a.packed_ih, I, rows[at].dx);
        }
    }

    void add_weights(const Chunk& chunk) const {
        for (int64_t p = 0; p < panels; ++p) {
            const float* d_sum = chunk.d_sums() + p * a.chunk_rows * slots * L;
            float* packed = a.d_packed + p * width * G * L;
            with_lanes<V>(needed_lanes(m, p, L), [&](auto vector) {
                const Outer<decltype(vector)> outer{chunk.rows(), chunk.is_first()};
                if (p % share.count == share.index) add_rest(chunk, outer, d_sum, p);
                outer.template add<G>(inputs(), d_sum + m.cell.input * L, slots, packed,
                                      [&](int64_t n) { return rows[n].x; });
                outer.template add<G>(hiddens(), d_sum + m.cell.hidden * L, slots, packed,
                                      [&](int64_t n) { return rows[n].operand - origin; });
            });
        }
        if (!m.second) return;
        const Outer<V> outer{chunk.rows(), chunk.is_first()};
        const float* dh = a.dh[chunk.index & 1];
        for (int64_t p = 0; p < panels; ++p) {
            const float* shown = a.shown[chunk.index & 1] + p * a.chunk_rows * L;
            outer.template add<1>(share_of<V>(R, V::kRows, share.index, share.count), shown, 1,
                                  a.d_packed_hr + p * R * L, [&](int64_t n) { return dh + n * R; });
        }
    }

    // Biases, peepholes and norms: sums over the steps of what the recurrence left, or of it times the tape.
    template <class W>
    void add_rest(const Chunk& chunk, const Outer<W>& outer, const float* d_sum, int64_t p) const {
        float* out = rest + p * summed_slots(m) * L;
        outer.sum(d_sum, slots, out);
        if (!m.norm) return;
        const int64_t record = m.cell.tape * L;
        const float* tape = a.pass.tape + (p * a.plan.total + a.plan.start[chunk.begin]) * record;
        for (int v = 0; v < 2 * G; ++v) {
            outer.sum_products(d_sum + (m.cell.sums + v % G) * L, slots * L, tape + (sums_slot(m) + v) * L, record,
                               out + (slots + v) * L);
        }
    }

    // After the last chunk, which holds the gradients at the sums of step 0 first.
    void finish(const Chunk& chunk) const {
        const Range range = share_of<V>(a.plan.rows, 1, share.index, share.count);
        if (a.pass.dh0) {
            transposed(chunk.d_sums() + m.cell.hidden * L, a.packed_hh, R, a.group_panels, range,
                       [&](int64_t row) { return a.pass.dh0 + a.plan.order[row] * R; });
            finish_h0(range);
        }
        if (a.pass.gradients) unpack();
    }

    // What reaches the first h other than through the recurrent weights.
    void finish_h0(Range range) const {
        for (int64_t row = range.begin; row < range.end; ++row) {
            const int64_t at = a.plan.order[row] * R;
            for (int64_t j = 0; j < R; ++j) {
                float& dh0 = a.pass.dh0[at + j];
                if (a.pass.recurrent_scale) dh0 *= a.pass.recurrent_scale[at + j];
                if (a.direct) dh0 += a.direct[(j / L * a.plan.rows + row) * L + j % L];
            }
        }
    }

    void list_rows(const Chunk& chunk) const {
        StepRow* out = rows;
        for (int64_t s = chunk.begin; s < chunk.end; ++s) {
            for (int64_t row = 0; row < a.plan.active[s]; ++row, ++out) {
                const int64_t b = a.plan.order[row], t = m.reverse ? a.plan.length[row] - 1 - s : s;
                const int64_t before = m.reverse ? t + 1 : t - 1;
                out->x = a.pass.x.data + t * a.pass.x.step + b * a.pass.x.row;
                out->operand = s > 0       ? a.pass.y.data + before * a.pass.y.step + b * a.pass.y.row
                               : a.pass.h0 ? a.pass.h0 + b * R
                                           : a.zeros;
                if (a.pass.recurrent_scale) out->operand = scaled(out - rows, out->operand, b);
                out->dx = a.pass.dx.data ? a.pass.dx.data + t * a.pass.dx.step + b * a.pass.dx.row : nullptr;
            }
        }
    }

    // h as the recurrent weights read it, in the columns that this thread needs.
    const float* scaled(int64_t n, const float* h, int64_t b) const {
        float* out = a.operands + n * R;
        const float* scale = a.pass.recurrent_scale + b * R;
        for (int64_t k = hiddens().begin - origin; k < hiddens().end - origin; ++k) out[k] = h[k] * scale[k];
        return out;
    }

    // out(row) = (gradients at the sums of the row) W for all `size` columns.
    template <class Out>
    void transposed(const float* d_sums, const float* packed, int64_t size, int64_t group, Range range,
                    const Out& out) const {
        alignas(64) float block[kGroupRows<V> * 4 * L];
        const int64_t all = panel_count<V>(size);
        for (int64_t p = 0; p < all; p += group) {
            const int64_t wide = all - p < group ? all - p : group;
            for_groups<V>(range.end - range.begin, [&](int64_t first, int64_t count) {
                first += range.begin;
                with_size(
                    static_cast<int>(wide),
                    [&](auto n) {
                        const TransposedProduct<V, n.value> product{packed + p * L * panels * G * L, G * L,
                                                                    a.chunk_rows * slots * L,        panels,
                                                                    lanes_of<V>(panels - 1, H),      size - p * L};
                        product.set(count, block, [&](int64_t i) { return d_sums + (first + i) * slots * L; });
                    },
                    Size<4>{});
                for (int64_t i = 0; i < count; ++i) {
                    float* to = out(first + i);
                    for (int64_t v = 0; v < wide; ++v) {
                        V::store_first(to + (p + v) * L, V::load(block + (i * wide + v) * L), lanes_of<V>(p + v, size));
                    }
                }
            });
        }
    }

    Range inputs() const { return cut(columns, 0, I); }
    Range hiddens() const { return cut(columns, origin, origin + R); }
    static Range cut(Range range, int64_t begin, int64_t end) {
        const auto into = [&](int64_t at) { return at < begin ? begin : at < end ? at : end; };
        return {into(range.begin), into(range.end)};
    }

    void unpack() const {
        for (int64_t p = 0; p < panels; ++p) {
            unpack(p, inputs(), hiddens());
            if (p % share.count == share.index) unpack_rest(rest + p * summed_slots(m) * L, p);
        }
        if (m.second) unpack_second();
    }
    void unpack(int64_t p, Range inputs, Range hiddens) const {
        const float* packed = a.d_packed + p * width * G * L;
        unpack(packed, p, inputs, m.cell.input_block, a.pass.gradients[GW_WEIGHT_IH], I, 0);
        unpack(packed, p, hiddens, m.cell.hidden_block, a.pass.gradients[GW_WEIGHT_HH], R, origin);
    }

    // out: (G*H, size), whose column 0 is column `origin` of [x, h].
    void unpack(const float* packed, int64_t p, Range range, const int* blocks, float* out, int64_t size,
                int64_t origin) const {
        const int lanes = lanes_of<V>(p, H);
        for (int64_t k = range.begin; k < range.end; k += L) {
            const int64_t count = range.end - k < L ? range.end - k : L;
            for (int v = 0; v < G; ++v) {
                if (blocks[v] < 0) continue;
                copy_transposed<V>(packed + (k * G + v) * L, G * L, count,
                                   out + (blocks[v] * H + p * L) * size + k - origin, size, lanes);
            }
        }
    }

    void unpack_rest(const float* sums, int64_t p) const {
        const Facts& cell = m.cell;
        for (int v = 0; v < G; ++v) {
            put(GW_BIAS_IH, cell.input_block[v], p, sums + (cell.input + v) * L);
            put(GW_BIAS_HH, hidden_bias_block(cell, v), p, sums + (cell.hidden + v) * L);
        }
        const float* own = sums + cell.sums * L;
        if (m.norm) {
            const float* factors = sums + slots * L;
            for (int v = 0; v < G; ++v, own += L) {
                put(GW_NORM_IH_BIAS, v, p, own), put(GW_NORM_HH_BIAS, v, p, own);
                put(GW_NORM_IH_WEIGHT, v, p, factors + v * L), put(GW_NORM_HH_WEIGHT, v, p, factors + (G + v) * L);
            }
            put(GW_NORM_C_BIAS, 0, p, own), put(GW_NORM_C_WEIGHT, 0, p, own + L);
            own += 2 * L;
        }
        for (int v = 0; m.peephole && v < 3; ++v) put(GW_WEIGHT_CI + v, 0, p, own + v * L);
    }
    // One panel of row block `block` of a parameter's gradient, if it is wanted.
    void put(int param, int block, int64_t p, const float* from) const {
        float* to = a.pass.gradients[param];
        if (to) std::memcpy(to + block * H + p * L, from, sizeof(float) * static_cast<size_t>(lanes_of<V>(p, H)));
    }

    void unpack_second() const {
        const Range range = share_of<V>(R, V::kRows, share.index, share.count);
        for (int64_t p = 0; p < panels; ++p) {
            for (int64_t k = range.begin; k < range.end; ++k) {
                V::store_first(second_weights(m, a.pass.gradients) + k * H + p * L,
                               V::load(a.d_packed_hr + (p * R + k) * L), lanes_of<V>(p, H));
            }
        }
    }
};
