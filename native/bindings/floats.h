// New tensors of float32 or bfloat16, made without a call into torch's Python; a large one over memory that is kept
// between passes.
#pragma once
#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <new>
#include <utility>

#include "blocks.h"
#include "tensors.h"

class Floats {
public:
    static constexpr int kMostAxes = 4;

    // It holds whatever was there, or NaN where `fill` says so: what is not written then shows.
    Floats(std::initializer_list<int64_t> shape, bool fill)
        : Floats(shape.begin(), static_cast<int>(shape.size()), GW_FLOAT32, fill) {}
    Floats(const int64_t* shape, int axes, gw_number number, bool fill) {
        const Exchange& torch = Exchange::of_torch();
        int64_t count = 1;
        for (int axis = 0; axis < axes; ++axis) count *= shape[axis];
        const size_t each = number == GW_FLOAT32 ? sizeof(float) : sizeof(uint16_t);
        const size_t bytes = static_cast<size_t>(count) * each;
        const bool is_large = bytes >= kLarge;
        Block* block = static_cast<Block*>(std::malloc(sizeof(Block) + (is_large ? 0 : bytes + kAlignment)));
        if (!block) throw std::bad_alloc();
        block->kept = nullptr;
        try {
            if (is_large) block->kept = blocks().take(bytes);
        } catch (...) {
            std::free(block);
            throw;
        }
        const auto after = reinterpret_cast<uintptr_t>(block + 1);
        data_ = is_large ? static_cast<float*>(block->kept->data)
                         : reinterpret_cast<float*>((after + kAlignment - 1) / kAlignment * kAlignment);
        block->owned = {torch.major, torch.minor, nullptr, release, 0, {}};
        nb::dlpack::dltensor& tensor = block->owned.tensor;
        tensor.data = data_;
        tensor.device = {nb::device::cpu::value, 0};
        tensor.ndim = axes;
        tensor.dtype = {
            static_cast<uint8_t>(number == GW_FLOAT32 ? nb::dlpack::dtype_code::Float : nb::dlpack::dtype_code::Bfloat),
            static_cast<uint8_t>(8 * each), 1};
        tensor.shape = block->shape, tensor.strides = block->strides;
        for (int64_t axis = axes, stride = 1; axis-- > 0; stride *= shape[axis]) {
            block->shape[axis] = shape[axis];
            block->strides[axis] = stride;
        }
        if (fill) std::memset(data_, 0xFF, bytes);
        void* object = nullptr;
        if (torch.to_object(&block->owned, &object) != 0) throw nb::python_error();
        tensor_ = nb::steal(static_cast<PyObject*>(object));
    }

    float* data() const { return data_; }
    nb::object take() { return std::move(tensor_); }

private:
    static constexpr size_t kLarge = size_t{1} << 17, kAlignment = 64;  // from there on malloc takes fresh pages

    // What a tensor of torch over this memory keeps until it is gone. A small one's memory follows.
    struct Block {
        Owned owned;  // first: torch gives its address back
        int64_t shape[kMostAxes], strides[kMostAxes];
        Blocks::Block* kept;
    };

    static Blocks& blocks() {
        static auto* made = new Blocks;  // never destroyed: tensors may outlive the module
        return *made;
    }
    static void release(Owned* owned) {
        auto* block = reinterpret_cast<Block*>(owned);
        if (block->kept) block->kept->home->give_back(block->kept);
        std::free(block);
    }

    nb::object tensor_;
    float* data_;
};
