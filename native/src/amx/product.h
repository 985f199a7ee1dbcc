// The inner loops: blocks of 16 rows times columns of tiles, in tile registers.
//
// Every element of a result is added up in one order: block of k by block of k, and in a block the six products of
// parts in the order of GATEWORK_AMX_COLUMN. It depends on no other element nor on how many there are, and passing
// through memory between two blocks of k changes nothing. So all the functions here agree bit for bit.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "split.h"
#include "tiles.h"

namespace amx {

constexpr int64_t kBlock = kPlanes * kTile;

// Where weights come from: in the last level of cache or beyond, they are asked for a block of k before their use.
enum class Weights { kNear, kFar };

template <Weights kWeights>
GATEWORK_INLINE void fetch(const Bf16* tile) {
    if constexpr (kWeights == Weights::kFar) {
        const char* line = reinterpret_cast<const char*>(tile);
#pragma GCC unroll 16
        for (int i = 0; i < kRows; ++i) _mm_prefetch(line + i * kTilePitch, _MM_HINT_T0);
    }
}

// The intrinsics want register numbers as literals: hence macros.
#define GATEWORK_AMX_LOAD(tile, from) _tile_loadd(tile, from, kTilePitch)
#define GATEWORK_AMX_START(tile, from)                        \
    {                                                         \
        if constexpr (kStart == Start::kZero) {               \
            _tile_zero(tile);                                 \
        } else {                                              \
            _tile_loadd(tile, from, c_pitch * sizeof(float)); \
        }                                                     \
    }
#define GATEWORK_AMX_STORE(tile, to) _tile_stored(tile, to, c_pitch * sizeof(float))
// One block of k of the result in tile `sum`, parts of A in tiles 4..6: the largest products and the two smaller kinds.
#define GATEWORK_AMX_COLUMN(sum, from)                 \
    {                                                  \
        const Bf16* column = from;                     \
        fetch<kWeights>(column + b_pitch);             \
        GATEWORK_AMX_LOAD(7, column);                  \
        _tile_dpbf16ps(sum, 4, 7);                     \
        _tile_dpbf16ps(sum, 5, 7);                     \
        _tile_dpbf16ps(sum, 6, 7);                     \
        fetch<kWeights>(column + b_pitch + kTile);     \
        GATEWORK_AMX_LOAD(7, column + kTile);          \
        _tile_dpbf16ps(sum, 4, 7);                     \
        _tile_dpbf16ps(sum, 5, 7);                     \
        fetch<kWeights>(column + b_pitch + 2 * kTile); \
        GATEWORK_AMX_LOAD(7, column + 2 * kTile);      \
        _tile_dpbf16ps(sum, 4, 7);                     \
    }

// c (+)= a b for one block of rows.
//   a  [blocks][plane][16 rows][32 k], planes a_plane Bf16s apart and the next block of k after the last
//   b  N columns of tiles: [blocks] of [N][plane][16 pairs of k][16 columns][2 of k], b_pitch Bf16s apart
//   c  [16 rows] of [N][16] floats, c_pitch floats apart; as many rows as the tiles are configured for
template <int N, Start kStart, Weights kWeights = Weights::kNear>
GATEWORK_INLINE void product(const Bf16* a, int64_t a_plane, const Bf16* b, int64_t blocks, int64_t b_pitch, float* c,
                             int64_t c_pitch) {
    static_assert(N >= 1 && N <= 4, "four results fit beside the operands");
    Tiles::fence();
    GATEWORK_AMX_START(0, c)
    if constexpr (N > 1) GATEWORK_AMX_START(1, c + 16)
    if constexpr (N > 2) GATEWORK_AMX_START(2, c + 32)
    if constexpr (N > 3) GATEWORK_AMX_START(3, c + 48)
    for (int64_t k = 0; k < blocks; ++k, a += kPlanes * a_plane, b += b_pitch) {
        GATEWORK_AMX_LOAD(4, a);
        GATEWORK_AMX_LOAD(5, a + a_plane);
        GATEWORK_AMX_LOAD(6, a + 2 * a_plane);
        GATEWORK_AMX_COLUMN(0, b)
        if constexpr (N > 1) GATEWORK_AMX_COLUMN(1, b + kBlock)
        if constexpr (N > 2) GATEWORK_AMX_COLUMN(2, b + 2 * kBlock)
        if constexpr (N > 3) GATEWORK_AMX_COLUMN(3, b + 3 * kBlock)
    }
    GATEWORK_AMX_STORE(0, c);
    if constexpr (N > 1) GATEWORK_AMX_STORE(1, c + 16);
    if constexpr (N > 2) GATEWORK_AMX_STORE(2, c + 32);
    if constexpr (N > 3) GATEWORK_AMX_STORE(3, c + 48);
}

// One part of A (both blocks of rows) times one part of B (both columns of tiles).
#define GATEWORK_AMX_SQUARE(part)                \
    GATEWORK_AMX_LOAD(4, a + (part) * a_plane);  \
    _tile_dpbf16ps(0, 4, 6);                     \
    _tile_dpbf16ps(1, 4, 7);                     \
    GATEWORK_AMX_LOAD(5, a2 + (part) * a_plane); \
    _tile_dpbf16ps(2, 5, 6);                     \
    _tile_dpbf16ps(3, 5, 7);

// The same for two blocks of rows and two columns of tiles, which reads half as much of b. The second rows begin
// a_pitch Bf16s after the first in a, and 16 rows later in c. Needs tiles of 16 rows.
template <Start kStart, Weights kWeights = Weights::kNear>
GATEWORK_INLINE void square_product(const Bf16* a, int64_t a_plane, int64_t a_pitch, const Bf16* b, int64_t blocks,
                                    int64_t b_pitch, float* c, int64_t c_pitch) {
    const Bf16* a2 = a + a_pitch;
    float* c2 = c + kRows * c_pitch;
    Tiles::fence();
    GATEWORK_AMX_START(0, c)
    GATEWORK_AMX_START(1, c + 16)
    GATEWORK_AMX_START(2, c2)
    GATEWORK_AMX_START(3, c2 + 16)
    for (int64_t k = 0; k < blocks; ++k, a += kPlanes * a_plane, a2 += kPlanes * a_plane, b += b_pitch) {
        const Bf16 *next = b + b_pitch, *next2 = next + kBlock;
        GATEWORK_AMX_LOAD(6, b);
        GATEWORK_AMX_LOAD(7, b + kBlock);
        GATEWORK_AMX_SQUARE(0)
        fetch<kWeights>(next);
        GATEWORK_AMX_SQUARE(1)
        fetch<kWeights>(next2);
        GATEWORK_AMX_SQUARE(2)
        fetch<kWeights>(next + kTile);
        GATEWORK_AMX_LOAD(6, b + kTile);
        GATEWORK_AMX_LOAD(7, b + kBlock + kTile);
        GATEWORK_AMX_SQUARE(0)
        fetch<kWeights>(next2 + kTile);
        GATEWORK_AMX_SQUARE(1)
        fetch<kWeights>(next + 2 * kTile);
        GATEWORK_AMX_LOAD(6, b + 2 * kTile);
        GATEWORK_AMX_LOAD(7, b + kBlock + 2 * kTile);
        GATEWORK_AMX_SQUARE(0)
        fetch<kWeights>(next2 + 2 * kTile);
    }
    GATEWORK_AMX_STORE(0, c);
    GATEWORK_AMX_STORE(1, c + 16);
    GATEWORK_AMX_STORE(2, c2);
    GATEWORK_AMX_STORE(3, c2 + 16);
}

#undef GATEWORK_AMX_SQUARE
#undef GATEWORK_AMX_COLUMN
#undef GATEWORK_AMX_STORE
#undef GATEWORK_AMX_START
#undef GATEWORK_AMX_LOAD

// Blocks of k that are used at a time: a piece of two blocks of rows and of two columns of tiles share the first-level
// cache.
constexpr int64_t kPieceBlocks = 4;

// Two columns of tiles for pairs of blocks of rows, over one piece of k.
template <Start kStart, Weights kWeights>
GATEWORK_INLINE void multiply_piece(const Bf16* a, int64_t a_plane, int64_t a_pitch, int64_t pairs, const Bf16* b,
                                    int64_t blocks, int64_t b_pitch, float* c, int64_t c_pitch) {
    for (int64_t r = 0; r < pairs; ++r, a += 2 * a_pitch, c += 2 * kRows * c_pitch) {
        if (r == 0) {
            square_product<kStart, kWeights>(a, a_plane, a_pitch, b, blocks, b_pitch, c, c_pitch);
        } else {  // the first pair has brought the weights near
            square_product<kStart, Weights::kNear>(a, a_plane, a_pitch, b, blocks, b_pitch, c, c_pitch);
        }
    }
}

// c (+)= a b for any number of blocks of rows: block r begins at a + r * a_pitch and c + 16 * r * c_pitch. Needs tiles
// of 16 rows for more than one block, and room for all 16 of the last.
template <int N, Start kStart, Weights kWeights = Weights::kNear>
void multiply(const Bf16* a, int64_t a_plane, int64_t a_pitch, int64_t row_blocks, const Bf16* b, int64_t blocks,
              int64_t b_pitch, float* c, int64_t c_pitch) {
    const int64_t pairs = N > 1 ? row_blocks / 2 : 0;
    // Without any k there is one empty piece: what starts from zero is zero.
    const auto piece = [&](int64_t k, int v) {
        const int64_t size = blocks - k < kPieceBlocks ? blocks - k : kPieceBlocks;
        const Bf16 *rows = a + k * kPlanes * a_plane, *columns = b + k * b_pitch + v * kBlock;
        float* to = c + v * kColumns;
        if (k == 0) {
            multiply_piece<kStart, kWeights>(rows, a_plane, a_pitch, pairs, columns, size, b_pitch, to, c_pitch);
        } else {
            multiply_piece<Start::kSums, kWeights>(rows, a_plane, a_pitch, pairs, columns, size, b_pitch, to, c_pitch);
        }
    };
    if (pairs == 1) {  // the rows stay near from column to column
        for (int64_t k = 0; k == 0 || k < blocks; k += kPieceBlocks) {
            for (int v = 0; v + 1 < N; v += 2) piece(k, v);
        }
    } else if (pairs > 1) {  // the weights stay near from row to row
        for (int v = 0; v + 1 < N; v += 2) {
            for (int64_t k = 0; k == 0 || k < blocks; k += kPieceBlocks) piece(k, v);
        }
    }
    if (N == 3) {
        for (int64_t r = 0; r < 2 * pairs; ++r) {
            product<1, kStart, kWeights>(a + r * a_pitch, a_plane, b + 2 * kBlock, blocks, b_pitch,
                                         c + r * kRows * c_pitch + 2 * kColumns, c_pitch);
        }
    }
    for (int64_t r = 2 * pairs; r < row_blocks; ++r) {
        product<N, kStart, kWeights>(a + r * a_pitch, a_plane, b, blocks, b_pitch, c + r * kRows * c_pitch, c_pitch);
    }
}

// Products of three parts on matrix tiles: as exact as a chain of float32 additions.
struct Engine {
    static constexpr int kPlanes = amx::kPlanes;
    static constexpr bool kAddsToSums = false;
    using Session = Tiles;

    static GATEWORK_INLINE void configure(int rows) { Tiles::configure(rows); }

    static GATEWORK_INLINE void store_row(Reg a, Bf16* at, int64_t pitch) {
        Reg part[kPlanes];
        split(a, part);
        amx::store_row(part, at, pitch);
    }
    static GATEWORK_INLINE void store_pair(Reg even, Reg odd, Bf16* at) { amx::store_pair(even, odd, at); }

    // c (+)= a b for `rows` rows, block after block of 16; weights that are far are asked for ahead.
    template <int N, Start kStart>
    static void multiply(bool far, const Bf16* a, int64_t a_plane, int64_t a_pitch, int64_t rows, const Bf16* b,
                         int64_t blocks, int64_t b_pitch, float* c, int64_t c_pitch) {
        const auto run = far ? amx::multiply<N, kStart, Weights::kFar> : amx::multiply<N, kStart, Weights::kNear>;
        run(a, a_plane, a_pitch, tiles_of(rows), b, blocks, b_pitch, c, c_pitch);
    }
};

}  // namespace amx
