// Weights as the tiles read them: panels of V::kLanes hidden units with the gates interleaved.
//   forward     [panel][constants | input: I x gates x lanes | hidden: R x gates x lanes], then the projection, plain
//   transposed  [group of N panels of columns][panel of hidden units x gates x lanes][N x lanes]
//   plain       [group of N panels of columns][depth][N x lanes]
// Units and columns past the end have zero weights, and so has a block -1 (cells.h).
#pragma once
#include <cstdint>
#include <cstring>

#include "kernels.h"
#include "tile.h"

template <class V>
constexpr int64_t panel_count(int64_t width) {
    return (width + V::kLanes - 1) / V::kLanes;
}
template <class V>
inline int64_t panel_floats(const Model& m) {
    return (constant_vectors(m) + (m.I + m.R) * m.cell.gates) * V::kLanes;
}
// From the constants of one panel to those of the next: tiles keep the weights apart from them.
template <class V>
inline int64_t constants_pitch(const Model& m) {
    return V::kSplits ? constant_vectors(m) * V::kLanes : panel_floats<V>(m);
}

// to[j][i] = from[i][j] for `height` rows i and `width` columns j, at most V::kLanes each, in rows of the given
// strides.
template <class V>
GATEWORK_INLINE void copy_transposed(const float* from, int64_t from_stride, int64_t height, float* to,
                                     int64_t to_stride, int64_t width) {
    constexpr int L = V::kLanes;
    if (height == L && width == L) {
        typename V::Reg rows[L];
        for (int i = 0; i < L; ++i) rows[i] = V::load(from + i * from_stride);
        V::transpose(rows);
        for (int j = 0; j < L; ++j) V::store(to + j * to_stride, rows[j]);
    } else {
        for (int64_t j = 0; j < width; ++j) {
            for (int64_t i = 0; i < height; ++i) to[j * to_stride + i] = from[i * from_stride + j];
        }
    }
}

template <class V>
struct Pack {
    static constexpr int L = V::kLanes;

    static int64_t packed_floats(const Model& m) {
        return panel_count<V>(m.H) * panel_floats<V>(m) + (m.second ? panel_count<V>(m.R) * m.H * L : 0);
    }
    static int64_t transposed_floats(const Model& m, int64_t columns) {
        return panel_count<V>(m.H) * m.cell.gates * L * panel_count<V>(columns) * L;
    }

    static void forward(const Model& m, const float* const* params, Share share, float* packed) {
        const Range panels = share_of<V>(panel_count<V>(m.H), 1, share.index, share.count);
        for (int64_t p = panels.begin; p < panels.end; ++p) {
            float* at = packed + p * panel_floats<V>(m);
            const int lanes = lanes_of<V>(p, m.H);
            if (lanes < L || m.cell.second_block >= 0)
                std::memset(at, 0, sizeof(float) * static_cast<size_t>(panel_floats<V>(m)));
            biases(m, params, p, at);
            constants(m, params, p, at + bias_vectors(m) * L);
            at += constant_vectors(m) * L;
            interleave(m, params[GW_WEIGHT_IH], m.I, m.cell.input_block, p, lanes, at);
            interleave(m, params[GW_WEIGHT_HH], m.R, m.cell.hidden_block, p, lanes, at + m.I * m.cell.gates * L);
        }
    }

    static void biases(const Model& m, const float* const* params, int64_t p, float* out) {
        const Facts& cell = m.cell;
        const int lanes = lanes_of<V>(p, m.H);
        std::memset(out, 0, sizeof(float) * static_cast<size_t>(bias_vectors(m) * L));
        for (int v = 0; v < cell.gates; ++v) {
            for (int l = 0; l < lanes; ++l) {
                const int64_t unit = p * L + l;
                const float *input = params[GW_BIAS_IH], *hidden = params[GW_BIAS_HH];
                if (input) out[(cell.input + v) * L + l] += input[cell.input_block[v] * m.H + unit];
                if (hidden) out[(cell.hidden + v) * L + l] += hidden[hidden_bias_block(cell, v) * m.H + unit];
            }
        }
    }

    // Those of one panel, but for the biases; see constant_vectors.
    static void constants(const Model& m, const float* const* params, int64_t p, float* out) {
        const int lanes = lanes_of<V>(p, m.H), G = m.cell.gates;
        std::memset(out, 0, sizeof(float) * static_cast<size_t>((constant_vectors(m) - bias_vectors(m)) * L));
        const auto add = [&](int place, int vectors) {  // zero where there is no such parameter
            const float* from = params[place];
            for (int v = 0; from && v < vectors; ++v) {
                for (int l = 0; l < lanes; ++l) out[v * L + l] += from[v * m.H + p * L + l];
            }
        };
        for (int place = GW_WEIGHT_CI; m.peephole && place <= GW_WEIGHT_CO; ++place, out += L) add(place, 1);
        if (!m.norm) return;
        add(GW_NORM_IH_WEIGHT, G), out += G * L;
        add(GW_NORM_IH_BIAS, G), add(GW_NORM_HH_BIAS, G), out += G * L;
        add(GW_NORM_HH_WEIGHT, G), out += G * L;
        add(GW_NORM_C_WEIGHT, 1), out += L;
        add(GW_NORM_C_BIAS, 1);
    }

    // weight: (G*H, columns), whose row block blocks[v] goes to place v.
    static void transposed(const Model& m, const float* weight, int64_t columns, const int* blocks,
                           int64_t group_panels, Share share, float* packed) {
        const int64_t panels = panel_count<V>(m.H), column_panels = panel_count<V>(columns), G = m.cell.gates;
        const int64_t depth = panels * G * L;
        const Range groups =
            share_of<V>((column_panels + group_panels - 1) / group_panels, 1, share.index, share.count);
        for (int64_t q = groups.begin; q < groups.end; ++q) {
            const int64_t first = q * group_panels;
            const int64_t n = column_panels - first < group_panels ? column_panels - first : group_panels;
            const int64_t width = n * L, real = columns - first * L < width ? columns - first * L : width;
            float* group = packed + depth * first * L;
            if (real < width || panels * L > m.H || m.cell.second_block >= 0) {
                std::memset(group, 0, sizeof(float) * static_cast<size_t>(depth * width));
            }
            for (int64_t p = 0; p < panels; ++p) {
                const int lanes = lanes_of<V>(p, m.H);
                for (int64_t v = 0; v < G; ++v) {
                    for (int l = 0; l < lanes && blocks[v] >= 0; ++l) {
                        std::memcpy(group + ((p * G + v) * L + l) * width,
                                    weight + (blocks[v] * m.H + p * L + l) * columns + first * L,
                                    sizeof(float) * static_cast<size_t>(real));
                    }
                }
            }
        }
    }

    // A matrix of depth x columns, read as weight[k][j], or weight[j][k] if `flipped`; in groups of four panels.
    static void plain(const float* weight, int64_t depth, int64_t columns, bool flipped, float* packed) {
        for (int64_t first = 0; first < columns; first += 4 * L) {
            const int64_t left = panel_count<V>(columns - first) * L, width = left < 4 * L ? left : 4 * L;
            for (int64_t k = 0; k < depth; ++k, packed += width) {
                for (int64_t j = 0; j < width; ++j) {
                    const int64_t column = first + j;
                    packed[j] = column >= columns ? 0.0f
                                : flipped         ? weight[column * depth + k]
                                                  : weight[k * columns + column];
                }
            }
        }
    }

private:
    static void interleave(const Model& m, const float* weight, int64_t columns, const int* blocks, int64_t p,
                           int lanes, float* out) {
        const int64_t G = m.cell.gates;
        for (int64_t k = 0; k < columns; k += L) {
            const int64_t count = columns - k < L ? columns - k : L;
            for (int64_t v = 0; v < G; ++v) {
                if (blocks[v] < 0) continue;
                const float* block = weight + (blocks[v] * m.H + p * L) * columns + k;
                copy_transposed<V>(block, columns, lanes, out + (k * G + v) * L, G * L, count);
            }
        }
    }
};
