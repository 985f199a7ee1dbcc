// The last of a training step: the norm of all gradients, and AdamW's move against them.
#pragma once
#include <cstdint>

#include "kernels.h"
#include "tile.h"

template <class V>
struct Optimizer {
    // Several sums side by side, since one would wait for itself; their order is fixed.
    static double square_sum(const float* x, int64_t count) {
        constexpr int kSums = 32;
        float sums[kSums] = {};
        int64_t n = 0;
        for (; n + kSums <= count; n += kSums) {
            for (int i = 0; i < kSums; ++i) sums[i] += x[n + i] * x[n + i];
        }
        for (int i = 0; n + i < count; ++i) sums[i] += x[n + i] * x[n + i];
        double sum = 0;
        for (int i = 0; i < kSums; ++i) sum += static_cast<double>(sums[i]);
        return sum;
    }

    static void adamw(const AdamWArgs& a, const gw_adamw_part& p, Range range) {
        float* __restrict value = p.value;
        float* __restrict first = p.first;
        float* __restrict second = p.second;
        const float* __restrict gradient = p.gradient;
        const float step = a.step, root = a.root, decay = a.decay;
        for (int64_t n = range.begin; n < range.end; ++n) {
            const float g = gradient[n] * a.shrink;
            const float m = first[n] + (g - first[n]) * a.rest1, v = second[n] * a.beta2 + g * g * a.rest2;
            first[n] = m, second[n] = v;
            value[n] = value[n] * decay - step * m / (__builtin_sqrtf(v) * root + a.epsilon);
        }
    }
};
