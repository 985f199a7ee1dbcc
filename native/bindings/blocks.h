// Memory for large tensors, handed back and out again: a pass would otherwise fault in fresh pages for each.
#pragma once
#include <cstddef>
#include <mutex>
#include <vector>

#include "kept.h"
#include "scratch.h"

class Blocks {
public:
    struct Block {
        void* data;
        size_t bytes;
        Blocks* home;
    };

    Block* take(size_t bytes) {
        {
            std::lock_guard<std::mutex> lock(kept_memory());
            for (size_t i = 0; i < kept_.size(); ++i) {
                Block* block = kept_[i];
                if (block->bytes < bytes || block->bytes > 2 * bytes) continue;
                kept_[i] = kept_.back();
                kept_.pop_back();
                kept_bytes_ -= block->bytes;
                return block;
            }
        }
        const size_t alignment = bytes < kHugePage ? kPage : kHugePage;
        const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
        void* data = std::aligned_alloc(alignment, rounded);
        if (!data) throw std::bad_alloc();
        advise_huge_pages(data, rounded);
        return new Block{data, rounded, this};
    }

    void give_back(Block* block) noexcept {
        {
            std::lock_guard<std::mutex> lock(kept_memory());
            if (kept_bytes_ + block->bytes <= kMost && kept_.size() < kept_.capacity()) {
                kept_.push_back(block);
                kept_bytes_ += block->bytes;
                return;
            }
        }
        std::free(block->data);
        delete block;
    }

    Blocks() { kept_.reserve(64); }

private:
    static constexpr size_t kMost = size_t{256} << 20, kPage = size_t{4} << 10;
    std::vector<Block*> kept_;
    size_t kept_bytes_ = 0;
};
