// Dropout and the loss of a choice, of the C interface: checks, and the kernels on the threads there are.
#include <cmath>

#include "hash.h"
#include "model.h"
#include "threads.h"
#include "tile.h"

namespace {

constexpr uint32_t kStream = 3;                // of masks: the others are those of zoneout and recurrent dropout
constexpr int64_t kLeastOfThread = 16 * 1024;  // numbers, that a thread is woken for

bool is_number(int32_t number) { return number == GW_FLOAT32 || number == GW_BFLOAT16; }

int threads_for(int64_t rows, int64_t numbers, int32_t most) {
    int64_t threads = numbers / kLeastOfThread < rows ? numbers / kLeastOfThread : rows;
    threads = threads < most ? threads : most;
    return static_cast<int>(threads > 1 ? threads : 1);
}

Range rows_of(int64_t rows, int index, int count) { return {rows * index / count, rows * (index + 1) / count}; }

// Of a row of logits in whole vectors and cache lines.
int64_t choice_floats(int64_t classes) { return (classes + 15) / 16 * 16; }

}  // namespace

gw_status gw_drop(const gw_dropping* d) {
    if (d->steps < 0 || d->rows < 0 || d->width < 0 || !(d->probability >= 0 && d->probability < 1) ||
        !is_number(d->x_number) || !is_number(d->y_number))
        return GW_BAD_SIZE;
    const double bits = std::floor(d->probability * 4294967296.0);
    const DropArgs args{d->x,
                        d->y,
                        d->steps,
                        d->rows,
                        d->width,
                        bits < 4294967295.0 ? static_cast<uint32_t>(bits) : 4294967295u,
                        hash_key(d->seed, kStream),
                        static_cast<float>(1 / (1 - d->probability))};
    const auto run = current_kernels().drop[d->x_number][d->y_number];
    const int threads = threads_for(d->rows, d->steps * d->rows * d->width, d->num_threads);
    parallel(threads, [&](int index) { run(args, rows_of(d->rows, index, threads)); });
    return GW_OK;
}

size_t gw_choice_floats(const gw_choice* c) {
    return static_cast<size_t>(c->rows +
                               threads_for(c->rows, c->rows * c->classes, c->num_threads) * choice_floats(c->classes));
}

gw_status gw_choose(const gw_choice* c) {
    if (c->rows < 0 || c->classes < 1 || !is_number(c->number)) return GW_BAD_SIZE;
    for (int64_t row = 0; row < c->rows; ++row) {
        if (c->targets[row] < 0 || c->targets[row] >= c->classes) return GW_BAD_TARGET;
    }
    const int threads = threads_for(c->rows, c->rows * c->classes, c->num_threads);
    float* sums = c->scratch + threads * choice_floats(c->classes);
    const ChoiceArgs args{c->logits,   c->targets, c->classes, static_cast<float>(1 / static_cast<double>(c->rows)),
                          c->d_logits, c->losses,  sums};
    const auto run = current_kernels().choose[c->number];
    parallel(threads, [&](int index) {
        const Range rows = rows_of(c->rows, index, threads);
        run(args, rows, c->scratch + index * choice_floats(c->classes));
        for (int64_t row = rows.begin; row < rows.end; ++row) c->losses[row] += std::log(sums[row]);
    });
    return GW_OK;
}
