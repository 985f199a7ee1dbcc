// The passes on tensors. Problems were checked when they were made; what is written is checked here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "problem.h"
#include "scratch.h"

constexpr int kMostProblems = 2;
constexpr int64_t kTapeLine = 16;  // floats of a cache line: tapes start at one

// Of the thread that calls, one for each problem.
inline Scratch& scratch_of(int problem) {
    thread_local Scratch scratch[kMostProblems];
    return scratch[problem];
}

// One problem, or two side by side.
class Problems {
public:
    explicit Problems(nb::handle problems) {
        const Items given(problems);
        if (given.size() < 1 || given.size() > kMostProblems)
            throw std::invalid_argument("expected one or two problems");
        count = static_cast<int>(given.size());
        for (int i = 0; i < count; ++i) {
            at_[i] = &nb::cast<const Problem&>(given[i]);
            cores[i] = at_[i]->core, params[i] = at_[i]->params.data();
        }
    }
    const Problem& operator[](int i) const { return *at_[i]; }

    // Where the tape of each starts in a tensor of them all, and the floats of all.
    int64_t tapes(int64_t (&offsets)[kMostProblems]) const {
        int64_t floats = 0;
        for (int i = 0; i < count; ++i) {
            offsets[i] = floats = (floats + kTapeLine - 1) / kTapeLine * kTapeLine;
            floats += static_cast<int64_t>(gw_tape_floats(&cores[i]));
        }
        return floats;
    }

    // run(first, some, workspaces). Two share their threads; those that have one thread take turns.
    template <class Bytes, class Run>
    void run(const Bytes& bytes, const Run& run) {
        const auto some = [&](int first, int number) {
            void* workspaces[kMostProblems];
            for (int i = first; i < first + number; ++i) workspaces[i] = scratch_of(i).at_least(bytes(&cores[i]));
            require(run(first, number, workspaces + first));
        };
        const int threads = cores[0].num_threads;
        if (count == 1 || threads < 2) {
            for (int i = 0; i < count; ++i) some(i, 1);
        } else {
            cores[0].num_threads = (threads + 1) / 2, cores[1].num_threads = threads / 2;
            some(0, 2);
        }
        for (int i = 0; i < kMostProblems; ++i) scratch_of(i).trim();
    }

    int count;
    gw_problem cores[kMostProblems];
    const float* const* params[kMostProblems];

private:
    const Problem* at_[kMostProblems];
};

inline int64_t tape_floats(nb::handle problems) {
    int64_t offsets[kMostProblems];
    return Problems(problems).tapes(offsets);
}

// outputs: of each problem (T, B, P); finals: h_n and, where there is one, c_n of each in turn; traces: of each
// (traced, T, B, H), or none at all; tape: as long as tape_floats says, or None.
inline void run_forward(nb::handle problems, nb::handle outputs, nb::handle finals, nb::handle traces, nb::handle tape,
                        bool keep_packed) {
    static auto* packed = new PackedCache;  // never destroyed: a thread may still run at exit
    Problems all(problems);
    const Items ys(outputs), states(finals), trace_of(traces);
    int64_t offsets[kMostProblems];
    float* base = tape.is_none() ? nullptr : Tensor(tape, "tape").is({all.tapes(offsets)}).data();
    gw_forward passes[kMostProblems];
    Panels panels[kMostProblems];
    size_t final = 0;
    ys.expect(static_cast<size_t>(all.count), "outputs");
    states.expect(static_cast<size_t>(all.count) * (1 + all[0].carries()), "finals");
    if (trace_of.size() > 0) trace_of.expect(ys.size(), "traces");
    for (int i = 0; i < all.count; ++i) {
        const Problem& p = all[i];
        const int64_t T = p.core.steps, B = p.core.batch, H = p.core.hidden_size, P = p.width();
        float* h_n = Tensor(states[final++], "h_n").is({B, P}).data();
        float* c_n = p.carries() ? Tensor(states[final++], "c_n").is({B, H}).data() : nullptr;
        gw_output trace{};
        int64_t slot = 0;
        if (trace_of.size() > 0) {
            const Tensor to = Tensor(trace_of[i], "trace").is({p.traced(), T, B, H});
            trace = {to.data(), to.stride(1), to.stride(2)}, slot = to.stride(0);
        }
        const gw_output y = Tensor(ys[i], "y").is({T, B, P}).output();
        passes[i] = {p.x, p.h0, p.c0, p.scale, y, h_n, c_n, trace, slot, base ? base + offsets[i] : nullptr, nullptr};
    }
    const nb::gil_scoped_release release;
    for (int i = 0; keep_packed && i < all.count; ++i) {
        panels[i] = packed->get(all.cores[i], all[i].params);
        passes[i].packed = panels[i].get();
    }
    all.run(gw_forward_workspace, [&](int first, int some, void* const* workspaces) {
        return gw_run_forward(some, all.cores + first, all.params + first, passes + first, workspaces);
    });
}

// tape, outputs: as run_forward left them; d_outputs and d_finals: the gradients that arrive at what it wrote, None for
// zeros; d_inputs: where that of each x goes, or None; d_states, d_params: likewise of each problem in turn, or empty.
inline void run_backward(nb::handle problems, nb::handle outputs, nb::handle tape, nb::handle d_outputs,
                         nb::handle d_finals, nb::handle d_inputs, nb::handle d_states, nb::handle d_params) {
    Problems all(problems);
    const Items ys(outputs), dys(d_outputs), finals(d_finals), dxs(d_inputs), states(d_states), weights(d_params);
    int64_t offsets[kMostProblems];
    const float* base = Tensor(tape, "tape").is({all.tapes(offsets)}).data();
    std::array<float*, GW_NUM_PARAMS> gradients[kMostProblems] = {};
    gw_backward passes[kMostProblems];
    Held held;
    size_t final = 0, state = 0, weight = 0;
    for (const Items* each : {&ys, &dys, &dxs}) each->expect(static_cast<size_t>(all.count), "outputs or inputs");
    finals.expect(static_cast<size_t>(all.count) * (1 + all[0].carries()), "gradients of final states");
    const bool wants_state = states.size() > 0, wants_params = weights.size() > 0;
    if (wants_state) states.expect(finals.size(), "gradients of initial states");
    for (int i = 0; i < all.count; ++i) {
        const Problem& p = all[i];
        const int64_t T = p.core.steps, B = p.core.batch, P = p.width();
        const auto arriving = [&](int64_t size) -> const float* {
            const nb::handle given = finals[final++];
            if (given.is_none()) return nullptr;
            return Tensor(given, "gradient of a final state").is({B, size}).contiguous(held).data();
        };
        const auto leaving = [&](int64_t size) {
            return wants_state ? Tensor(states[state++], "gradient of a state").is({B, size}).data() : nullptr;
        };
        const auto whole = [&](nb::handle given, const char* name, int64_t size) {
            return given.is_none() ? gw_input{} : Tensor(given, name).is({T, B, size}).dense_rows(held).input();
        };
        const float* dh_n = arriving(P);
        const float* dc_n = p.carries() ? arriving(p.core.hidden_size) : nullptr;
        float* dh0 = leaving(P);
        float* dc0 = p.carries() ? leaving(p.core.hidden_size) : nullptr;
        if (wants_params) {
            p.each_param([&](int param, size_t) {
                if (weight >= weights.size()) throw std::invalid_argument("gradients of some params are missing");
                gradients[i][param] = p.check_param(param, Tensor(weights[weight++], kParamNames[param])).data();
            });
        }
        const gw_output dx =
            dxs[i].is_none() ? gw_output{} : Tensor(dxs[i], "dx").is({T, B, p.core.input_size}).output();
        passes[i] = {p.x,
                     whole(ys[i], "y", P),
                     p.h0,
                     p.c0,
                     p.scale,
                     base + offsets[i],
                     whole(dys[i], "dy", P),
                     dh_n,
                     dc_n,
                     dx,
                     dh0,
                     dc0,
                     wants_params ? gradients[i].data() : nullptr};
    }
    const nb::gil_scoped_release release;
    all.run(gw_backward_workspace, [&](int first, int some, void* const* workspaces) {
        return gw_run_backward(some, all.cores + first, all.params + first, passes + first, workspaces);
    });
}
