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

// A cell's facts at run time; see cells.h.
struct Facts {
    int gates, sums, input, hidden, tape;
    int input_block[4], hidden_block[4], second_block;
    bool carries;  // a memory c beside h
};

// Zoneout, as hash.h and the mixing need it. A share of 0 is none.
struct Zoneout {
    bool training;
    float share;         // of the old state, where no mask is drawn
    uint32_t threshold;  // a unit keeps its old state where its bits are below
    uint32_t key;
};

// The problem as the kernels see it.
struct Model {
    Facts cell;
    int64_t I, H;
    int64_t R;    // what the recurrent weights read: P, or H without a projection
    bool second;  // a second product ends a step: that of a projection, or that of what the cell hands over
    bool peephole, norm, reverse, clipped;
    int parts;  // bfloat16 that stand for a float, where PartKernels run it; else 0
    float clip;
    Zoneout zone_h, zone_c;
    int64_t batch, first_step;
};

constexpr float kNormEpsilon = 1e-5f;  // torch's
constexpr int kNormStats = 4;          // floats beside each record of a tape

// Vectors per unit before the weights of a panel: a bias for each sum; the peepholes of i, f and o; and of a layer norm
// the factors of W_ih x, the shifts of both, the factors of W_hh h, and factor and shift of c.
static inline int bias_vectors(const Model& m) { return m.cell.sums; }
static inline int constant_vectors(const Model& m) {
    return bias_vectors(m) + (m.peephole ? 3 : 0) + (m.norm ? 3 * m.cell.gates + 2 : 0);
}
// Vectors per unit that the backward recurrence leaves of each step: the gradients at the sums; with a layer norm at
// the gates before activation and at shift and factor of c; at the peepholes.
static inline int gradient_slots(const Model& m) {
    return m.cell.sums + (m.norm ? m.cell.gates + 2 : 0) + (m.peephole ? 3 : 0);
}
// Vectors per unit whose sums over all steps are gradients: those, and with a layer norm at the factors of the sums.
static inline int summed_slots(const Model& m) { return gradient_slots(m) + (m.norm ? 2 * m.cell.gates : 0); }
// Whether the input is so narrow that its gradient is made by narrow.h. Measured: from 4 features on it gains nothing.
static inline bool is_narrow(const Model& m) { return m.I <= 2 && !m.parts; }
// Where the sums lie in a record: with a layer norm, past what the cell makes of them.
static inline int sums_slot(const Model& m) { return m.norm ? m.cell.gates + 1 : 0; }
// What the masks of step t of sequence b are drawn by. It wraps.
static inline uint32_t mask_row(const Model& m, int64_t t, int64_t b) {
    const auto low = [](int64_t whole) { return static_cast<uint32_t>(whole); };
    return (low(m.first_step) + low(t)) * low(m.batch) + low(b);
}
// Whether a step is finished only when all panels of a row have their sums.
static inline bool by_row(const Model& m) { return m.second || m.norm; }
// Whether the cell itself, not the tape, needs its records.
static inline bool needs_records(const Model& m) { return m.norm || m.cell.second_block >= 0; }
// The units of panel p that a step must compute: a step that is finished by row reads all lanes.
static inline int64_t needed_lanes(const Model& m, int64_t p, int64_t lanes) {
    return by_row(m) ? lanes : m.H - p * lanes;
}
// The weights of the second product: (R, H). Of their gradients likewise.
template <class Float>
inline Float* second_weights(const Model& m, Float* const* params) {
    const int block = m.cell.second_block;
    return block < 0 ? params[GW_WEIGHT_HR] : params[GW_WEIGHT_HH] + block * m.H * m.R;
}
// The row block of the bias of sum kHidden + v.
static inline int hidden_bias_block(const Facts& cell, int v) {
    return cell.hidden_block[v] < 0 ? cell.second_block : cell.hidden_block[v];
}

// One thread's share of a recurrence: every groups-th row, and one slice of the hidden units. Rows are independent
// through all time; slices are not, and meet at the barrier after each step.
struct Part {
    int group, groups;
    int slice, slices;
    Barrier* barrier;  // nullptr when slices is 1
};

// One row of an operand that is kept as parts; see parts/. `plane` lies between the planes of a block of k.
struct SplitRow {
    uint16_t* parts;
    int64_t plane;
};

struct Row {  // one real step of one sequence, as the forward kernel needs it
    const float* x;
    const float* operand;  // what the recurrent weights read
    const float* before;   // the h before: the same, unless it is scaled
    float* y;
    float* next_operand;    // where y times `scale` goes for the next step; nullptr if not scaled
    const float* scale;     // (R)
    float* record;          // in panel 0
    float* carried;         // in panel 0
    float* trace;           // (H) of the first gate; nullptr if no trace is wanted
    float* shown;           // (H) what a second product reads; nullptr without one
    float* stats;           // kNormStats; nullptr without a layer norm or a tape
    SplitRow split;         // where what the next step reads goes as parts
    uint32_t time_and_row;  // see mask_row
};

struct ForwardArgs {
    Model model;
    Plan plan;
    gw_forward pass;
    const float* packed;
    const float* zeros;    // (max of H, R)
    float* carried;        // [panel][row][lanes]
    float* records;        // [panel][record_rows][...]: the tape, or scratch for the input's share of the sums
    int64_t record_rows;   // 0: no records
    int64_t record_slots;  // vectors a record holds
    bool keep_tape;
    float* stats;         // [real step][kNormStats], the tail of the tape; nullptr without a layer norm or a tape
    int64_t chunk_steps;  // steps whose input products are made at once; 0: made with the step itself
    Row* scratch;         // scratch_rows for each part
    int64_t scratch_rows;
    float* operands[2];  // (rows, R) each, used in turn; nullptr unless the h that is read is scaled
    float* shown;        // (rows, H); nullptr without a second product
    uint16_t* split_x;   // the rows of a chunk as parts; nullptr where nothing is split
    uint16_t* split_h[2];
    int64_t split_x_rows, split_h_rows;  // with room for the tile that begins at the last row
};

struct BackRow {        // one real step of one sequence, as the backward recurrence needs it; panel 0 throughout
    const float* next;  // gradient at the sums of the following step; nullptr at a sequence's last
    const float* tape;
    const float* tape_before;  // tape of the step before, or nullptr: c0
    const float* c0;           // (H) or nullptr: zeros
    const float* before;       // (R) the h before
    const float* scale;        // (R) or nullptr
    const float* dy;           // (R) or nullptr
    const float* dh_n;         // (R) or nullptr; only read at a sequence's last step
    float* d_sum;
    float* carried;  // gradient at c
    float* direct;   // gradient at the h before that does not pass through the recurrent weights; nullptr if none
    float* dh;       // (R) gradient at h; nullptr unless a step is finished by row
    const float* stats;
    float* shown;                 // what the second product read, lane by lane of its panel; nullptr without one
    SplitRow split, split_input;  // where the gradients at the sums of h and of x go as parts
    uint32_t time_and_row;
};

struct StepRow {  // the same, as the products outside the recurrence need it
    const float* x;
    const float* operand;
    float* dx;  // or nullptr
};

// The backward pass goes through time in chunks of whole steps: the recurrence over a chunk leaves the gradients at its
// sums, the products use them up while they are in the cache. Two buffers alternate, so that a chunk finds the
// gradients of the step that follows it, and one meeting a chunk is enough. Chunks depend on the lengths alone.
constexpr int64_t kChunkRows = 256;

struct BackwardArgs {
    Model model;
    Plan plan;
    gw_backward pass;
    const float* packed_hh;  // transposed panels
    const float* packed_ih;  // the same, or for narrow.h
    const float* packed_hr;  // straight: a product with it leads back through the second one
    const float* constants;  // [panel][those that are no biases][lanes]
    const float* stats;
    float* carried;                       // [panel][row][lanes]
    float* direct;                        // the same over R; nullptr if there is no such path
    float* d_sums[2];                     // each [panel][chunk_rows][gradient slots][lanes]
    float* dh[2];                         // each (chunk_rows, R): gradient at h, where a step is finished by row
    float* shown[2];                      // each [panel][chunk_rows][lanes]
    float* operands;                      // (chunk_rows, R): scaled h, made anew
    int64_t chunk_rows;                   // real steps that a chunk holds at most
    float* d_packed;                      // [panel][I + R][gates][lanes], then [panel][summed slots][lanes]
    float* d_packed_hr;                   // [panel][R][lanes]
    const float* zeros;                   // (max of H, R)
    uint16_t *split[2], *split_input[2];  // gradients at the sums of h and of x as parts; the same if the sums are
    uint16_t* split_columns[2];           // x and h of the chunk, turned
    uint16_t* split_pairs;                // scratch for each thread
    int64_t split_rows;
    float* tile_dh;    // [row][panels of R][lanes]
    BackRow* scratch;  // scratch_rows for each thread of the recurrence
    int64_t scratch_rows;
    StepRow* step_rows;    // chunk_rows for each thread
    int64_t group_panels;  // panels that a tile of the recurrence covers, 1..4
    Barrier* everyone;     // nullptr: one thread
};

struct Share {  // thread index of count
    int index, count;
};

// How the sums of `count` rows become new states, and how gradients at h become gradients at the sums, at one panel.
struct Pointwise {
    Facts facts;
    void (*update)(const ForwardArgs&, const Row*, int64_t count, int64_t panel, const float* sums);
    // dh: [count][stride]
    void (*gradient)(const BackwardArgs&, const BackRow*, int64_t count, int64_t panel, const float* dh,
                     int64_t stride);
    // The same by whole rows: of a layer norm only.
    void (*update_rows)(const ForwardArgs&, const Row*, int64_t count);
    void (*gradient_rows)(const BackwardArgs&, const BackRow*, int64_t count);
    // What becomes of a second product; of the gradient at h, where steps are finished by row; and, of a layer norm,
    // of the gradient at what the second product read.
    void (*project)(const ForwardArgs&, const Row*, int64_t count, int64_t panel, const float* h, int64_t stride);
    void (*take_in)(const BackwardArgs&, const BackRow*, int64_t count, int64_t panel, const float* dh, int64_t stride);
    void (*keep)(const BackwardArgs&, const BackRow*, int64_t count, int64_t panel, const float* dh, int64_t stride);
};

// The scans, by the number of a cell's gates.
struct Scans {
    int64_t (*packed_floats)(const Model&);
    int64_t (*transposed_floats)(const Model&, int64_t columns);
    void (*pack)(const Model&, const float* const* params, Share, float* packed);
    void (*pack_transposed)(const Model&, const float* weight, int64_t columns, const int* blocks, int64_t group_panels,
                            Share, float* packed);
    void (*forward)(const ForwardArgs&, const Pointwise&, const Part&);
    void (*step)(const ForwardArgs&, const Pointwise&, const Row*);  // of one row
    // A thread of the products; `part` is its share of the recurrence, or nullptr if it has none.
    void (*backward)(const BackwardArgs&, const Pointwise&, const Part* part, Share);
};

constexpr int kNumCells = 14;
struct Cells {
    Pointwise of[kNumCells];
};

// What replaces the above for problems that are large enough, where the machine multiplies bfloat16; see parts/.
struct PartKernels {
    int parts;
    Cells cells;
    Scans scans[4];
};

// See gw_drop and gw_choose.
struct DropArgs {
    const void* x;
    void* y;
    int64_t steps, rows, width;
    uint32_t threshold, key;  // a number is dropped where its bits are below
    float scale;              // of the others
};
struct ChoiceArgs {
    const void* logits;
    const int64_t* targets;
    int64_t classes;
    float factor;  // of a row's loss in the whole
    void* d_logits;
    float *losses, *sums;  // of each row; its loss still lacks the logarithm of its sum
};

struct Range;  // tile.h

struct Kernels {
    const char* name;
    int lanes;
    int tile_rows;
    Cells cells;
    Scans scans[4];  // of 1 .. 4 gates
    void (*pack_plain)(const float* weight, int64_t depth, int64_t columns, bool flipped, float* packed);
    void (*pack_narrow)(const Model&, const float* weight, int64_t columns, const int* blocks, float* packed);
    void (*pack_constants)(const Model&, const float* const* params, int64_t panel, float* packed);  // but for biases
    void (*drop[2][2])(const DropArgs&, Range rows);  // by the gw_number of x and of y
    void (*choose[2])(const ChoiceArgs&, Range rows, float* scratch);
};
