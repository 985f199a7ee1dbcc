// Turns lengths into a Plan, and buffers into their parts.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels.h"

constexpr size_t kLine = 64, kPage = 4096;

// Hands out aligned pieces of a buffer that begins on a cache line; over a null buffer it only measures.
class Arena {
public:
    explicit Arena(void* base) : base_(static_cast<char*>(base)) {}

    template <class T>
    T* take(int64_t count, size_t alignment = kLine) {
        // Where pages begin is not known before there is a buffer: room for the worst is counted either way.
        const uintptr_t at = reinterpret_cast<uintptr_t>(base_) + used_;
        const uintptr_t skipped = base_ ? (alignment - at % alignment) % alignment : 0;
        T* piece = base_ ? reinterpret_cast<T*>(base_ + used_ + skipped) : nullptr;
        const size_t bytes = (static_cast<size_t>(count) * sizeof(T) + kLine - 1) / kLine * kLine;
        used_ += bytes + alignment - kLine;
        return piece;
    }
    size_t used() const { return used_; }

private:
    char* base_;
    size_t used_ = 0;
};

// Where a Plan lives: sized by T and B alone.
struct PlanBuffers {
    int64_t *order, *length, *active, *start, *cursor;
    PlanBuffers(const gw_problem& problem, Arena& arena);
};

Plan make_plan(const gw_problem& problem, const PlanBuffers& buffers);

struct Totals {  // what sizes depend on, found without a buffer
    int64_t steps, rows, total;
};
Totals totals_of(const gw_problem& problem);

// Sets the steps past each length to zero.
void zero_tails(const gw_problem& problem, const gw_output& out, int64_t width);
