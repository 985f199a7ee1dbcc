// Packed weights, kept between passes that leave no tape and found again by content: an address or a version number
// would miss writes behind torch's back.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "fingerprint.h"
#include "gatework.h"
#include "kept.h"
#include "scratch.h"

using Params = std::array<const float*, GW_NUM_PARAMS>;
using Panels = std::shared_ptr<const float>;  // a pass holds its own, whatever becomes of the cache

// Floats of each parameter there is, else 0.
inline std::array<int64_t, GW_NUM_PARAMS> param_sizes(const gw_problem& p, const Params& params) {
    const int64_t H = p.hidden_size, R = p.proj_size ? p.proj_size : H, rows = gw_gates(&p) * H;
    std::array<int64_t, GW_NUM_PARAMS> sizes = {
        rows * p.input_size, rows * R, rows, rows, R * H, H, H, H, rows, rows, rows, rows, H, H};
    for (int k = 0; k < GW_NUM_PARAMS; ++k) {
        if (!params[k]) sizes[k] = 0;
    }
    return sizes;
}

class PackedCache {
public:
    // The panels of these parameters; empty where keeping them is not worth it.
    Panels get(const gw_problem& problem, const Params& params) {
        const size_t bytes = gw_packed_floats(&problem) * sizeof(float);
        if (bytes < kLeast || bytes > kMost || problem.num_threads > 1) return {};
        const Key key = key_of(problem, params, bytes);
        if (Panels found = find(key)) return found;
        Panels made(allocate(bytes), [](const float* data) { std::free(const_cast<float*>(data)); });
        if (gw_pack(&problem, params.data(), const_cast<float*>(made.get())) != GW_OK) return {};
        insert(key, made, bytes);
        return made;
    }

private:
    struct Key {
        int32_t cell;
        uint32_t options;
        int64_t input_size, hidden_size, proj_size;
        size_t bytes;     // tiles have their own form
        const char* isa;  // one of the core's own names
        Fingerprint content;

        bool operator==(const Key& other) const {
            return content == other.content && cell == other.cell && options == other.options &&
                   input_size == other.input_size && hidden_size == other.hidden_size && proj_size == other.proj_size &&
                   bytes == other.bytes && isa == other.isa;
        }
    };
    struct Entry {
        Key key;
        Panels panels;
        size_t bytes;
        uint64_t used;
    };

    static Key key_of(const gw_problem& problem, const Params& params, size_t bytes) {
        const auto sizes = param_sizes(problem, params);
        Fingerprinter content;
        for (int k = 0; k < GW_NUM_PARAMS; ++k) content.add(params[k], sizes[k] * sizeof(float));
        return {problem.cell,      problem.options, problem.input_size, problem.hidden_size,
                problem.proj_size, bytes,           gw_isa_current(),   content.finish()};
    }

    static float* allocate(size_t bytes) {
        const size_t alignment = bytes < kHugePage ? 64 : kHugePage;
        const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
        void* data = std::aligned_alloc(alignment, rounded);
        if (!data) throw std::bad_alloc();
        advise_huge_pages(data, rounded);
        return static_cast<float*>(data);
    }

    Panels find(const Key& key) {
        std::lock_guard<std::mutex> lock(kept_memory());
        for (Entry& entry : entries_) {
            if (!(entry.key == key)) continue;
            entry.used = ++clock_;
            return entry.panels;
        }
        return {};
    }

    void insert(const Key& key, const Panels& panels, size_t bytes) {
        std::vector<Entry> dropped;  // freed after the lock
        std::lock_guard<std::mutex> lock(kept_memory());
        while (!entries_.empty() && (bytes_ + bytes > kMost || entries_.size() >= kEntries)) {
            size_t oldest = 0;
            for (size_t i = 1; i < entries_.size(); ++i) {
                if (entries_[i].used < entries_[oldest].used) oldest = i;
            }
            bytes_ -= entries_[oldest].bytes;
            dropped.push_back(std::move(entries_[oldest]));
            if (oldest + 1 < entries_.size()) entries_[oldest] = std::move(entries_.back());
            entries_.pop_back();
        }
        entries_.push_back({key, panels, bytes, ++clock_});
        bytes_ += bytes;
    }

    // Measured: small weights, and those that several threads pack, are packed as fast as one thread hashes them.
    static constexpr size_t kLeast = size_t{1} << 20;
    static constexpr size_t kMost = size_t{64} << 20;
    static constexpr size_t kEntries = 256;
    std::vector<Entry> entries_;
    size_t bytes_ = 0;
    uint64_t clock_ = 0;
};
