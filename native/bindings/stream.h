// Layers of gw_stream, one on the other, with the memory they need.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/stl/vector.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <vector>

#include "gatework.h"

class Stream {
public:
    // The lowest first. Only their cells, sizes and parameters are read, and nothing of them is kept.
    template <class Problem>
    explicit Stream(const std::vector<const Problem*>& problems) {
        if (problems.empty()) throw std::invalid_argument("expected at least one layer");
        const gw_problem& lowest = problems.front()->core;
        hidden_size_ = static_cast<size_t>(lowest.hidden_size);
        width_ = static_cast<size_t>(lowest.proj_size ? lowest.proj_size : lowest.hidden_size);
        for (const Problem* problem : problems) {
            const gw_problem& p = problem->core;
            const bool fits = problem == problems.front() || static_cast<size_t>(p.input_size) == width_;
            if (!fits || p.hidden_size != lowest.hidden_size || p.proj_size != lowest.proj_size)
                throw std::invalid_argument("the layers do not fit on each other");
            layers_.push_back(allocate(gw_stream_bytes(&p)));
            if (gw_stream_init(&p, problem->params.data(), layers_.back().get()) != GW_OK)
                throw std::invalid_argument("a parameter that the cell needs is missing");
        }
        between_.resize(2 * width_);
    }

    void step(const float* x, float* y) {
        const Turn turn(*this);
        for (size_t k = 0; k < layers_.size(); ++k) {
            float* above = k + 1 < layers_.size() ? between_.data() + k % 2 * width_ : y;
            gw_stream_step(layers_[k].get(), x, above);
            x = above;
        }
    }

    // h is (layers, P), c (layers, H).
    void get_state(float* h, float* c) {
        const Turn turn(*this);
        for (size_t k = 0; k < layers_.size(); ++k)
            gw_stream_get_state(layers_[k].get(), h + k * width_, c ? c + k * hidden_size_ : nullptr);
    }
    void set_state(const float* h, const float* c) {
        const Turn turn(*this);
        for (size_t k = 0; k < layers_.size(); ++k)
            gw_stream_set_state(layers_[k].get(), h ? h + k * width_ : nullptr, c ? c + k * hidden_size_ : nullptr);
    }

private:
    struct Free {
        void operator()(gw_stream* memory) const { std::free(memory); }
    };
    using Layer = std::unique_ptr<gw_stream, Free>;

    // One call at a time. A long one lets other Python threads run; a short one is over before they could.
    class Turn {
    public:
        explicit Turn(Stream& stream) {
            if (stream.bytes_ > kLong) released_.emplace();
            lock_ = std::unique_lock<std::mutex>(stream.mutex_);
        }

    private:
        std::optional<nanobind::gil_scoped_release> released_;
        std::unique_lock<std::mutex> lock_;  // given up first: nobody waits for the interpreter with it
    };

    Layer allocate(size_t bytes) {
        constexpr size_t kAlignment = 64;
        void* memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
        if (!memory) throw std::bad_alloc();
        bytes_ += bytes;
        return Layer(static_cast<gw_stream*>(memory));
    }

    static constexpr size_t kLong = size_t{1} << 20;  // of weights: some tens of microseconds
    std::vector<Layer> layers_;
    std::vector<float> between_;  // what layers hand to the next, in turn
    size_t width_ = 0, hidden_size_ = 0, bytes_ = 0;
    std::mutex mutex_;
};

// Problem: a gw_problem `core` with its `params`.
template <class Problem>
void bind_stream(nanobind::module_& m) {
    using Address = uintptr_t;
    const auto in = [](Address address) { return reinterpret_cast<const float*>(address); };
    const auto out = [](Address address) { return reinterpret_cast<float*>(address); };
    nanobind::class_<Stream>(m, "Stream")
        .def(nanobind::init<const std::vector<const Problem*>&>())
        .def("step", [=](Stream& stream, Address x, Address y) { stream.step(in(x), out(y)); })
        .def("get_state", [=](Stream& stream, Address h, Address c) { stream.get_state(out(h), out(c)); })
        .def("set_state", [=](Stream& stream, Address h, Address c) { stream.set_state(in(h), in(c)); });
}
