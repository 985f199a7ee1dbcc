// sigmoid and tanh over any vector type V. Both rest on expm1 without cancellation, so tanh keeps its relative accuracy
// near zero. NaN passes through; infinities saturate. Errors against float64 are asserted in tests/core_test.cpp.
#pragma once

template <class V>
struct Math {
    using Reg = typename V::Reg;

    // e^x = scale + scale * em, where scale = 2^n and em = e^r - 1, |r| <= ln(2)/2; x in [-87, 88].
    static inline void exp_parts(Reg x, Reg& scale, Reg& em) {
        // Adding 1.5 * 2^23 rounds x / ln 2 to the integer n and leaves n in the low bits of the mantissa.
        const Reg magic = V::set(12582912.0f);
        const Reg shifted = V::fma(x, V::set(1.44269504f), magic);
        const Reg n = V::sub(shifted, magic);
        Reg r = V::fma(n, V::set(-0.693145752f), x);  // ln 2 in two parts: the first has trailing zeros
        r = V::fma(n, V::set(-1.42860682e-6f), r);
        // Minimax for (e^r - 1 - r) / r^2, weighted for the relative error of e^r - 1: 0.22 * 2^-24.
        Reg q = V::set(1.38825213e-3f);
        q = V::fma(q, r, V::set(8.36652052e-3f));
        q = V::fma(q, r, V::set(4.16672006e-2f));
        q = V::fma(q, r, V::set(1.66665435e-1f));
        q = V::fma(q, r, V::set(4.99999970e-1f));
        em = V::fma(V::mul(r, r), q, r);
        scale = V::pow2_of_low_bits(shifted);
    }

    static inline Reg sigmoid(Reg x) {
        const Reg one = V::set(1.0f);
        Reg scale, em;
        const Reg negated = V::sub(V::zero(), x);
        exp_parts(V::min(V::set(88.0f), V::max(V::set(-87.0f), negated)), scale, em);
        return V::inverse(V::add(one, V::fma(scale, em, scale)));
    }

    static inline Reg tanh(Reg x) {
        const Reg one = V::set(1.0f);
        Reg scale, em;
        const Reg bounded = V::min(V::set(10.0f), V::max(V::set(-10.0f), x));
        exp_parts(V::add(bounded, bounded), scale, em);
        const Reg expm1 = V::fma(scale, em, V::sub(scale, one));  // e^2x - 1, exact where scale is 1
        return V::div(expm1, V::add(expm1, V::set(2.0f)));
    }
};
