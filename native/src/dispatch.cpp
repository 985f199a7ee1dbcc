// Compiled without any instruction-set flag, so that asking is safe on every machine.
#include "amx/permission.h"
#include "model.h"

#include <atomic>
#include <cstring>

extern const Kernels kGeneric;
#ifdef GATEWORK_X86
extern const Kernels kAvx2, kAvx512;
#endif
#ifdef GATEWORK_BF16
extern const PartKernels kDots;
#endif
#ifdef GATEWORK_AMX
extern const PartKernels kAmx;
#endif

namespace {

struct Choice {
    const char* name;
    const Kernels* kernels;
    const PartKernels *tiles, *dots;
    bool (*runs_here)();
};

// __builtin_cpu_supports asks the operating system too (xgetbv).
#ifdef GATEWORK_X86
bool has_avx512() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
}
#endif

// Best first.
const Choice kChoices[] = {
#ifdef GATEWORK_AMX
    {"amx", &kAvx512, &kAmx, &kDots, [] { return amx_usable(); }},
#endif
#ifdef GATEWORK_BF16
    {"avx512_bf16", &kAvx512, nullptr, &kDots, [] { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }},
#endif
#ifdef GATEWORK_X86
    {"avx512", &kAvx512, nullptr, nullptr, has_avx512},
    {"avx2", &kAvx2, nullptr, nullptr, [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }},
#endif
    {"generic", &kGeneric, nullptr, nullptr, [] { return true; }},
};

const Choice* find(int index) {
    for (const auto& choice : kChoices) {
        if (choice.runs_here() && index-- == 0) return &choice;
    }
    return nullptr;
}

std::atomic<const Choice*> g_current{nullptr};

const Choice& current() {
    const Choice* choice = g_current.load(std::memory_order_acquire);
    if (!choice) {
        choice = find(0);
        g_current.store(choice, std::memory_order_release);
    }
    return *choice;
}

}  // namespace

const Kernels& current_kernels() { return *current().kernels; }

const PartKernels* current_tiles() { return current().tiles; }

const PartKernels* current_dots() { return current().dots; }

const char* gw_isa_name(int index) {
    const Choice* choice = find(index);
    return choice ? choice->name : nullptr;
}

const char* gw_isa_current() { return current().name; }

gw_status gw_isa_set(const char* name) {
    for (int i = 0; const Choice* choice = find(i); ++i) {
        if (std::strcmp(choice->name, name) == 0) {
            g_current.store(choice, std::memory_order_release);
            return GW_OK;
        }
    }
    return GW_BAD_ISA;
}
