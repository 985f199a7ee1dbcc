// What is made of numbers one by one, or row by row, around the scans: dropout, and the loss of a choice.
#pragma once
#include <cstdint>

#include "hash.h"
#include "kernels.h"
#include "math.h"
#include "number.h"
#include "tile.h"

template <class V>
struct Elementwise {
    using Reg = typename V::Reg;
    static constexpr int L = V::kLanes;

    // Some rows of all steps. A stretch of a row's mask is made once, and serves them all.
    template <class From, class To>
    static void drop(const DropArgs& a, Range rows) {
        constexpr int64_t kStretch = 256;  // a multiple of all vectors
        float mask[kStretch];
        for (int64_t row = rows.begin; row < rows.end; ++row) {
            const uint32_t word = hash_row(a.key, static_cast<uint32_t>(row));
            for (int64_t first = 0; first < a.width; first += kStretch) {
                const int64_t size = a.width - first < kStretch ? a.width - first : kStretch;
                for (int64_t u = 0; u < size; u += L) {
                    const Reg hits = V::hits(word, static_cast<uint32_t>(first + u), a.threshold);
                    V::store(mask + u, V::mul(V::sub(V::set(1.0f), hits), V::set(a.scale)));
                }
                for (int64_t step = 0; step < a.steps; ++step) {
                    const int64_t at = (step * a.rows + row) * a.width + first;
                    const From* x = static_cast<const From*>(a.x) + at;
                    To* y = static_cast<To*>(a.y) + at;
                    for (int64_t u = 0; u < size; ++u) put(to_float(x[u]) * mask[u], y + u);
                }
            }
        }
    }

    // The gradient of each row's loss, and the parts of the loss. scratch: (classes), up to whole vectors.
    template <class Number>
    static void choose(const ChoiceArgs& a, Range rows, float* scratch) {
        for (int64_t row = rows.begin; row < rows.end; ++row) {
            const Number* x = static_cast<const Number*>(a.logits) + row * a.classes;
            Number* d = static_cast<Number*>(a.d_logits) + row * a.classes;
            for (int64_t k = 0; k < a.classes; ++k) scratch[k] = to_float(x[k]);
            for (int64_t k = a.classes; k % L != 0; ++k) scratch[k] = -3e38f;  // adds nothing
            const int64_t meant = a.targets[row];
            const float wanted = scratch[meant];
            const Reg top = V::set(largest_of(scratch, a.classes));
            Reg sums = V::zero();
            for (int64_t k = 0; k < a.classes; k += L) {
                const Reg power = power_of(V::sub(V::load(scratch + k), top));
                V::store(scratch + k, power);
                sums = V::add(sums, power);
            }
            const float sum = V::total(sums), share = a.factor / sum;
            for (int64_t k = 0; k < a.classes; ++k) put(scratch[k] * share, d + k);
            put(scratch[meant] * share - a.factor, d + meant);
            float largest[L];
            V::store(largest, top);
            a.sums[row] = sum, a.losses[row] = largest[0] - wanted;
        }
    }

private:
    static float largest_of(const float* x, int64_t count) {
        Reg most = V::load(x);
        for (int64_t k = L; k < count; k += L) most = V::max(most, V::load(x + k));
        float all[L];
        V::store(all, most);
        for (int l = 1; l < L; ++l) all[0] = all[l] > all[0] ? all[l] : all[0];
        return all[0];
    }

    static GATEWORK_INLINE Reg power_of(Reg x) {  // e^x for x of at most 0
        Reg scale, em;
        Math<V>::exp_parts(V::max(V::set(-87.0f), x), scale, em);
        return V::fma(scale, em, scale);
    }
};
