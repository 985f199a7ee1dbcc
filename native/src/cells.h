// The cells as functors over any vector type V. Equations: src/gatework/cells/.
//
// A cell has kGates row blocks in its weights and kSums pre-activations per hidden unit. The input's products add into
// the sums kInput .. kInput + kGates, the recurrent ones into kHidden .. kHidden + kGates: a cell that must keep the
// two apart (the n of a GRU) gives them different sums. Sum kInput + v takes row block kInputBlock[v], and so with
// kHiddenBlock, where -1 is no block: those weights, of row block kSecondBlock, read not h but what the step hands
// over. kTape vectors per unit go on the tape, the gates first.
#pragma once
#include "math.h"

template <class V>
struct Constants {                           // what an update reads besides sums and states, for one panel
    typename V::Reg peep_i, peep_f, peep_o;  // zero without peepholes
    typename V::Reg clip;                    // of the memory
    bool peephole, clipped;
};

enum class Write { kGate, kCoupled, kAlways };  // the input gate: its own, 1 - f, or none

template <Write kWrite, bool kForget, bool kOutput>
struct Lstm {
    static constexpr bool kCarries = true;  // a memory c beside h
    static constexpr int kI = 0, kF = kWrite == Write::kGate, kG = kF + kForget, kO = kG + 1;
    static constexpr int kGates = kO + kOutput, kSums = kGates, kInput = 0, kHidden = 0;
    static constexpr int kInputBlock[4] = {0, 1, 2, 3}, kHiddenBlock[4] = {0, 1, 2, 3};
    static constexpr int kSecondBlock = -1;
    static constexpr int kTape = kGates + 1;  // c last

    template <class V>
    struct On {
        using Reg = typename V::Reg;
        using M = Math<V>;
        // The sums that the memory adds to: those of i, f and o, or -1.
        static constexpr int kPeeping[3] = {kWrite == Write::kGate ? kI : -1, kForget ? kF : -1, kOutput ? kO : -1};

        static Reg write(const Reg* gate) {
            if constexpr (kWrite == Write::kGate) return gate[kI];
            if constexpr (kWrite == Write::kCoupled) return V::sub(V::set(1.0f), gate[kF]);
            return V::set(1.0f);
        }
        // The memory as the gates make it, before any zoneout.
        static Reg memory(const Constants<V>& k, const Reg* gate, Reg c_before) {
            Reg c = kWrite == Write::kAlways ? gate[kG] : V::mul(write(gate), gate[kG]);
            c = kForget ? V::fma(gate[kF], c_before, c) : V::add(c_before, c);
            return k.clipped ? V::min(k.clip, V::max(V::sub(V::zero(), k.clip), c)) : c;
        }
        static Reg peep(const Constants<V>& k, Reg sum, Reg weight, Reg c) {
            return k.peephole ? V::fma(weight, c, sum) : sum;
        }
        static Reg remember(const Constants<V>& k, const Reg* sum, Reg c_before, Reg* gate) {
            if constexpr (kWrite == Write::kGate) gate[kI] = M::sigmoid(peep(k, sum[kI], k.peep_i, c_before));
            if constexpr (kForget) gate[kF] = M::sigmoid(peep(k, sum[kF], k.peep_f, c_before));
            gate[kG] = M::tanh(sum[kG]);
            const Reg c = memory(k, gate, c_before);
            if constexpr (kOutput) gate[kO] = M::sigmoid(peep(k, sum[kO], k.peep_o, c));
            return c;
        }
        // h from what is shown of the memory: c itself, or its layer norm.
        static Reg show(const Reg* gate, Reg shown) {
            const Reg h = M::tanh(shown);
            if constexpr (kOutput) return V::mul(gate[kO], h);
            return h;
        }

        // dh at h to the gradient at `shown`; sets d_sum of o, and h itself.
        static Reg show_gradient(const Reg* gate, Reg shown, Reg dh, Reg* d_sum, Reg& h) {
            const Reg one = V::set(1.0f), tanh_c = M::tanh(shown);
            h = tanh_c;
            Reg dh_o = dh;
            if constexpr (kOutput) {
                dh_o = V::mul(dh, gate[kO]);
                d_sum[kO] = V::mul(V::mul(dh_o, tanh_c), V::sub(one, gate[kO]));
                h = V::mul(gate[kO], tanh_c);
            }
            return V::mul(dh_o, V::sub(one, V::mul(tanh_c, tanh_c)));
        }
        // dc: in, gradient at the memory; out, at the memory before. Needs d_sum of o; sets the others.
        static void remember_gradient(const Constants<V>& k, const Reg* gate, Reg c_before, Reg& dc, Reg* d_sum) {
            const Reg one = V::set(1.0f);
            if (k.peephole && kOutput) dc = V::fma(d_sum[kGates - 1], k.peep_o, dc);
            if (k.clipped) {
                Constants<V> open = k;
                open.clipped = false;
                const Reg c = memory(open, gate, c_before), size = V::max(c, V::sub(V::zero(), c));
                dc = V::select_le(size, k.clip, dc, V::zero());
            }
            const Reg g = gate[kG];
            Reg d_before = dc;
            if constexpr (kWrite == Write::kGate) {
                const Reg i = gate[kI];
                d_sum[kI] = V::mul(V::mul(dc, g), V::mul(i, V::sub(one, i)));
            }
            d_sum[kG] = V::mul(kWrite == Write::kAlways ? dc : V::mul(dc, write(gate)), V::sub(one, V::mul(g, g)));
            if constexpr (kForget) {
                const Reg f = gate[kF];
                const Reg through = kWrite == Write::kCoupled ? V::sub(c_before, g) : c_before;
                d_sum[kF] = V::mul(V::mul(dc, through), V::mul(f, V::sub(one, f)));
                d_before = V::mul(dc, f);
            }
            if (k.peephole) {
                if constexpr (kWrite == Write::kGate) d_before = V::fma(d_sum[kI], k.peep_i, d_before);
                if constexpr (kForget) d_before = V::fma(d_sum[kF], k.peep_f, d_before);
            }
            dc = d_before;
        }
    };
};

struct Gru {
    static constexpr bool kCarries = false;
    static constexpr int kGates = 3, kSums = 4;  // the input's share of n, then r and z, then the recurrent share of n
    static constexpr int kInput = 0, kHidden = 1;
    static constexpr int kInputBlock[4] = {2, 0, 1, 3}, kHiddenBlock[4] = {0, 1, 2, 3};
    static constexpr int kSecondBlock = -1;
    static constexpr int kTape = 4;  // r z n, and the recurrent share of n

    template <class V>
    struct On {
        using Reg = typename V::Reg;
        using M = Math<V>;
        static constexpr int kInputN = 0, kR = 1, kZ = 2, kHiddenN = 3;

        static Reg update(const Reg* sum, Reg h_before, Reg* tape) {
            const Reg r = M::sigmoid(sum[kR]), z = M::sigmoid(sum[kZ]);
            const Reg n = M::tanh(V::fma(r, sum[kHiddenN], sum[kInputN]));
            tape[0] = r, tape[1] = z, tape[2] = n, tape[3] = sum[kHiddenN];
            return V::fma(z, V::sub(h_before, n), n);
        }
        // direct: the gradient at the h before that does not pass through the recurrent weights.
        static void gradient(const Reg* tape, Reg h_before, Reg dh, Reg& direct, Reg* d_sum) {
            const Reg one = V::set(1.0f), r = tape[0], z = tape[1], n = tape[2];
            const Reg d_n = V::mul(V::mul(dh, V::sub(one, z)), V::sub(one, V::mul(n, n)));
            d_sum[kInputN] = d_n;
            d_sum[kHiddenN] = V::mul(d_n, r);
            d_sum[kR] = V::mul(V::mul(d_n, tape[3]), V::mul(r, V::sub(one, r)));
            d_sum[kZ] = V::mul(V::mul(dh, V::sub(h_before, n)), V::mul(z, V::sub(one, z)));
            direct = V::mul(dh, z);
        }
    };
};

struct GruBefore {
    static constexpr bool kCarries = false;
    static constexpr int kGates = 3, kSums = 3, kInput = 0, kHidden = 0;
    static constexpr int kInputBlock[4] = {0, 1, 2, 3}, kHiddenBlock[4] = {0, 1, -1, 3};
    static constexpr int kSecondBlock = 2;
    static constexpr int kTape = 3;  // r z n; between the two products the sum of n, as far as it goes

    template <class V>
    struct On {
        using Reg = typename V::Reg;
        using M = Math<V>;
        static constexpr int kR = 0, kZ = 1, kN = 2;

        static Reg reset(const Reg* sum, Reg h_read, Reg* tape) {  // what is handed over
            tape[kR] = M::sigmoid(sum[kR]), tape[kZ] = M::sigmoid(sum[kZ]), tape[kN] = sum[kN];
            return V::mul(tape[kR], h_read);
        }
        static Reg update(Reg* tape, Reg product, Reg h_before) {
            const Reg n = tape[kN] = M::tanh(V::add(tape[kN], product));
            return V::fma(tape[kZ], V::sub(h_before, n), n);
        }
        // Sets those of z and n; direct: as in Gru, but for what comes through the reset.
        static void gradient(const Reg* tape, Reg h_before, Reg dh, Reg& direct, Reg* d_sum) {
            const Reg one = V::set(1.0f), z = tape[kZ], n = tape[kN];
            d_sum[kN] = V::mul(V::mul(dh, V::sub(one, z)), V::sub(one, V::mul(n, n)));
            d_sum[kZ] = V::mul(V::mul(dh, V::sub(h_before, n)), V::mul(z, V::sub(one, z)));
            direct = V::mul(dh, z);
        }
        static Reg reset_gradient(Reg r, Reg h_read, Reg d_handed, Reg& d_read, Reg& handed) {
            d_read = V::mul(d_handed, r);
            handed = V::mul(r, h_read);
            return V::mul(V::mul(d_handed, h_read), V::mul(r, V::sub(V::set(1.0f), r)));
        }
    };
};

template <bool kRelu>
struct Rnn {
    static constexpr bool kCarries = false;
    static constexpr int kGates = 1, kSums = 1, kInput = 0, kHidden = 0;
    static constexpr int kInputBlock[4] = {0, 1, 2, 3}, kHiddenBlock[4] = {0, 1, 2, 3};
    static constexpr int kSecondBlock = -1;
    static constexpr int kTape = 1;  // n, which is h before any zoneout

    template <class V>
    struct On {
        using Reg = typename V::Reg;

        static Reg update(const Reg* sum, Reg, Reg* tape) {
            // max gives its second operand when either is NaN: the sum must come second, so that NaN is not hidden.
            return tape[0] = kRelu ? V::max(V::zero(), sum[0]) : Math<V>::tanh(sum[0]);
        }
        static void gradient(const Reg* tape, Reg, Reg dh, Reg& direct, Reg* d_sum) {
            const Reg n = tape[0];
            direct = V::zero();
            d_sum[0] =
                kRelu ? V::select_le(n, V::zero(), V::zero(), dh) : V::mul(dh, V::sub(V::set(1.0f), V::mul(n, n)));
        }
    };
};
