// Compiled without any instruction-set flag, so that asking is safe on every machine.
#include "dispatch.h"

#include <atomic>
#include <cstring>

extern const Kernels kGeneric;
#ifdef GATEWORK_X86
extern const Kernels kAvx2, kAvx512;
#endif

namespace {

struct Choice {
    const Kernels* kernels;
    bool (*runs_here)();
};

// Best first. __builtin_cpu_supports asks the operating system too (xgetbv).
const Choice kChoices[] = {
#ifdef GATEWORK_X86
    {&kAvx512,
     [] {
         return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                __builtin_cpu_supports("fma");
     }},
    {&kAvx2, [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }},
#endif
    {&kGeneric, [] { return true; }},
};

const Kernels* find(int index) {
    for (const auto& choice : kChoices) {
        if (choice.runs_here() && index-- == 0) return choice.kernels;
    }
    return nullptr;
}

std::atomic<const Kernels*> g_current{nullptr};

}  // namespace

const Kernels& current_kernels() {
    const Kernels* kernels = g_current.load(std::memory_order_acquire);
    if (!kernels) {
        kernels = find(0);
        g_current.store(kernels, std::memory_order_release);
    }
    return *kernels;
}

const CellKernels& current_cell(int32_t) { return current_kernels().lstm; }

const char* gw_isa_name(int index) {
    const Kernels* kernels = find(index);
    return kernels ? kernels->name : nullptr;
}

const char* gw_isa_current() { return current_kernels().name; }

gw_status gw_isa_set(const char* name) {
    for (int i = 0; const Kernels* kernels = find(i); ++i) {
        if (std::strcmp(kernels->name, name) == 0) {
            g_current.store(kernels, std::memory_order_release);
            return GW_OK;
        }
    }
    return GW_BAD_ISA;
}
