// The one inner loop: a register tile of R rows by S vectors accumulates  row[k] * weights[k]  over k.
// Every sum of every row is added up in the same order whatever R is, so results do not depend on batch mates.
#pragma once
#include <cstdint>

#if defined(__GNUC__)
#define GATEWORK_INLINE inline __attribute__((always_inline))
#else
#define GATEWORK_INLINE inline
#endif

// acc[r][v] += rows[r][k] * weights[k][v] over k; weights: [depth][N][lanes], or the first N vectors of `pitch` floats.
template <class V, int R, int N>
GATEWORK_INLINE void accumulate(typename V::Reg (&acc)[R][N], const float* const (&rows)[R], int64_t depth,
                                const float* weights, int64_t pitch = N * V::kLanes) {
    for (int64_t k = 0; k < depth; ++k) {
        typename V::Reg w[N];
#pragma GCC unroll 8
        for (int v = 0; v < N; ++v) w[v] = V::load(weights + v * V::kLanes);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            const typename V::Reg a = V::set(rows[r][k]);
#pragma GCC unroll 8
            for (int v = 0; v < N; ++v) acc[r][v] = V::fma(a, w[v], acc[r][v]);
        }
        weights += pitch;
    }
}

// The same, added to sums in memory: sums[r] is [N][lanes].
template <class V, int R, int N>
GATEWORK_INLINE void add_product(float* const (&sums)[R], const float* const (&rows)[R], int64_t depth,
                                 const float* weights) {
    typename V::Reg acc[R][N];
    for (int r = 0; r < R; ++r) {
        for (int v = 0; v < N; ++v) acc[r][v] = V::load(sums[r] + v * V::kLanes);
    }
    accumulate<V>(acc, rows, depth, weights);
    for (int r = 0; r < R; ++r) {
        for (int v = 0; v < N; ++v) V::store(sums[r] + v * V::kLanes, acc[r][v]);
    }
}

// Long products are made in pieces of so many k, each for a group of rows at once: the weights of a piece then come
// from the nearest cache for all rows but the first. The order of the additions is the same.
constexpr int64_t kPiece = 128;
template <class V>
constexpr int64_t kGroupRows = 8 * V::kRows;

template <class Body>
GATEWORK_INLINE void for_pieces(int64_t depth, const Body& body) {
    for (int64_t k = 0; k < depth; k += kPiece) body(k, depth - k < kPiece ? depth - k : kPiece);
}

// Calls body(first, count) for groups of rows.
template <class V, class Body>
GATEWORK_INLINE void for_groups(int64_t count, const Body& body) {
    for (int64_t first = 0; first < count; first += kGroupRows<V>) {
        body(first, count - first < kGroupRows<V> ? count - first : kGroupRows<V>);
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

template <class A, class B>
constexpr bool kAreSame = false;
template <class A>
constexpr bool kAreSame<A, A> = true;

// Calls body with the vector type for a panel of which so many lanes are real: where the first half will do, one that
// computes no more (vec/). What it leaves in the others is undefined.
template <class V, class Body>
GATEWORK_INLINE void with_lanes(int64_t lanes, const Body& body) {
    if constexpr (V::kHalf > 0) {
        if (lanes <= V::kHalf) return body(typename V::Half{});
    }
    body(V{});
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
