// The numbers that tensors hold beside the scans: float32, or bfloat16, the upper half of one.
#pragma once
#include <cstdint>

#include "tile.h"

static GATEWORK_INLINE float to_float(float x) { return x; }
static GATEWORK_INLINE float to_float(uint16_t x) {
    const uint32_t bits = static_cast<uint32_t>(x) << 16;
    float wide;
    __builtin_memcpy(&wide, &bits, sizeof wide);
    return wide;
}

static GATEWORK_INLINE void put(float x, float* at) { *at = x; }
static GATEWORK_INLINE void put(float x, uint16_t* at) {  // to the nearest, ties to even; a NaN stays one
    uint32_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16, nan = bits >> 16 | 0x40u;
    *at = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}
