// A 128-bit hash of memory, at the speed of memory, without vector instructions.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(_MSC_VER) && !defined(__SIZEOF_INT128__)
#include <intrin.h>
#endif

struct Fingerprint {
    uint64_t low, high;
    bool operator==(const Fingerprint& other) const { return low == other.low && high == other.high; }
};

class Fingerprinter {
public:
    // Arrays count with their order and sizes: (ab, c) is not (a, bc).
    void add(const void* data, size_t bytes) {
        const auto* at = static_cast<const unsigned char*>(data);
        Lane first = lanes_[0], second = lanes_[1], third = lanes_[2], fourth = lanes_[3];  // in registers
        size_t left = bytes;
        for (; left >= kBlock; left -= kBlock, at += kBlock) {
            first.add(at);
            second.add(at + 16);
            third.add(at + 32);
            fourth.add(at + 48);
        }
        unsigned char rest[kBlock] = {};
        if (left > 0) std::memcpy(rest, at, left);
        first.add(rest);
        second.add(rest + 16);
        third.add(rest + 32);
        fourth.add(rest + 48);
        first.add(bytes, kOdd);
        lanes_[0] = first, lanes_[1] = second, lanes_[2] = third, lanes_[3] = fourth;
    }

    Fingerprint finish() const {
        Lane sum = lanes_[0];
        for (int lane = 1; lane < 4; ++lane) sum.add(lanes_[lane].low, lanes_[lane].high);
        for (int round = 0; round < 3; ++round) sum.add(kOdd, ~kOdd);
        return {sum.low, sum.high};
    }

private:
    static constexpr size_t kBlock = 64;
    static constexpr uint64_t kOdd = 0x9E3779B97F4A7C15u;  // 2^64 / golden ratio

    // 16 bytes a step: both halves of one wide product go back into the state, beside the words themselves, so that
    // no operand can wipe out what came before. The rotation keeps factors of two from piling up over runs of zeros.
    struct Lane {
        uint64_t low, high;

        void add(uint64_t a, uint64_t b) {
            a ^= low;
            b ^= high;
            uint64_t upper;
            const uint64_t lower = b + product(a, b, upper);
            low = a + upper;
            high = lower << 32 | lower >> 32;
        }
        void add(const unsigned char* at) {
            uint64_t a, b;
            std::memcpy(&a, at, 8);
            std::memcpy(&b, at + 8, 8);
            add(a, b);
        }
    };

    static uint64_t product(uint64_t a, uint64_t b, uint64_t& upper) {
#if defined(__SIZEOF_INT128__)
        __extension__ typedef unsigned __int128 Wide;
        const Wide wide = static_cast<Wide>(a) * b;
        upper = static_cast<uint64_t>(wide >> 64);
        return static_cast<uint64_t>(wide);
#elif defined(_MSC_VER) && defined(_M_X64)
        return _umul128(a, b, &upper);
#else
        const uint64_t a0 = a & 0xFFFFFFFFu, a1 = a >> 32, b0 = b & 0xFFFFFFFFu, b1 = b >> 32;
        const uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + (middle & 0xFFFFFFFFu);
        upper = a1 * b1 + (middle >> 32) + (other >> 32);
        return a * b;
#endif
    }

    Lane lanes_[4] = {{kOdd, 3 * kOdd}, {5 * kOdd, 7 * kOdd}, {9 * kOdd, 11 * kOdd}, {13 * kOdd, 15 * kOdd}};
};
