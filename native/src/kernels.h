// What the C interface and the kernels of one instruction set say to each other: plain data and function pointers.
#pragma once
#include <cstdint>

#include "../include/gatework.h"

// Declared only: a kernel file that included a library header could hand its own copy, compiled with wider
// instructions, to the linker as the one that every file uses.
class Barrier;
void wait_at(Barrier& barrier) noexcept;

// The real steps of a ragged batch: sequences sorted by falling length, so those alive at step s are the first
// active[s].
struct Plan {
    int64_t steps;          // longest length
    int64_t rows;           // sequences with a length above 0
    int64_t total;          // sum of the lengths
    const int64_t* order;   // (B) row -> sequence; past `rows`, the empty ones
    const int64_t* length;  // (B) by row
    const int64_t* active;  // (steps + 1), the last is 0
    const int64_t* start;   // (steps) position of step s, row 0 among all real steps; row r is start[s] + r
};

// One thread's share of a recurrence: every groups-th row, and one slice of the hidden units. Rows are independent
// through all time; slices are not, and meet at the barrier after each step.
struct Part {
    int group, groups;
    int slice, slices;
    Barrier* barrier;  // nullptr when slices is 1
};

struct Row {  // one real step of one sequence, as the forward kernel needs it
    const float* x;
    const float* h;  // the h it reads
    float* y;
    float* record;   // in panel 0
    float* carried;  // in panel 0
};

struct ForwardArgs {
    Plan plan;
    int64_t input_size, hidden_size;
    bool reverse;
    gw_forward pass;
    const float* packed;
    const float* zeros;    // (H)
    float* carried;        // [panel][row][lanes]
    float* records;        // [panel][record_rows][...]: the tape, or scratch for the input's share of the sums
    int64_t record_rows;   // 0: no records
    int64_t record_slots;  // vectors a record holds
    bool keep_tape;
    int64_t chunk_steps;  // steps whose input products are made at once; 0: made with the step itself
    Row* scratch;         // scratch_rows for each part
    int64_t scratch_rows;
};

struct BackRow {        // one real step of one sequence, as the backward recurrence needs it; panel 0 throughout
    const float* next;  // gradient at the sums of the following step; nullptr at a sequence's last
    const float* tape;
    const float* before;  // tape of the step before, or nullptr: c0
    const float* c0;      // (H) or nullptr: zeros
    const float* dy;      // (H) or nullptr
    const float* dh_n;    // (H) or nullptr; only read at a sequence's last step
    float* d_sum;
    float* carried;
};

struct StepRow {  // the same, as the products outside the recurrence need it
    const float* x;
    const float* h;  // the h it read
    float* dx;       // or nullptr
};

// The backward pass goes through time in chunks of whole steps: the recurrence over a chunk leaves the gradients at its
// sums, the products use them up while they are in the cache. Two buffers alternate, so that a chunk finds the
// gradients of the step that follows it, and one meeting a chunk is enough. Chunks depend on the lengths alone.
constexpr int64_t kChunkRows = 256;

struct BackwardArgs {
    Plan plan;
    int64_t input_size, hidden_size;
    bool reverse;
    gw_backward pass;
    const float* packed_hh;  // transposed panels
    const float* packed_ih;
    float* carried;      // [panel][row][lanes]
    float* d_sums[2];    // each [panel][chunk_rows][sums][lanes]
    int64_t chunk_rows;  // real steps that a chunk holds at most
    float* d_packed;     // [panel][I + H][sums][lanes], then [panel][sums][lanes] for the bias
    const float* zeros;  // (H)
    BackRow* scratch;    // scratch_rows for each thread of the recurrence
    int64_t scratch_rows;
    StepRow* step_rows;    // chunk_rows for each thread
    int64_t group_panels;  // panels that a tile of the recurrence covers, 1..4
    Barrier* everyone;     // nullptr: one thread
};

struct Share {  // thread index of count
    int index, count;
};

struct CellKernels {
    int gates, sums, tape;
    void (*pack)(const gw_params&, int64_t input_size, int64_t hidden_size, Share, float* packed);
    void (*pack_transposed)(const float* weight, int64_t hidden_size, int64_t columns, bool recurrent,
                            int64_t group_panels, Share, float* packed);
    void (*forward)(const ForwardArgs&, const Part&);
    // A thread of the products; `part` is its share of the recurrence, or nullptr if it has none.
    void (*backward)(const BackwardArgs&, const Part* part, Share);
};

struct Kernels {
    const char* name;
    int lanes;
    int tile_rows;
    CellKernels lstm;
};
