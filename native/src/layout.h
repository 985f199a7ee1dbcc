// How threads share a problem, and where everything lies in its workspace.
#pragma once
#include <cstdint>

#include "model.h"
#include "plan.h"

struct Sharing {
    int groups, slices;  // groups * slices threads run the recurrence
    int threads() const { return groups * slices; }
};

// Threads for the products outside the recurrence: none for what one thread does in the time it takes to wake another.
int product_threads(const gw_problem& problem, int64_t steps);

int64_t tape_floats(const gw_problem& problem);
int64_t packed_floats(const gw_problem& problem);

// Packs the forward pass's weights, for the scans given.
void pack_weights(const Scans& scans, const Model& m, const float* const* params, Share share, float* packed);

struct ForwardLayout {
    Model model;
    PlanBuffers plan;
    Sharing sharing;
    int64_t chunk_steps, scratch_rows, record_rows, record_slots;
    float *packed, *zeros, *carried, *sums, *operands[2], *shown;
    uint16_t *split_x, *split_h[2];
    int64_t split_x_rows, split_h_rows;
    Row* scratch;
    size_t bytes;

    // Without a tape more scratch is needed; with packed weights of the caller's, less.
    ForwardLayout(const gw_problem& problem, bool tape, bool packs, Arena arena);
};

struct BackwardLayout {
    Model model;
    PlanBuffers plan;
    Sharing sharing;
    int threads;
    int64_t group_panels, scratch_rows, chunk_rows;
    float *packed_hh, *packed_ih, *packed_hr, *constants, *zeros, *carried, *direct;
    float *d_sums[2], *dh[2], *shown[2], *operands, *d_packed, *d_packed_hr, *tile_dh;
    uint16_t *split[2], *split_input[2], *split_columns[2], *split_pairs;
    int64_t split_rows;
    BackRow* scratch;
    StepRow* step_rows;
    size_t bytes;

    BackwardLayout(const gw_problem& problem, bool scaled, Arena arena);
};
