// Memory for the passes of one thread, kept between calls: fresh pages cost more than the arithmetic of a small pass.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

constexpr size_t kHugePage = size_t{2} << 20;

// Asks for huge pages where a buffer spans several: hundreds of page faults a call become a few. Only advice.
inline void advise_huge_pages(void* data, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const uintptr_t begin = (reinterpret_cast<uintptr_t>(data) + kHugePage - 1) / kHugePage * kHugePage;
    const uintptr_t end = (reinterpret_cast<uintptr_t>(data) + bytes) / kHugePage * kHugePage;
    if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
    (void)data, (void)bytes;
#endif
}

class Scratch {
public:
    Scratch() = default;
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() { std::free(data_); }

    void* at_least(size_t bytes) {
        if (bytes > size_) {
            std::free(data_);
            size_ = 0;
            const size_t alignment = bytes < kHugePage ? 64 : kHugePage;
            const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
            data_ = std::aligned_alloc(alignment, rounded);
            if (!data_) throw std::bad_alloc();
            advise_huge_pages(data_, rounded);
            size_ = rounded;
        }
        return data_;
    }

    // A rare large pass must not hold its memory for ever.
    void trim() {
        if (size_ <= kKept) return;
        std::free(data_);
        data_ = nullptr;
        size_ = 0;
    }

private:
    static constexpr size_t kKept = size_t{64} << 20;
    void* data_ = nullptr;
    size_t size_ = 0;
};
