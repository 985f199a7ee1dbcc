// The norm of gradients and AdamW, of the C interface: all pieces in one go on the threads there are.
#include <cmath>

#include "model.h"
#include "threads.h"
#include "tile.h"

namespace {

constexpr int64_t kChunk = 4096;         // numbers
constexpr int64_t kChunksOfThread = 16;  // that a thread is woken for

int64_t chunks_of(int64_t size) { return (size + kChunk - 1) / kChunk; }

// body(piece, range of it, number of the chunk) for chunks of all pieces.
template <class SizeOf, class Body>
void for_chunks(int32_t count, const SizeOf& size_of, int32_t num_threads, const Body& body) {
    int64_t total = 0;
    for (int i = 0; i < count; ++i) total += chunks_of(size_of(i));
    const int64_t most = total / kChunksOfThread < num_threads ? total / kChunksOfThread : num_threads;
    const int threads = static_cast<int>(most > 1 ? most : 1);
    parallel(threads, [&](int index) {
        const int64_t begin = total * index / threads, end = total * (index + 1) / threads;
        int64_t before = 0;
        for (int i = 0; i < count; ++i) {
            const int64_t size = size_of(i), chunks = chunks_of(size);
            for (int64_t c = begin > before ? begin - before : 0; c < chunks && before + c < end; ++c) {
                body(i, Range{c * kChunk, (c + 1) * kChunk < size ? (c + 1) * kChunk : size}, before + c);
            }
            before += chunks;
        }
    });
}

}  // namespace

int64_t gw_chunks(int32_t count, const int64_t* sizes) {
    int64_t total = 0;
    for (int i = 0; i < count; ++i) total += chunks_of(sizes[i]);
    return total;
}

double gw_square_sum(int32_t count, const float* const* pieces, const int64_t* sizes, double* scratch,
                     int32_t num_threads) {
    const auto run = current_kernels().square_sum;
    for_chunks(
        count, [&](int i) { return sizes[i]; }, num_threads,
        [&](int i, Range range, int64_t chunk) {
            scratch[chunk] = run(pieces[i] + range.begin, range.end - range.begin);
        });
    double sum = 0;
    for (int64_t chunk = 0; chunk < gw_chunks(count, sizes); ++chunk) sum += scratch[chunk];
    return sum;
}

gw_status gw_adamw(int32_t count, const gw_adamw_part* parts, const gw_adamw_settings* s, int32_t num_threads) {
    for (int i = 0; i < count; ++i) {
        if (parts[i].size < 0 || !(parts[i].steps >= 1)) return GW_BAD_SIZE;
    }
    const auto run = current_kernels().adamw;
    for_chunks(
        count, [&](int i) { return parts[i].size; }, num_threads,
        [&](int i, Range range, int64_t) {
            const gw_adamw_part& p = parts[i];
            const AdamWArgs args{
                static_cast<float>(s->shrink),
                static_cast<float>(s->beta2),
                static_cast<float>(1 - s->beta1),
                static_cast<float>(1 - s->beta2),
                static_cast<float>(s->epsilon),
                static_cast<float>(s->rate / (1 - std::pow(s->beta1, p.steps))),
                static_cast<float>(1 / std::sqrt(1 - std::pow(s->beta2, p.steps))),
                static_cast<float>(1 - s->rate * p.decay),
            };
            run(args, p, range);
        });
    return GW_OK;
}
