// Fork and join: on a team that the host lends (gatework.h), else on a pool of our own.
#pragma once
#include <atomic>

// Runs body(context, 0 .. count-1), index 0 on the calling thread, and returns when all are done. Calls from several
// threads take turns. Not reentrant: a body must not call it.
void run_parallel(int count, void (*body)(void* context, int index), void* context);

template <class F>
void parallel(int count, F body) {
    if (count == 1) return body(0);
    run_parallel(count, [](void* context, int index) { (*static_cast<F*>(context))(index); }, &body);
}

// Meeting point of `count` threads that all run at once: spins, and yields when the wait is long.
class Barrier {
public:
    explicit Barrier(int count) : count_(count) {}
    void wait();  // kernels call it as wait_at (kernels.h)

private:
    const int count_;
    std::atomic<int> arrived_{0};
    std::atomic<unsigned> phase_{0};
};

void wait_at(Barrier& barrier) noexcept;
