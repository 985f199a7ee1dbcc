// AVX-512 for the pointwise work around AMX: it also leaves its results as the parts that tiles multiply.
#pragma once
#include <cstdint>

#include "../kernels.h"
#include "../vec/avx512.h"
#include "split.h"
#include "tiles.h"

namespace amx {

// Rows as an A operand in which a tile may begin at any row: [block of k][plane][rows][32 k].
struct Planes {
    Bf16* data;
    int64_t rows;

    int64_t plane() const { return rows * kDepth; }
    Bf16* at(int64_t row) const { return data + row * kDepth; }
    SplitRow row(int64_t row) const { return {at(row), plane()}; }
    static int64_t parts(int64_t rows, int64_t depth) { return block_count(depth) * kPlanes * rows * kDepth; }
};

struct Vector : Avx512 {
    static constexpr int kPanelStep = 2;
    static constexpr bool kSplits = true;

    // Vector `v`, 16 k wide, of a row.
    static GATEWORK_INLINE void put(const SplitRow& to, int64_t v, Reg a) {
        Reg part[kPlanes];
        split(a, part);
        store_row(part, to.parts + v / kVectors * kPlanes * to.plane + v % kVectors * kColumns, to.plane);
    }
};

}  // namespace amx
