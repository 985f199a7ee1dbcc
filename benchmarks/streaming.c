/* The time of one step of an LSTM from C, for H = I = 8, 16, 32, 64, 128: no Python, no torch.
 *
 *     cmake -S . -B build/core -DGATEWORK_PYTHON=OFF && cmake --build build/core
 *     cc -O2 -Inative/include benchmarks/streaming.c build/core/native/libgatework_core.a -lstdc++ -lm -lpthread \
 *         -o build/streaming && build/streaming
 *
 * Prints one line of JSON for each H: the median over rounds of 1000 steps, in microseconds. First the steps are
 * compared with the scan of the whole sequence; where they differ there is no figure and the status is 1.
 * `python benchmarks/streaming.py --core LIBRARY` does the second line and puts the figures beside those from Python.
 */
#define _POSIX_C_SOURCE 200112L
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gatework.h"

enum { STEPS = 50, ROUND = 1000, ROUNDS = 2000 };

/* Bit for bit the same, but where the scan runs on matrix tiles (AMX), which sum in another order. */
static const float TOLERANCE = 1e-5f;

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static void* aligned(size_t bytes) {
    void* memory = NULL;
    if (posix_memalign(&memory, 64, bytes ? bytes : 64)) abort();
    return memory;
}

/* Uniform within +-scale. */
static float* drawn(size_t count, float scale) {
    static uint32_t state = 1;
    float* values = aligned(count * sizeof(float));
    for (size_t i = 0; i < count; ++i) {
        state = state * 1664525u + 1013904223u;
        values[i] = scale * ((float)(state >> 8) / 8388608.0f - 1.0f);
    }
    return values;
}

static int compare(const void* a, const void* b) {
    const double left = *(const double*)a, right = *(const double*)b;
    return (left > right) - (left < right);
}

static int measure(int64_t size) {
    const size_t n = (size_t)size;
    gw_problem problem;
    memset(&problem, 0, sizeof problem);
    problem.cell = GW_LSTM;
    problem.steps = STEPS, problem.batch = 1, problem.num_threads = 1;
    problem.input_size = problem.hidden_size = size;
    const float* params[GW_NUM_PARAMS] = {drawn(4 * n * n, 0.2f), drawn(4 * n * n, 0.2f), drawn(4 * n, 0.2f),
                                          drawn(4 * n, 0.2f)};
    const float* x = drawn(STEPS * n, 1.0f);
    float *y = aligned(n * sizeof(float)), *scanned = aligned(STEPS * n * sizeof(float));
    float *h = aligned(n * sizeof(float)), *c = aligned(n * sizeof(float));

    gw_forward pass;
    memset(&pass, 0, sizeof pass);
    pass.x.data = x, pass.x.step = pass.x.row = size;
    pass.y.data = scanned, pass.y.step = pass.y.row = size;
    pass.h_n = h, pass.c_n = c;
    const float* const* all_params = params;
    void* workspace = aligned(gw_forward_workspace(&problem));
    gw_stream* stream = aligned(gw_stream_bytes(&problem));
    if (gw_run_forward(1, &problem, &all_params, &pass, &workspace) != GW_OK) return 1;
    if (gw_stream_init(&problem, params, stream) != GW_OK) return 1;

    for (size_t t = 0; t < STEPS; ++t) {
        gw_stream_step(stream, x + t * n, y);
        for (size_t k = 0; k < n; ++k) {
            if (fabsf(y[k] - scanned[t * n + k]) <= TOLERANCE) continue;
            fprintf(stderr, "H = %d: step %d is not what the scan gives\n", (int)size, (int)t);
            return 1;
        }
    }

    static double taken[ROUNDS];
    for (int round = 0; round < ROUNDS; ++round) {
        const double began = now_us();
        for (size_t k = 0; k < ROUND; ++k) gw_stream_step(stream, x + k % STEPS * n, y);
        taken[round] = (now_us() - began) / ROUND;
    }
    qsort(taken, ROUNDS, sizeof taken[0], compare);
    printf("{\"H\": %d, \"c_us\": %.4f, \"isa\": \"%s\"}\n", (int)size, taken[ROUNDS / 2], gw_isa_current());
    return 0;
}

int main(void) {
    const int64_t sizes[] = {8, 16, 32, 64, 128};
    int failed = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) failed |= measure(sizes[i]);
    return failed;
}
