// How operands lie in memory that are multiplied as bfloat16.
//
// An engine E says how many parts a float has (E::kPlanes), makes them and multiplies them: amx/ has matrix tiles and
// three parts, whose products are as exact as float32; dots/ has dot products and one part, a float rounded. Operands
// are stored as planes, one for each part, in blocks of 32 k:
//   A  [block of k][plane][16 rows][32 k]                       1 KiB a plane
//   B  [block of k][plane][16 pairs of k][16 columns][2 of k]   the same; adjacent k are neighbours, as the hardware
//   has it
// Rows, columns and k past the end are zero.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "../tile.h"

namespace parts {

using Bf16 = uint16_t;  // a bfloat16
using Reg = __m512;

constexpr int kRows = 16, kColumns = 16, kDepth = 32;
constexpr int64_t kTile = kRows * kDepth;        // Bf16s of one plane of a block
constexpr int64_t kVectors = kDepth / kColumns;  // vectors of 16 k in a block

template <class E>
constexpr int64_t kBlock = E::kPlanes * kTile;  // Bf16s of a block

constexpr int64_t block_count(int64_t depth) { return (depth + kDepth - 1) / kDepth; }
constexpr int64_t tiles_of(int64_t width) { return (width + kColumns - 1) / kColumns; }
// Of an A operand of at most 16 rows, or of one column of tiles of a B operand.
template <class E>
constexpr int64_t operand_parts(int64_t depth) {
    return block_count(depth) * kBlock<E>;
}

enum class Start { kZero, kSums };  // what is added to: nothing, or what the result holds

GATEWORK_INLINE __mmask16 first_lanes(int64_t count) {  // any count; none below 1
    return static_cast<__mmask16>(count >= 16 ? 0xffffu : count <= 0 ? 0u : (1u << count) - 1u);
}

}  // namespace parts
