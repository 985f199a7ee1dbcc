// The cells as functors: which sums they need and what they do with them. Equations: src/gatework/cells/.
//
// A tile accumulates kSums pre-activations per hidden unit. Input gate k adds into sum kInput[k], hidden gate k into
// kHidden[k]; a cell that must keep the two apart (the n of a GRU) names different sums. `update` turns sums and the
// carried state into the new state; `gradient` does the reverse from what the tape kept.
#pragma once
#include "math.h"

struct Lstm {
    static constexpr int kGates = 4;  // i f g o, torch's order
    static constexpr int kSums = 4;
    static constexpr int kInput[kGates] = {0, 1, 2, 3};
    static constexpr int kHidden[kGates] = {0, 1, 2, 3};
    static constexpr int kTape = 5;  // i f g o after activation, then c

    template <class V>
    static inline void update(const typename V::Reg (&sum)[kSums], typename V::Reg& c, typename V::Reg& h,
                              typename V::Reg (&tape)[kTape]) {
        using M = Math<V>;
        const auto i = M::sigmoid(sum[0]);
        const auto f = M::sigmoid(sum[1]);
        const auto g = M::tanh(sum[2]);
        const auto o = M::sigmoid(sum[3]);
        c = V::fma(f, c, V::mul(i, g));
        h = V::mul(o, M::tanh(c));
        tape[0] = i;
        tape[1] = f;
        tape[2] = g;
        tape[3] = o;
        tape[4] = c;
    }

    // dh: gradient at h_t; dc: in, gradient at c_t from the future; out, gradient at c_{t-1}. d_sum: at the sums.
    template <class V>
    static inline void gradient(const typename V::Reg (&tape)[kTape], typename V::Reg c_before, typename V::Reg dh,
                                typename V::Reg& dc, typename V::Reg (&d_sum)[kSums]) {
        const auto one = V::set(1.0f);
        const auto i = tape[0], f = tape[1], g = tape[2], o = tape[3];
        const auto tanh_c = Math<V>::tanh(tape[4]);
        const auto dh_o = V::mul(dh, o);
        dc = V::fma(dh_o, V::sub(one, V::mul(tanh_c, tanh_c)), dc);
        d_sum[0] = V::mul(V::mul(dc, g), V::mul(i, V::sub(one, i)));
        d_sum[1] = V::mul(V::mul(dc, c_before), V::mul(f, V::sub(one, f)));
        d_sum[2] = V::mul(V::mul(dc, i), V::sub(one, V::mul(g, g)));
        d_sum[3] = V::mul(V::mul(dh_o, tanh_c), V::sub(one, o));
        dc = V::mul(dc, f);
    }
};
