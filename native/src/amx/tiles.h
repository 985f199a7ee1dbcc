// The tile registers of AMX.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "../parts/layout.h"

#ifdef GATEWORK_EMULATE_AMX
#include "../../tests/amx_emulated.h"
#endif

namespace amx {

using namespace parts;

constexpr int64_t kTilePitch = 2 * kDepth;  // bytes from row to row of a tile in memory

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
