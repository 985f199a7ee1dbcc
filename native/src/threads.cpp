#include "threads.h"

#include "../include/gatework.h"

#include <pthread.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace {

void relax() {
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Long enough to catch the next call of a tight loop, short enough to leave the core to others.
constexpr int kSpins = 2000;

class Pool {
public:
    ~Pool() {
        {
            std::lock_guard<std::mutex> lock(sleep_mutex_);
            stopping_ = true;
            generation_.fetch_add(1);
        }
        wake_.notify_all();
        for (auto& worker : workers_) worker.join();
    }

    void run(int count, void (*body)(void*, int), void* context) {
        std::lock_guard<std::mutex> turn(turn_mutex_);
        while (static_cast<int>(workers_.size()) < count - 1) {
            const int index = static_cast<int>(workers_.size()) + 1;
            workers_.emplace_back([this, index, seen = generation_.load()] { work(index, seen); });
        }
        body_ = body;
        context_ = context;
        count_ = count;
        pending_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
        {
            // The lock orders this with a worker that is about to sleep.
            std::lock_guard<std::mutex> lock(sleep_mutex_);
            generation_.fetch_add(1, std::memory_order_release);
        }
        if (sleepers_.load() > 0) wake_.notify_all();
        body(context, 0);
        for (int spins = 0; pending_.load(std::memory_order_acquire) != 0; ++spins) {
            spins < kSpins ? relax() : std::this_thread::yield();
        }
    }

private:
    void work(int index, unsigned seen) {
        for (;;) {
            for (int spins = 0; spins < kSpins && generation_.load(std::memory_order_acquire) == seen; ++spins) relax();
            if (generation_.load(std::memory_order_acquire) == seen) {
                std::unique_lock<std::mutex> lock(sleep_mutex_);
                sleepers_.fetch_add(1);
                wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
                sleepers_.fetch_sub(1);
            }
            seen = generation_.load(std::memory_order_acquire);
            if (stopping_) return;
            if (index < count_) body_(context_, index);
            pending_.fetch_sub(1, std::memory_order_release);
        }
    }

    std::mutex turn_mutex_, sleep_mutex_;
    std::condition_variable wake_;
    std::atomic<unsigned> generation_{0};
    std::atomic<int> pending_{0}, sleepers_{0};
    bool stopping_ = false;
    void (*body_)(void*, int) = nullptr;
    void* context_ = nullptr;
    int count_ = 0;
    std::vector<std::thread> workers_;
};

Pool* g_pool = nullptr;
std::once_flag g_once;
gw_team g_team{nullptr, nullptr, nullptr};

// A child of fork has the parent's memory but none of its threads: it starts with a pool of its own. The parent's pool
// object is abandoned there, since its threads cannot be joined.
void start_afresh() {
    g_pool = new Pool;
    g_team = {nullptr, nullptr, nullptr};
}

struct Job {
    int count;
    void (*body)(void*, int);
    void* context;
    std::atomic<bool> team_too_small;
};

void run_share(void* data) {
    Job& job = *static_cast<Job*>(data);
    if (g_team.num_threads() < job.count) {  // nested in a parallel region, say: bodies that meet would wait for ever
        job.team_too_small = true;
    } else {
        job.body(job.context, g_team.thread_num());
    }
}

}  // namespace

void gw_lend_team(const gw_team* team) { g_team = *team; }

void run_parallel(int count, void (*body)(void*, int), void* context) {
    std::call_once(g_once, [] {
        g_pool = new Pool;
        pthread_atfork(nullptr, nullptr, start_afresh);
    });
    if (g_team.parallel) {
        Job job{count, body, context, {false}};
        g_team.parallel(run_share, &job, static_cast<unsigned>(count), 0);
        if (!job.team_too_small) return;
    }
    g_pool->run(count, body, context);
}

void Barrier::wait() {
    const unsigned phase = phase_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == count_) {
        arrived_.store(0, std::memory_order_relaxed);
        phase_.store(phase + 1, std::memory_order_release);
        return;
    }
    for (int spins = 0; phase_.load(std::memory_order_acquire) == phase; ++spins) {
        spins < kSpins ? relax() : std::this_thread::yield();
    }
}

void wait_at(Barrier& barrier) noexcept { barrier.wait(); }
