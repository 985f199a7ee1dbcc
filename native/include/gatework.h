/* The C interface of Gatework's core: a recurrent cell run over a ragged batch, forward and backward, in float32.
 *
 * T steps, B sequences, I inputs, H hidden units, G gates of the cell (LSTM: i f g o; GRU: r z n; RNN: n). Weights are
 * row-major as in torch. Sequences are addressed by strides, so batch-first and time-major, whole tensors and slices,
 * run without a copy. Sequence b has lengths[b] real steps (0..T); the work is proportional to the sum of the lengths.
 * With `reverse` each sequence runs from its own last step to its first.
 *
 * No function allocates (but for the threads of the core's own pool, at their first use), throws, or keeps a pointer.
 * The caller owns every buffer; sizes are asked for beforehand. All buffers are distinct. A sequence's result depends
 * neither on its batch mates nor on the number of threads, bit for bit; but see batch_invariant.
 */
#ifndef GATEWORK_H
#define GATEWORK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GW_API __attribute__((visibility("default")))
#else
#define GW_API
#endif

typedef enum { GW_LSTM = 0, GW_GRU = 1, GW_RNN = 2 } gw_cell;

/* Flags. Gates that are absent are 1, and their rows leave the weights. */
typedef enum {
    GW_NO_INPUT_GATE = 1, /* LSTM, as the next five */
    GW_NO_FORGET_GATE = 2,
    GW_NO_OUTPUT_GATE = 4,
    GW_COUPLED = 8,   /* i = 1 - f; the rows of i leave the weights */
    GW_PEEPHOLE = 16, /* the gates also see the memory */
    GW_LAYER_NORM = 32,
    GW_RELU = 64,         /* RNN: relu for tanh */
    GW_RESET_BEFORE = 128 /* GRU: the reset acts before the recurrent weights, not after */
} gw_option;

typedef enum {
    GW_OK = 0,
    GW_BAD_SIZE = 1,   /* a size is negative or fits no memory, hidden_size is 0, proj_size is not below it, or a share
                        * lies outside 0..1 */
    GW_BAD_LENGTH = 2, /* a length lies outside 0..steps */
    GW_BAD_CELL = 3,   /* no such cell, or it has no such option */
    GW_BAD_ISA = 4,    /* unknown here; the list of gw_isa_name says what there is */
    GW_MISSING = 5,    /* a tensor that the cell needs is NULL */
    GW_BAD_TARGET = 6  /* a target lies outside 0..classes - 1 */
} gw_status;

typedef struct {
    int32_t cell;                                  /* a gw_cell */
    uint32_t options;                              /* gw_option flags */
    int64_t steps, batch, input_size, hidden_size; /* T B I H */
    int64_t proj_size;                             /* LSTM: P, the width of a projected h; 0: none, P = H */
    float cell_clip;                               /* LSTM: c stays within +- this; 0: no bound */
    double zoneout_h, zoneout_c;                   /* probability that a unit keeps its old state, below 1 */
    int32_t training;       /* zoneout draws masks; else it mixes old and new by the probabilities */
    uint64_t seed;          /* of the masks; see gw_zoneout_bits */
    int64_t first_step;     /* when step 0 is, for the masks: a long scan may be run in stretches of time */
    const int64_t* lengths; /* (B), or NULL: all T */
    int32_t reverse;
    int32_t num_threads; /* at most so many; small problems use fewer */
    /* Matrix tiles (instruction set "amx") round otherwise than the kernels that serve small batches better. 0: the
     * batch decides, by a border at GW_TILE_BATCH sequences; 1: tiles are not used, whatever the batch. */
    int32_t batch_invariant;
    /* 1: products may be made of operands that are rounded to bfloat16, where that is faster; all else, their sums and
     * the states too, stays in float32. A forward pass and its backward pass must agree. Instruction sets from
     * "avx512_bf16" on do so, for layers that are not small; no sequence's result depends on its batch mates then. */
    int32_t bfloat16;
} gw_problem;

enum { GW_TILE_BATCH = 16 };

/* Places of the parameters, and of their gradients, in an array of GW_NUM_PARAMS pointers. */
typedef enum {
    GW_WEIGHT_IH = 0,  /* (G*H, I) */
    GW_WEIGHT_HH,      /* (G*H, P) */
    GW_BIAS_IH,        /* (G*H) or NULL */
    GW_BIAS_HH,        /* (G*H) or NULL */
    GW_WEIGHT_HR,      /* (P, H): projection */
    GW_WEIGHT_CI,      /* (H): peepholes of the gates there are */
    GW_WEIGHT_CF,      /* (H) */
    GW_WEIGHT_CO,      /* (H) */
    GW_NORM_IH_WEIGHT, /* (G*H): layer norm of W_ih x, of W_hh h and of c; each shift may be NULL */
    GW_NORM_IH_BIAS,
    GW_NORM_HH_WEIGHT,
    GW_NORM_HH_BIAS,
    GW_NORM_C_WEIGHT, /* (H) */
    GW_NORM_C_BIAS,
    GW_NUM_PARAMS
} gw_param;

/* Element k of step t of sequence b is data[t * step + b * row + k]. */
typedef struct {
    const float* data;
    int64_t step, row;
} gw_input;
typedef struct {
    float* data;
    int64_t step, row;
} gw_output;

typedef struct {
    gw_input x;                   /* I wide */
    const float* h0;              /* (B, P) or NULL: zeros */
    const float* c0;              /* (B, H) or NULL: zeros; LSTM only, as all c */
    const float* recurrent_scale; /* (B, P) or NULL: the recurrent weights read h times this */
    gw_output y;                  /* P wide; zero past each length */
    float* h_n;                   /* (B, P) */
    float* c_n;                   /* (B, H) */
    gw_output trace;              /* H wide: the activations of the first gate; data NULL: no trace is wanted */
    int64_t trace_slot;  /* floats from there to the next gate's, in the cell's order, and on to c of an LSTM */
    float* tape;         /* gw_tape_floats floats, or NULL: no backward pass will follow */
    const float* packed; /* what gw_pack made of the parameters, or NULL: it is made anew */
} gw_forward;

typedef struct {
    gw_input x, y; /* as in the forward pass */
    const float *h0, *c0, *recurrent_scale;
    const float* tape;        /* as the forward pass left it */
    gw_input dy;              /* P wide; data NULL: zeros */
    const float *dh_n, *dc_n; /* (B, P), (B, H) or NULL: zeros */
    gw_output dx;             /* I wide, zero past each length; data NULL: not wanted */
    float *dh0, *dc0;         /* (B, P), (B, H) or NULL: not wanted */
    float* const* gradients;  /* GW_NUM_PARAMS, shaped as the parameters; NULL: none is wanted */
} gw_backward;

GW_API gw_status gw_check(const gw_problem* problem);

/* Sizes for a problem that gw_check accepts. */
GW_API int32_t gw_gates(const gw_problem* problem); /* G */
GW_API size_t gw_tape_floats(const gw_problem* problem);
GW_API size_t gw_packed_floats(const gw_problem* problem);
GW_API size_t gw_forward_workspace(const gw_problem* problem);  /* bytes; align the buffer to 64 */
GW_API size_t gw_backward_workspace(const gw_problem* problem); /* bytes; align the buffer to 64 */

/* The forward pass's copy of the parameters; good for any other problem of the same cell, sizes, instruction set and
 * gw_packed_floats. */
GW_API gw_status gw_pack(const gw_problem* problem, const float* const* params, float* packed);

/* One problem, or two at once, such as the two directions of a layer: each uses its own num_threads, so share out what
 * there are. params, passes and workspaces have one entry a problem. */
GW_API gw_status gw_run_forward(int32_t count, const gw_problem* problems, const float* const* const* params,
                                const gw_forward* passes, void* const* workspaces);
GW_API gw_status gw_run_backward(int32_t count, const gw_problem* problems, const float* const* const* params,
                                 const gw_backward* passes, void* const* workspaces);

/* One sequence taken a step at a time, as its samples arrive. Of the problem, steps, batch, lengths, reverse, training
 * and num_threads are not read. The caller gives gw_stream_bytes bytes, aligned to 64; the stream keeps its own copy of
 * the weights there and its state, which starts as zeros. A step allocates nothing, locks nothing and does not fail.
 * Streams are for the instruction set they were made with. */
typedef struct gw_stream gw_stream;
GW_API size_t gw_stream_bytes(const gw_problem* problem);
GW_API gw_status gw_stream_init(const gw_problem* problem, const float* const* params, gw_stream* stream);
/* x: (I); y: (P), h after the step. */
GW_API void gw_stream_step(gw_stream* stream, const float* x, float* y);
/* h: (P), c: (H) or NULL for a cell without. */
GW_API void gw_stream_get_state(const gw_stream* stream, float* h, float* c);
/* NULL: zeros. */
GW_API void gw_stream_set_state(gw_stream* stream, const float* h, const float* c);

typedef enum { GW_FLOAT32 = 0, GW_BFLOAT16 = 1 } gw_number;

/* Dropout: y is x / (1 - p), or 0 with probability p. One mask, (rows, width), holds for all steps; it is drawn by the
 * hash of gw_zoneout_bits with stream 3, so that a gradient draws it again. Of p = 0, x in another gw_number. */
typedef struct {
    const void* x; /* (steps, rows, width) */
    void* y;       /* likewise */
    int32_t x_number, y_number;
    int64_t steps, rows, width;
    double probability;
    uint64_t seed;
    int32_t num_threads;
} gw_dropping;
GW_API gw_status gw_drop(const gw_dropping* dropping);

/* The cross-entropy of choices among classes, and its gradient, in one pass over the logits. */
typedef struct {
    const void* logits; /* (rows, classes) */
    int32_t number;     /* of the logits and of their gradient */
    int64_t rows, classes;
    const int64_t* targets; /* (rows) */
    void* d_logits;         /* (rows, classes): the gradient of the mean of the losses */
    float* losses;          /* (rows), in nats */
    float* scratch;         /* gw_choice_floats */
    int32_t num_threads;
} gw_choice;
GW_API size_t gw_choice_floats(const gw_choice* choice);
GW_API gw_status gw_choose(const gw_choice* choice);

/* The bits that zoneout draws for one unit of one row, the same on every machine: a unit is zoned out when they are
 * below floor(p * 2^32). stream: 0 for h, 1 for c; row: (first_step + t) * B + b. */
GW_API uint32_t gw_zoneout_bits(uint64_t seed, uint32_t stream, uint32_t row, uint32_t unit);

/* Instruction sets that this library holds and this machine runs, best first; NULL past the end. */
GW_API const char* gw_isa_name(int index);
GW_API const char* gw_isa_current(void);
/* Not while a scan runs, nor between a forward pass and its backward pass: the tape's layout depends on it. */
GW_API gw_status gw_isa_set(const char* name);

/* Threads. The core has a pool of its own. In a process whose other libraries keep an OpenMP team spinning between
 * calls, two pools fight over the cores; then lend it that team: the three entry points of the runtime that is already
 * loaded (GNU: GOMP_parallel, omp_get_thread_num, omp_get_num_threads). Call it before the first pass. After a fork the
 * child uses the core's own pool, since a GNU team does not survive one. */
typedef struct {
    void (*parallel)(void (*body)(void*), void* context, unsigned num_threads, unsigned flags);
    int (*thread_num)(void);
    int (*num_threads)(void);
} gw_team;
GW_API void gw_lend_team(const gw_team* team);

#ifdef __cplusplus
}
#endif
#endif
