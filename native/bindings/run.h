// The passes on tensors. Problems were checked when they were made; what is written is checked here.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>

#include "floats.h"
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
    Problems(nb::handle problems, const Manner& manner) {
        const Items given(problems);
        if (given.size() < 1 || given.size() > kMostProblems)
            throw std::invalid_argument("expected one or two problems");
        for (count = 0; count < static_cast<int>(given.size()); ++count) add(own_[count].emplace(given[count], manner));
        const gw_problem &first = cores[0], &last = cores[count - 1];
        if (first.batch != last.batch || first.hidden_size != last.hidden_size || first.proj_size != last.proj_size ||
            first.cell != last.cell)
            throw std::invalid_argument("two problems differ in cell, batch or width");
    }
    explicit Problems(const Problem& problem) {
        add(problem);
        count = 1;
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

    int count = 0;
    gw_problem cores[kMostProblems];
    const float* const* params[kMostProblems];

private:
    void add(const Problem& problem) {
        at_[count] = &problem;
        cores[count] = problem.core, params[count] = problem.params.data();
    }

    const Problem* at_[kMostProblems];
    std::optional<Problem> own_[kMostProblems];
};

// Tensors that a pass makes, in the order that it returns them. fill: see Floats.
class Made {
public:
    explicit Made(bool fill) : fill_(fill) {}
    float* operator()(std::initializer_list<int64_t> shape) {
        Floats floats(shape, fill_);
        tensors.append(floats.take());
        return floats.data();
    }

    nb::list tensors;

private:
    const bool fill_;
};

inline void run(Problems& all, gw_forward* passes, bool keep_packed) {
    static auto* packed = new PackedCache;  // never destroyed: a thread may still run at exit
    Panels panels[kMostProblems];
    const nb::gil_scoped_release release;
    for (int i = 0; keep_packed && i < all.count; ++i) {
        panels[i] = packed->get(all.cores[i], all[i].params);
        passes[i].packed = panels[i].get();
    }
    all.run(gw_forward_workspace, [&](int first, int some, void* const* workspaces) {
        return gw_run_forward(some, all.cores + first, all.params + first, passes + first, workspaces);
    });
}

// Into memory of the caller: output (T, B, P); finals: h_n and, where there is one, c_n.
inline void run_again(const Problem& p, nb::handle output, nb::handle finals) {
    Problems one(p);
    const Items states(finals);
    states.expect(p.num_states(), "finals");
    const int64_t B = p.core.batch, H = p.core.hidden_size, P = p.width();
    const gw_output y = Tensor(output, "y").is({p.core.steps, B, P}).output();
    float* h_n = Tensor(states[0], "h_n").is({B, P}).data();
    float* c_n = p.carries() ? Tensor(states[1], "c_n").is({B, H}).data() : nullptr;
    gw_forward pass{p.x, p.h0, p.c0, p.scale, y, h_n, c_n, {}, 0, nullptr, nullptr};
    run(one, &pass, true);
}

// D problems. outputs: where h of each goes, (T, B, P), or None: then y, (T, B, D * P), is made and comes first.
// Returns the final states, (D, B, P) and (D, B, H) where there is a c; the trace of each, (traced, T, B, H), if
// `trace`; the tape of all if `keep_tape`. fill: see Floats.
inline nb::list forward(nb::handle problems, nb::handle outputs, bool keep_tape, bool trace, bool keep_packed,
                        const Manner& manner, bool fill) {
    Problems all(problems, manner);
    Made make(fill);
    const int64_t D = all.count, T = all[0].core.steps, B = all[0].core.batch, H = all[0].core.hidden_size,
                  P = all[0].width();
    float* y = nullptr;
    std::optional<Items> given;
    if (outputs.is_none()) {
        if (all[all.count - 1].core.steps != T) throw std::invalid_argument("two problems differ in time");
        y = make({T, B, D * P});
    } else {
        given.emplace(outputs).expect(static_cast<size_t>(D), "outputs");
    }
    float* h_n = make({D, B, P});
    float* c_n = all[0].carries() ? make({D, B, H}) : nullptr;
    int64_t tapes[kMostProblems] = {};
    float* traces[kMostProblems] = {};
    for (int i = 0; trace && i < D; ++i) traces[i] = make({all[i].traced(), all.cores[i].steps, B, H});
    float* tape = keep_tape ? make({all.tapes(tapes)}) : nullptr;
    gw_forward passes[kMostProblems];
    for (int i = 0; i < D; ++i) {
        const Problem& p = all[i];
        const int64_t steps = p.core.steps;
        passes[i] = {
            p.x,
            p.h0,
            p.c0,
            p.scale,
            given ? Tensor((*given)[i], "y").is({steps, B, P}).output() : gw_output{y + i * P, B * D * P, D * P},
            h_n + i * B * P,
            c_n ? c_n + i * B * H : nullptr,
            gw_output{traces[i], B * H, H},
            steps * B * H,
            tape ? tape + tapes[i] : nullptr,
            nullptr};
    }
    run(all, passes, keep_packed);
    return make.tensors;
}

// What is wanted of a backward pass; of the states always, where they were given.
struct Wanted {
    bool x, params;
};

// D problems. outputs, tape: as `forward` left them. The gradients that arrive: d_outputs, of each (T, B, P) or None
// for zeros; d_finals, (D, B, P) and (D, B, H) where there is a c, or None. Returns those that are wanted: of each x,
// of the states of each, if they were given, and of the params of each. fill: see Floats.
inline nb::list backward(nb::handle problems, nb::handle outputs, nb::handle tape, nb::handle d_outputs,
                         nb::handle d_finals, const Wanted& wanted, const Manner& manner, bool fill) {
    Problems all(problems, manner);
    Made make(fill);
    const Items ys(outputs), dys(d_outputs), finals(d_finals);
    Held held;
    const int64_t D = all.count, B = all[0].core.batch, H = all[0].core.hidden_size, P = all[0].width();
    int64_t tapes[kMostProblems];
    const float* base = Tensor(tape, "tape").is({all.tapes(tapes)}).data();
    for (const Items* each : {&ys, &dys}) each->expect(static_cast<size_t>(D), "outputs");
    finals.expect(all[0].num_states(), "gradients of final states");
    const auto arriving = [&](nb::handle given, int64_t size) -> const float* {
        if (given.is_none()) return nullptr;
        return Tensor(given, "gradient of a final state").is({D, B, size}).contiguous(held).data();
    };
    const auto whole = [&](nb::handle given, const char* name, int64_t steps) {
        return given.is_none() ? gw_input{} : Tensor(given, name).is({steps, B, P}).dense_rows(held).input();
    };
    const auto at = [](auto* data, int64_t offset) { return data ? data + offset : nullptr; };
    const float* dh_n = arriving(finals[0], P);
    const float* dc_n = all[0].carries() ? arriving(finals[1], H) : nullptr;
    gw_output dx[kMostProblems] = {};
    for (int i = 0; wanted.x && i < D; ++i) {
        const gw_problem& p = all.cores[i];
        dx[i] = {make({p.steps, B, p.input_size}), B * p.input_size, p.input_size};
    }
    float *dh0[kMostProblems] = {}, *dc0[kMostProblems] = {};
    for (int i = 0; i < D; ++i) {
        if (all[i].h0) dh0[i] = make({B, P});
        if (all[i].c0) dc0[i] = make({B, H});
    }
    std::array<float*, GW_NUM_PARAMS> gradients[kMostProblems] = {};
    gw_backward passes[kMostProblems];
    for (int i = 0; i < D; ++i) {
        const Problem& p = all[i];
        if (wanted.params) {
            p.each_param([&](int param, size_t) {
                gradients[i][param] =
                    p.shaped(param, [&](std::initializer_list<int64_t> shape) { return make(shape); });
            });
        }
        passes[i] = {p.x,
                     whole(ys[i], "y", p.core.steps),
                     p.h0,
                     p.c0,
                     p.scale,
                     base + tapes[i],
                     whole(dys[i], "dy", p.core.steps),
                     at(dh_n, i * B * P),
                     at(dc_n, i * B * H),
                     dx[i],
                     dh0[i],
                     dc0[i],
                     wanted.params ? gradients[i].data() : nullptr};
    }
    const nb::gil_scoped_release release;
    all.run(gw_backward_workspace, [&](int first, int some, void* const* workspaces) {
        return gw_run_backward(some, all.cores + first, all.params + first, passes + first, workspaces);
    });
    return make.tensors;
}
