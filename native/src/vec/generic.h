// Portable vectors of four floats by the compilers' vector extension; also the truth the wider ones are compared with.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../hash.h"

struct Generic {
    typedef float Reg __attribute__((vector_size(16)));
    typedef int32_t Int __attribute__((vector_size(16)));
    static constexpr int kPanelStep = 1;    // panels that threads share hidden units by
    static constexpr bool kSplits = false;  // see amx/
    static constexpr int kLanes = 4;
    static constexpr int kHalf = 0;  // see with_lanes
    static constexpr int kRows = 2;  // rows of a register tile: 2 x 4 accumulators leave half of 16 registers

    static Reg zero() { return Reg{0, 0, 0, 0}; }
    static Reg set(float x) { return Reg{x, x, x, x}; }
    static Reg load(const float* p) {
        Reg r;
        std::memcpy(&r, p, sizeof r);
        return r;
    }
    static void store(float* p, Reg a) { std::memcpy(p, &a, sizeof a); }
    static Reg load_first(const float* p, int n) {
        Reg r = zero();
        std::memcpy(&r, p, sizeof(float) * static_cast<size_t>(n));
        return r;
    }
    static void store_first(float* p, Reg a, int n) { std::memcpy(p, &a, sizeof(float) * static_cast<size_t>(n)); }
    static Reg keep_first(Reg a, int n) {
        for (int i = n; i < kLanes; ++i) a[i] = 0.0f;
        return a;
    }
    static Reg add(Reg a, Reg b) { return a + b; }
    static Reg sub(Reg a, Reg b) { return a - b; }
    static Reg mul(Reg a, Reg b) { return a * b; }
    static Reg inverse(Reg b) { return 1.0f / b; }
    static Reg div(Reg a, Reg b) { return a / b; }
    static float total(Reg a) {
        float sum = a[0];
        for (int i = 1; i < kLanes; ++i) sum += a[i];
        return sum;
    }
    static Reg fma(Reg a, Reg b, Reg c) { return a * b + c; }
    // Like the x86 instructions, min and max give the second operand when either is NaN.
    static Reg min(Reg a, Reg b) { return a < b ? a : b; }
    static Reg max(Reg a, Reg b) { return a > b ? a : b; }
    static Reg select_le(Reg a, Reg b, Reg yes, Reg no) { return a <= b ? yes : no; }  // where a <= b
    // 1 where the bits of units first, first + 1, ... lie below the threshold, else 0 (hash.h).
    static Reg hits(uint32_t row, uint32_t first, uint32_t threshold) {
        Reg r;
        for (uint32_t i = 0; i < kLanes; ++i) {
            r[i] = hash_mix(row + (first + i) * kHashStep) < threshold ? 1.0f : 0.0f;
        }
        return r;
    }
    // 2^n for a float whose low mantissa bits hold the integer n (see math.h).
    static Reg pow2_of_low_bits(Reg shifted) {
        Int bits;
        std::memcpy(&bits, &shifted, sizeof bits);
        bits = (bits << 23) + (127 << 23);
        Reg r;
        std::memcpy(&r, &bits, sizeof r);
        return r;
    }
    static void transpose(Reg (&rows)[kLanes]) {
        for (int i = 0; i < kLanes; ++i) {
            for (int j = 0; j < i; ++j) {
                const float swapped = rows[i][j];
                rows[i][j] = rows[j][i];
                rows[j][i] = swapped;
            }
        }
    }
};
