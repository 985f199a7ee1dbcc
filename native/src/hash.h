// The random bits of zoneout: a counter-based hash, so that every backend, thread and machine draws the same masks
// without storing them. src/gatework/ops/noise.py is the same in torch.
#pragma once
#include <cstdint>

constexpr uint32_t kHashStep = 0x9E3779B9u;   // 2^32 / golden ratio
constexpr uint32_t kHashFirst = 0x7feb352du;  // the multipliers of Wellons' lowbias32
constexpr uint32_t kHashSecond = 0x846ca68bu;

static inline uint32_t hash_mix(uint32_t x) {
    x ^= x >> 16;
    x *= kHashFirst;
    x ^= x >> 15;
    x *= kHashSecond;
    return x ^ (x >> 16);
}

static inline uint32_t hash_key(uint64_t seed, uint32_t stream) {
    return hash_mix(hash_mix(static_cast<uint32_t>(seed) + stream * kHashStep) ^ static_cast<uint32_t>(seed >> 32));
}

static inline uint32_t hash_row(uint32_t key, uint32_t row) { return hash_mix(key ^ hash_mix(row)); }
