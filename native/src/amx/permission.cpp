#include "permission.h"

#if defined(GATEWORK_EMULATE_AMX)

bool amx_usable() { return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512dq"); }

#elif defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <initializer_list>

namespace {

constexpr long kAskForState = 0x1023;  // ARCH_REQ_XCOMP_PERM
constexpr unsigned long kTileData = 18;

struct Leaf {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    Leaf(unsigned leaf, unsigned subleaf) { __get_cpuid_count(leaf, subleaf, &eax, &ebx, &ecx, &edx); }
};

bool has(unsigned word, std::initializer_list<int> bits) {
    for (const int bit : bits) {
        if (!(word >> bit & 1u)) return false;
    }
    return true;
}

// The register states that the system saves; the instruction is there once cpuid says so.
uint64_t saved_states() {
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return static_cast<uint64_t>(high) << 32 | low;
}

}  // namespace

bool amx_usable() {
    const Leaf basic(1, 0);
    if (!has(basic.ecx, {12, 27})) return false;  // fma, osxsave
    const Leaf extended(7, 0);
    if (!has(extended.ebx, {16, 17, 30, 31})) return false;  // avx512 f, dq, bw, vl
    if (!has(extended.edx, {22, 24})) return false;          // amx_bf16, amx_tile
    if (!has(Leaf(7, 1).eax, {5})) return false;             // avx512_bf16
    const uint64_t vectors = 0xe6, tiles = 3u << 17;         // xmm, ymm, masks and both halves of zmm; both of tiles
    if ((saved_states() & (vectors | tiles)) != (vectors | tiles)) return false;
    return syscall(SYS_arch_prctl, kAskForState, kTileData) == 0;
}

#else

bool amx_usable() { return false; }

#endif
