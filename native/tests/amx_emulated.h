// The matrix tiles in plain code, so that what runs on them is tested on machines without: GATEWORK_EMULATE_AMX.
#pragma once
#include <cstdint>
#include <cstring>

namespace amx_emulated {

struct Tile {
    int rows, row_bytes;
    unsigned char bytes[16][64];
};

inline Tile& tile(int number) {
    thread_local Tile all[8];
    return all[number];
}

inline void configure(const void* config) {  // as _tile_loadconfig: contents are lost
    const auto* bytes = static_cast<const unsigned char*>(config);
    for (int i = 0; i < 8; ++i) {
        uint16_t row_bytes;
        std::memcpy(&row_bytes, bytes + 16 + 2 * i, sizeof row_bytes);
        std::memset(&tile(i), 0xff, sizeof(Tile));
        tile(i).rows = bytes[48 + i], tile(i).row_bytes = row_bytes;
    }
}
inline void zero(int number) {
    Tile& t = tile(number);
    std::memset(t.bytes, 0, sizeof t.bytes);
}
inline void load(int number, const void* from, int64_t pitch) {
    Tile& t = tile(number);
    for (int r = 0; r < t.rows; ++r) {
        std::memcpy(t.bytes[r], static_cast<const char*>(from) + r * pitch, static_cast<size_t>(t.row_bytes));
    }
}
inline void store(int number, void* to, int64_t pitch) {
    const Tile& t = tile(number);
    for (int r = 0; r < t.rows; ++r) {
        std::memcpy(static_cast<char*>(to) + r * pitch, t.bytes[r], static_cast<size_t>(t.row_bytes));
    }
}

__attribute__((no_sanitize("address", "undefined"))) inline float widened(
    const unsigned char* at) {  // denormals count as zero
    uint16_t half;
    __builtin_memcpy(&half, at, sizeof half);
    if ((half & 0x7f80) == 0) half &= 0x8000;
    const uint32_t bits = uint32_t{half} << 16;
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}
// Of registers alone: nothing for a sanitizer to see, and most of the time is here.
__attribute__((no_sanitize("address", "undefined"))) inline void dot(int to, int a, int b) {
    Tile& sums = tile(to);
    for (int r = 0; r < tile(a).rows; ++r) {
        for (int k = 0; k < 16; ++k) {
            for (int c = 0; c < 16; ++c) {
                float sum;
                __builtin_memcpy(&sum, sums.bytes[r] + 4 * c, sizeof sum);
                for (int half = 0; half < 2; ++half) {
                    sum += widened(tile(a).bytes[r] + 4 * k + 2 * half) * widened(tile(b).bytes[k] + 4 * c + 2 * half);
                }
                __builtin_memcpy(sums.bytes[r] + 4 * c, &sum, sizeof sum);
            }
        }
    }
}

}  // namespace amx_emulated

#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#define _tile_loadconfig(config) amx_emulated::configure(config)
#define _tile_release() ((void)0)
#define _tile_zero(tile) amx_emulated::zero(tile)
#define _tile_loadd(tile, from, pitch) amx_emulated::load(tile, from, static_cast<int64_t>(pitch))
#define _tile_stored(tile, to, pitch) amx_emulated::store(tile, to, static_cast<int64_t>(pitch))
#define _tile_dpbf16ps(to, a, b) amx_emulated::dot(to, a, b)
