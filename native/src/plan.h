// Turns lengths into a Plan, and buffers into their parts.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels.h"

// Hands out 64-byte aligned pieces of a buffer; over a null buffer it only measures.
class Arena {
public:
    explicit Arena(void* base) : base_(static_cast<char*>(base)) {}

    template <class T>
    T* take(int64_t count) {
        T* piece = base_ ? reinterpret_cast<T*>(base_ + used_) : nullptr;
        used_ += (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
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
