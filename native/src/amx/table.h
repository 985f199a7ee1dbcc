// Instantiates the scans on tiles.
#pragma once
#include "../table.h"
#include "backward.h"
#include "forward.h"
#include "pack.h"

namespace amx {

template <int G>
constexpr Scans scans() {
    // A single row at a time is no work for tiles.
    return {Packed::floats, transposed_floats,   pack, pack_transposed, ForwardScan<G>::run,
            nullptr,        BackwardScan<G>::run};
}

constexpr TileKernels tile_kernels() { return {all_cells<Vector>(), {scans<1>(), scans<2>(), scans<3>(), scans<4>()}}; }

}  // namespace amx
