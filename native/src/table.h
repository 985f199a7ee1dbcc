// Instantiates every kernel for one vector type.
#pragma once
#include "backward.h"
#include "forward.h"
#include "kernels.h"
#include "pack.h"

template <class V, class Cell>
constexpr CellKernels cell_kernels() {
    return {Cell::kGates,
            Cell::kSums,
            Cell::kTape,
            Pack<V, Cell>::forward,
            Pack<V, Cell>::transposed,
            ForwardScan<V, Cell>::run,
            BackwardScan<V, Cell>::run};
}

template <class V>
constexpr Kernels kernels_for(const char* name) {
    return {name, V::kLanes, V::kRows, cell_kernels<V, Lstm>()};
}
