// The one inner loop: a register tile of R rows by S vectors accumulates  row[k] * weights[k]  over k.
// Every sum of every row is added up in the same order whatever R is, so results do not depend on batch mates.
#pragma once
#include <cstdint>

#if defined(__GNUC__)
#define GATEWORK_INLINE inline __attribute__((always_inline))
#else
#define GATEWORK_INLINE inline
#endif

template <int N>
struct Straight {  // sum v takes vector v
    static constexpr int slots[4] = {0, 1, 2, 3};
    static constexpr int kCount = N;
};
template <class Cell>
struct InputSlots {
    static constexpr const auto& slots = Cell::kInput;
    static constexpr int kCount = Cell::kGates;
};
template <class Cell>
struct HiddenSlots {
    static constexpr const auto& slots = Cell::kHidden;
    static constexpr int kCount = Cell::kGates;
};

// weights: [depth][Slots::kCount][lanes]; vector v of it adds into acc[.][slots[v]].
template <class V, class Slots, int R, int S>
GATEWORK_INLINE void accumulate(typename V::Reg (&acc)[R][S], const float* const (&rows)[R], int64_t depth,
                                const float* weights) {
    constexpr int N = Slots::kCount;
    for (int64_t k = 0; k < depth; ++k) {
        typename V::Reg w[N];
#pragma GCC unroll 8
        for (int v = 0; v < N; ++v) w[v] = V::load(weights + v * V::kLanes);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            const typename V::Reg a = V::set(rows[r][k]);
#pragma GCC unroll 8
            for (int v = 0; v < N; ++v) acc[r][Slots::slots[v]] = V::fma(a, w[v], acc[r][Slots::slots[v]]);
        }
        weights += N * V::kLanes;
    }
}

// Cuts `count` rows into blocks of at most V::kRows, as even as can be, and calls body(first, block size as a
// constant).
template <int N>
struct Size {
    static constexpr int value = N;
};

template <class Body>
GATEWORK_INLINE void with_size(int size, const Body& body, Size<1>) {
    (void)size;
    body(Size<1>{});
}
template <class Body, int Max>
GATEWORK_INLINE void with_size(int size, const Body& body, Size<Max>) {
    if (size == Max) return body(Size<Max>{});
    with_size(size, body, Size<Max - 1>{});
}

template <int Max, class Body>
GATEWORK_INLINE void for_blocks(int64_t count, const Body& body) {
    const int64_t blocks = (count + Max - 1) / Max;
    int64_t first = 0;
    for (int64_t b = 0; b < blocks; ++b) {
        const int64_t size = count / blocks + (b < count % blocks ? 1 : 0);
        with_size(static_cast<int>(size), [&](auto n) { body(first, n); }, Size<Max>{});
        first += size;
    }
}

// The part `index` of `count` of 0..size, in whole steps of `step`.
struct Range {
    int64_t begin, end;
};
template <class V>
GATEWORK_INLINE Range share_of(int64_t size, int64_t step, int64_t index, int64_t count) {
    const int64_t units = (size + step - 1) / step;
    const int64_t begin = units * index / count * step, end = units * (index + 1) / count * step;
    return {begin < size ? begin : size, end < size ? end : size};
}

template <class V>
GATEWORK_INLINE int lanes_of(int64_t panel, int64_t width) {  // real lanes of a panel
    const int64_t left = width - panel * V::kLanes;
    return static_cast<int>(left < V::kLanes ? left : V::kLanes);
}
