// Products with a few columns, of the gradients at the sums with the weights of a narrow input: vectors lie along the
// depth, where a panel of columns would be mostly empty.
#pragma once
#include <cstdint>
#include <cstring>

#include "kernels.h"
#include "pack.h"
#include "tile.h"

template <class V>
struct Narrow {
    static constexpr int L = V::kLanes;

    // weight: (G*H, columns), whose row block blocks[v] goes to place v; packed: [column][panel x gates x lanes].
    static void pack(const Model& m, const float* weight, int64_t columns, const int* blocks, float* packed) {
        const int64_t panels = panel_count<V>(m.H), G = m.cell.gates;
        std::memset(packed, 0, sizeof(float) * static_cast<size_t>(columns * panels * G * L));
        for (int64_t j = 0; j < columns; ++j) {
            for (int64_t p = 0; p < panels; ++p) {
                const int lanes = lanes_of<V>(p, m.H);
                for (int64_t v = 0; v < G; ++v, packed += L) {
                    const float* from = weight + (blocks[v] * m.H + p * L) * columns + j;
                    for (int l = 0; l < lanes && blocks[v] >= 0; ++l) packed[l] = from[l * columns];
                }
            }
        }
    }

    // The product of one row of `height` units, which lies in pieces of G vectors at a distance of `pitch` floats.
    template <int G>
    static void product(const float* row, int64_t height, int64_t pitch, const float* packed, int64_t columns,
                        float* out) {
        const int64_t panels = panel_count<V>(height);
        for (int64_t j = 0; j < columns; ++j) {
            typename V::Reg sum[G];
            for (int v = 0; v < G; ++v) sum[v] = V::zero();
            for (int64_t p = 0; p < panels; ++p, packed += G * L) {
                const int lanes = lanes_of<V>(p, height);  // what lies past them may be anything (with_lanes)
                for (int v = 0; v < G; ++v) {
                    const float* from = row + p * pitch + v * L;
                    const auto d = lanes == L ? V::load(from) : V::load_first(from, lanes);
                    sum[v] = V::fma(d, V::load(packed + v * L), sum[v]);
                }
            }
            for (int v = 1; v < G; ++v) sum[0] = V::add(sum[0], sum[v]);
            out[j] = V::total(sum[0]);
        }
    }
};
