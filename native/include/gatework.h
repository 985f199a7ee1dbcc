/* The C interface of Gatework's core: a recurrent cell run over a ragged batch, forward and backward, in float32.
 *
 * T steps, B sequences, I inputs, H hidden units, G gates of the cell (LSTM: i f g o). Weights are row-major as in
 * torch: weight_ih (G*H, I), weight_hh (G*H, H), bias_ih and bias_hh (G*H). Sequences are addressed by strides, so
 * batch-first and time-major, whole tensors and slices, run without a copy. Sequence b has lengths[b] real steps
 * (0..T); the work is proportional to the sum of the lengths. With `reverse` each sequence runs from its own last step
 * to its first.
 *
 * No function allocates (but for the threads of the core's own pool, at their first use), throws, or keeps a pointer.
 * The caller owns every buffer; sizes are asked for beforehand. All buffers are distinct. A sequence's result depends
 * neither on its batch mates nor on the number of threads, bit for bit.
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

typedef enum { GW_LSTM = 0 } gw_cell;

typedef enum {
    GW_OK = 0,
    GW_BAD_SIZE = 1,   /* a size is negative, or hidden_size is 0 */
    GW_BAD_LENGTH = 2, /* a length lies outside 0..steps */
    GW_BAD_CELL = 3,
    GW_BAD_ISA = 4 /* unknown here; the list of gw_isa_name says what there is */
} gw_status;

typedef struct {
    int32_t cell;                                  /* a gw_cell */
    int64_t steps, batch, input_size, hidden_size; /* T B I H */
    const int64_t* lengths;                        /* (B), or NULL: all T */
    int32_t reverse;
    int32_t num_threads; /* at most so many; small problems use fewer */
} gw_problem;

typedef struct {
    const float* weight_ih; /* (G*H, I) */
    const float* weight_hh; /* (G*H, H) */
    const float* bias_ih;   /* (G*H) or NULL */
    const float* bias_hh;   /* (G*H) or NULL */
} gw_params;

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
    gw_input x;      /* I wide */
    const float* h0; /* (B, H) or NULL: zeros */
    const float* c0; /* (B, H) or NULL: zeros */
    gw_output y;     /* H wide; zero past each length */
    float* h_n;      /* (B, H) */
    float* c_n;      /* (B, H) */
    float* tape;     /* gw_tape_floats floats, or NULL: no backward pass will follow */
} gw_forward;

typedef struct {
    gw_input x, y;                  /* as in the forward pass */
    const float *h0, *c0;           /* as in the forward pass */
    const float* tape;              /* as the forward pass left it */
    gw_input dy;                    /* H wide; data NULL: zeros */
    const float *dh_n, *dc_n;       /* (B, H) or NULL: zeros */
    gw_output dx;                   /* I wide, zero past each length; data NULL: not wanted */
    float *dh0, *dc0;               /* (B, H) */
    float *dweight_ih, *dweight_hh; /* as the weights; both NULL: not wanted */
    float *dbias_ih, *dbias_hh;     /* (G*H) each or NULL */
} gw_backward;

GW_API gw_status gw_check(const gw_problem* problem);

/* Sizes for a problem that gw_check accepts. */
GW_API size_t gw_tape_floats(const gw_problem* problem);
GW_API size_t gw_forward_workspace(const gw_problem* problem);  /* bytes; align the buffer to 64 */
GW_API size_t gw_backward_workspace(const gw_problem* problem); /* bytes; align the buffer to 64 */

GW_API gw_status gw_run_forward(const gw_problem* problem, const gw_params* params, const gw_forward* pass,
                                void* workspace);
GW_API gw_status gw_run_backward(const gw_problem* problem, const gw_params* params, const gw_backward* pass,
                                 void* workspace);

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
