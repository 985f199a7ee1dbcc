// The tile registers of AMX and the layout of what they multiply.
//
// A float is the exact sum of three bfloat16 parts (split.h), so a float32 product is nine products of parts; the six
// that matter in float32 are made. Operands are stored as planes, one for each part, in blocks of 32 k:
//   A  [block of k][plane][16 rows][32 k]                       3 KiB a block
//   B  [block of k][plane][16 pairs of k][16 columns][2 of k]   the same; adjacent k are neighbours, as the hardware
//   has it
// Rows, columns and k past the end are zero.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "../tile.h"

#ifdef GATEWORK_EMULATE_AMX
#include "../../tests/amx_emulated.h"
#endif

namespace amx {

using Bf16 = uint16_t;  // a bfloat16

constexpr int kRows = 16, kColumns = 16, kDepth = 32, kPlanes = 3;
constexpr int64_t kTile = kRows * kDepth;        // Bf16s of one plane of a block
constexpr int64_t kBlock = kPlanes * kTile;      // Bf16s of a block
constexpr int64_t kTilePitch = 2 * kDepth;       // bytes from row to row of a tile in memory
constexpr int64_t kVectors = kDepth / kColumns;  // vectors of 16 k in a block

constexpr int64_t block_count(int64_t depth) { return (depth + kDepth - 1) / kDepth; }
// Of an A operand of at most 16 rows, or of one column of tiles of a B operand.
constexpr int64_t operand_parts(int64_t depth) { return block_count(depth) * kBlock; }

// The tiles of the calling thread, from construction to destruction. Every thread that makes operands or products has
// one; it costs under 0.1 us. `rows` below 16 makes products of fewer rows a little cheaper, and they then read and
// write only those; the results are the same. A thread that leaves tiles in use slows down every switch to it: hence
// the destructor.
//
// Meanwhile the thread takes denormal numbers as zero, as products in tiles always do: splitting a float below 2^-103
// would cost a hundred cycles for each.
class Tiles {
public:
    explicit Tiles(int rows = kRows) : before_(_mm_getcsr()) {
        _mm_setcsr(before_ | _MM_FLUSH_ZERO_ON | _MM_DENORMALS_ZERO_ON);
        configure(rows);
    }
    ~Tiles() {
        _tile_release();
        _mm_setcsr(before_);
    }
    Tiles(const Tiles&) = delete;
    Tiles& operator=(const Tiles&) = delete;

    // Tiles 0..6 hold rows of A or of the result, tile 7 holds B. Contents are lost. With 16 rows any tile holds
    // anything.
    GATEWORK_INLINE static void configure(int rows) {
        alignas(64) Config config = {};
        config.palette = 1;
        for (int i = 0; i < 8; ++i) {
            config.row_bytes[i] = kTilePitch;
            config.rows[i] = static_cast<uint8_t>(i < 7 ? rows : kRows);
        }
        __asm__ volatile("" ::"r"(&config) : "memory");  // the intrinsic says that it reads the first word alone
        _tile_loadconfig(&config);
    }

    // The intrinsics do not say that they read memory: what was stored before must be there.
    GATEWORK_INLINE static void fence() { __asm__ volatile("" ::: "memory"); }

private:
    unsigned before_;

    struct Config {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    };
    static_assert(sizeof(Config) == 64, "as the hardware reads it");
};

}  // namespace amx
