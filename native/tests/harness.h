// What the tests of the core share: a tally of what was expected, and buffers that end where they end.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "gatework.h"

using Floats = std::vector<float>;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

struct Tally {
    int failed = 0, passed = 0;

    void expect(bool condition, const std::string& what) {
        condition ? ++passed : ++failed;
        if (!condition) std::printf("FAILED: %s %s\n", gw_isa_current(), what.c_str());
    }
    int report() const {
        std::printf("%d passed, %d failed\n", passed, failed);
        return failed ? 1 : 0;
    }
};

inline bool same(const Floats& a, const Floats& b) {  // bit for bit, so that NaN equals NaN
    return a.size() == b.size() && (a.empty() || !std::memcmp(a.data(), b.data(), a.size() * sizeof(float)));
}

// Whatever is not written shows.
inline Floats fresh(int64_t count) { return Floats(static_cast<size_t>(count), kNaN); }

// A buffer that starts on a 64-byte border and, for sanitizers, ends where it ends. Full of NaN, so that a result made
// from what was never written shows.
class Workspace {
public:
    explicit Workspace(size_t bytes) {
        if (posix_memalign(&data_, 64, bytes) != 0) std::abort();
        std::memset(data_, 0xff, bytes);
    }
    ~Workspace() { std::free(data_); }
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    void* get() const { return data_; }

private:
    void* data_ = nullptr;
};

// The instruction sets of this machine, best first.
inline std::vector<std::string> instruction_sets() {
    std::vector<std::string> all;
    for (int i = 0; const char* name = gw_isa_name(i); ++i) all.push_back(name);
    return all;
}
