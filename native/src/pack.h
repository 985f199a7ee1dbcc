// Weights as the tiles read them: panels of V::kLanes hidden units with the gates interleaved.
//   forward     [panel][bias: sums x lanes | input: I x gates x lanes | hidden: H x gates x lanes]
//   transposed  [group of N panels of columns][panel of hidden units x sums x lanes][N x lanes]
// Units past the end have zero weights.
#pragma once
#include <cstdint>
#include <cstring>

#include "kernels.h"
#include "tile.h"

template <class V>
constexpr int64_t panel_count(int64_t width) {
    return (width + V::kLanes - 1) / V::kLanes;
}
template <class V, class Cell>
constexpr int64_t panel_floats(int64_t input_size, int64_t hidden_size) {
    return (Cell::kSums + (input_size + hidden_size) * Cell::kGates) * V::kLanes;
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

template <class V, class Cell>
struct Pack {
    static constexpr int L = V::kLanes;

    static void forward(const gw_params& params, int64_t I, int64_t H, Share share, float* packed) {
        const Range panels = share_of<V>(panel_count<V>(H), 1, share.index, share.count);
        for (int64_t p = panels.begin; p < panels.end; ++p) {
            float* at = packed + p * panel_floats<V, Cell>(I, H);
            const int lanes = lanes_of<V>(p, H);
            const int64_t unset = lanes < L ? panel_floats<V, Cell>(I, H) : Cell::kSums * L;
            std::memset(at, 0, sizeof(float) * static_cast<size_t>(unset));
            for (int g = 0; g < Cell::kGates; ++g) {
                for (int l = 0; l < lanes; ++l) {
                    const int64_t row = g * H + p * L + l;
                    if (params.bias_ih) at[Cell::kInput[g] * L + l] += params.bias_ih[row];
                    if (params.bias_hh) at[Cell::kHidden[g] * L + l] += params.bias_hh[row];
                }
            }
            at += Cell::kSums * L;
            interleave(params.weight_ih, I, H, p, lanes, at);
            interleave(params.weight_hh, H, H, p, lanes, at + I * Cell::kGates * L);
        }
    }

    // weight: (G*H, columns); recurrent chooses which sums the gates add into.
    static void transposed(const float* weight, int64_t H, int64_t columns, bool recurrent, int64_t group_panels,
                           Share share, float* packed) {
        const int64_t panels = panel_count<V>(H), column_panels = panel_count<V>(columns);
        const int64_t depth = panels * Cell::kSums * L;
        const Range groups =
            share_of<V>((column_panels + group_panels - 1) / group_panels, 1, share.index, share.count);
        for (int64_t q = groups.begin; q < groups.end; ++q) {
            const int64_t first = q * group_panels;
            const int64_t n = column_panels - first < group_panels ? column_panels - first : group_panels;
            const int64_t width = n * L, real = columns - first * L < width ? columns - first * L : width;
            float* group = packed + depth * first * L;
            if (real < width || panels * L > H || Cell::kGates < Cell::kSums) {
                std::memset(group, 0, sizeof(float) * static_cast<size_t>(depth * width));
            }
            for (int64_t p = 0; p < panels; ++p) {
                for (int g = 0; g < Cell::kGates; ++g) {
                    const int sum = recurrent ? Cell::kHidden[g] : Cell::kInput[g];
                    const int lanes = lanes_of<V>(p, H);
                    for (int l = 0; l < lanes; ++l) {
                        std::memcpy(group + ((p * Cell::kSums + sum) * L + l) * width,
                                    weight + (g * H + p * L + l) * columns + first * L,
                                    sizeof(float) * static_cast<size_t>(real));
                    }
                }
            }
        }
    }

private:
    static void interleave(const float* weight, int64_t columns, int64_t H, int64_t p, int lanes, float* out) {
        for (int64_t k = 0; k < columns; k += L) {
            const int64_t count = columns - k < L ? columns - k : L;
            for (int g = 0; g < Cell::kGates; ++g) {
                const float* block = weight + (g * H + p * L) * columns + k;
                copy_transposed<V>(block, columns, lanes, out + (k * Cell::kGates + g) * L, Cell::kGates * L, count);
            }
        }
    }
};
