// AVX-512 for the pointwise work around the products: it also leaves its results as parts.
#pragma once
#include <cstdint>

#include "../kernels.h"
#include "../vec/avx512.h"
#include "layout.h"

namespace parts {

// Rows as an A operand in which a tile may begin at any row: [block of k][plane][rows][32 k].
template <class E>
struct Planes {
    Bf16* data;
    int64_t rows;

    int64_t plane() const { return rows * kDepth; }
    Bf16* at(int64_t row) const { return data + row * kDepth; }
    SplitRow row(int64_t row) const { return {at(row), plane()}; }
    static int64_t parts(int64_t rows, int64_t depth) { return block_count(depth) * E::kPlanes * rows * kDepth; }
};

template <class E>
struct Vector : Avx512 {
    static constexpr int kPanelStep = 2;
    static constexpr bool kSplits = true;
    static constexpr int kHalf = 0;

    // Vector `v`, 16 k wide, of a row.
    static GATEWORK_INLINE void put(const SplitRow& to, int64_t v, Reg a) {
        E::store_row(a, to.parts + v / kVectors * E::kPlanes * to.plane + v % kVectors * kColumns, to.plane);
    }
};

}  // namespace parts
