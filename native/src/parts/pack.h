// The weights of a scan as products read them, and rows as parts.
#pragma once
#include <cstdint>

#include "../pack.h"
#include "vector.h"
#include "weights.h"

namespace parts {

constexpr int64_t kGroup = 64;              // rows that pass through memory at once
constexpr int64_t kFarBytes = 1536 * 1024;  // of weights used at every step: more than stays in the cache of a core

// Bf16s that the weights of one panel need, of the input's and of the recurrent ones.
template <class E>
GATEWORK_INLINE int64_t panel_parts(int64_t depth, int64_t gates) {
    return operand_parts<E>(depth) * gates;
}

// The forward pass's weights: [panel][constants], then input weights, then recurrent ones.
template <class E>
struct Packed {
    const float* constants;
    const Bf16 *input, *hidden;

    Packed(const Model& m, const float* packed) {
        const int64_t panels = tiles_of(m.H);
        constants = packed;
        input = reinterpret_cast<const Bf16*>(packed + panels * constant_vectors(m) * kColumns);
        hidden = input + panels * panel_parts<E>(m.I, m.cell.gates);
    }
    static int64_t floats(const Model& m) {
        const int64_t panels = tiles_of(m.H);
        const int64_t parts = panels * (panel_parts<E>(m.I, m.cell.gates) + panel_parts<E>(m.R, m.cell.gates));
        return panels * constant_vectors(m) * kColumns + parts / 2;
    }
};

template <class E>
void pack(const Model& m, const float* const* params, Share share, float* packed) {
    const Packed<E> at(m, packed);
    const int G = m.cell.gates;
    const Range panels = share_of<Vector<E>>(tiles_of(m.H), 1, share.index, share.count);
    for (int64_t p = panels.begin; p < panels.end; ++p) {
        Pack<Vector<E>>::biases(m, params, p, packed + p * constant_vectors(m) * kColumns);
        Pack<Vector<E>>::constants(m, params, p, packed + (p * constant_vectors(m) + bias_vectors(m)) * kColumns);
        pack_panel<E>(params[GW_WEIGHT_IH], m.H, m.I, G, m.cell.input_block, p, G,
                      const_cast<Bf16*>(at.input) + p * panel_parts<E>(m.I, G));
        pack_panel<E>(params[GW_WEIGHT_HH], m.H, m.R, G, m.cell.hidden_block, p, G,
                      const_cast<Bf16*>(at.hidden) + p * panel_parts<E>(m.R, G));
    }
}

template <class E>
int64_t transposed_floats(const Model& m, int64_t columns) {
    return tiles_of(columns) * operand_parts<E>(tiles_of(m.H) * m.cell.gates * kColumns) / 2;
}

template <class E>
void pack_transposed(const Model& m, const float* weight, int64_t columns, const int* blocks, int64_t group_panels,
                     Share share, float* packed) {
    const int64_t all = tiles_of(columns), depth = tiles_of(m.H) * m.cell.gates * kColumns;
    const Range groups = share_of<Vector<E>>((all + group_panels - 1) / group_panels, 1, share.index, share.count);
    for (int64_t q = groups.begin; q < groups.end; ++q) {
        const int64_t first = q * group_panels, width = all - first < group_panels ? all - first : group_panels;
        pack_columns<E>(weight, m.H, columns, m.cell.gates, blocks, first, width,
                        reinterpret_cast<Bf16*>(packed) + first * operand_parts<E>(depth));
    }
}

// Splits rows `begin` .. `end` of `width` floats.
template <class E, class RowOf>
GATEWORK_INLINE void put_rows(const Planes<E>& to, int64_t begin, int64_t end, int64_t width, const RowOf& row_of) {
    for (int64_t r = begin; r < end; ++r) {
        const float* from = row_of(r);
        const SplitRow row = to.row(r);
        for (int64_t v = 0; v * kColumns < block_count(width) * kDepth; ++v) {
            Vector<E>::put(row, v, _mm512_maskz_loadu_ps(first_lanes(width - v * kColumns), from + v * kColumns));
        }
    }
}

}  // namespace parts
