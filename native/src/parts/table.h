// Instantiates the scans for one engine of products.
#pragma once
#include "../table.h"
#include "backward.h"
#include "forward.h"
#include "pack.h"

namespace parts {

template <class E, int G>
constexpr Scans scans() {
    // A single row at a time is left to the vectors.
    return {Packed<E>::floats, transposed_floats<E>,   pack<E>, pack_transposed<E>, ForwardScan<E, G>::run,
            nullptr,           BackwardScan<E, G>::run};
}

template <class E>
constexpr PartKernels kernels_for() {
    return {E::kPlanes, all_cells<Vector<E>>(), {scans<E, 1>(), scans<E, 2>(), scans<E, 3>(), scans<E, 4>()}};
}

}  // namespace parts
